"""EPG's catalogue becomes products."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.conf import settings

from accounts.models import User
from catalog.epg.catalogue import PAGE_SIZE, SOURCE, Catalogue, read_catalogue
from catalog.models import Product
from catalog.progress import Progress, unseen
from catalog.rows import Counts, ProductRow, Remark
from catalog.services.products import RULES, import_products
from catalog.services.rules import keep_stored, own_source_only

logger = logging.getLogger(__name__)

# So many may vanish whatever their share: of a small catalogue one product is many percent.
_FEW = 20

# EPG knows labels and prices: what others told about a product stays.
SYNC_RULES = {
    **RULES,
    **{name: own_source_only(name) for name in ("label", "is_active")},
    **{
        name: keep_stored(name) for name in ("substance", "form", "category", "kind", "prescription_required", "source")
    },
}


@dataclass(slots=True)
class SyncReport:
    """`vanished` products of EPG were marked inactive; none were where `doubt` says why they may still be on sale."""

    pages: int
    vanished: int = 0
    doubt: str = ""
    counts: Counts = field(default_factory=Counts)
    remarks: list[Remark] = field(default_factory=list)


def sync_catalog(
    *, page_size: int = PAGE_SIZE, dry_run: bool = False, progress: Progress = unseen, by: User | None = None
) -> SyncReport:
    """Bring the products up to date with EPG, touching only what differs.

    What EPG no longer lists is marked inactive, unless a page is missing, came short or moved, or more would vanish at
    once than `EPG_VANISHED_PERCENT`. Raises `NotReached` or `UnknownOutcome` where EPG does not answer at all.
    """
    catalogue = read_catalogue(page_size=page_size, progress=progress)
    report = SyncReport(catalogue.pages, remarks=catalogue.remarks)
    rows = catalogue.rows
    if catalogue.listed:
        stored = _stored()
        vanished = [row for row in stored if row.code not in catalogue.listed]
        report.doubt = _doubt_of_pages(catalogue) or _doubt_of_share(len(vanished), of=len(stored))
        if not report.doubt:
            report.vanished = len(vanished)
            rows = rows + vanished
        elif not dry_run:
            logger.error("nothing of EPG is marked as vanished", extra={"reason": report.doubt})
    report.counts = import_products(
        rows,
        source=SOURCE,
        left_out=sum(remark.reason.startswith("left out") for remark in report.remarks),
        dry_run=dry_run,
        rules=SYNC_RULES,
        progress=progress,
        by=by,
    )
    return report


def _stored() -> list[ProductRow]:
    """EPG's own products on the market, as they will be once EPG no longer lists them."""
    stored = Product.objects.filter(source=SOURCE, is_active=True).order_by().values_list("code", "label")
    return [ProductRow(code, label, is_active=False, source=SOURCE) for code, label in stored]


def _doubt_of_pages(catalogue: Catalogue) -> str:
    if catalogue.failed_pages:
        return f"pages {_numbers(catalogue.failed_pages)} could not be read"
    if len(catalogue.page_counts) > 1:
        return f"the number of pages changed meanwhile ({_numbers(catalogue.page_counts)})"
    if catalogue.short_pages:
        return f"pages {_numbers(catalogue.short_pages)} had fewer items than were asked for"
    return ""


def _doubt_of_share(vanished: int, *, of: int) -> str:
    percent = settings.EPG_VANISHED_PERCENT
    if vanished > _FEW and vanished * 100 > of * percent:
        return f"{vanished} of {of} products would vanish at once, more than EPG_VANISHED_PERCENT ({percent})"
    return ""


def _numbers(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))
