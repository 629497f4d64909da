"""EPG's catalogue becomes products."""

from dataclasses import dataclass, field

from accounts.models import User
from catalog.epg.catalogue import PAGE_SIZE, SOURCE, read_catalogue
from catalog.models import Product
from catalog.progress import Progress, unseen
from catalog.rows import Counts, ProductRow, Remark
from catalog.services.products import RULES, import_products
from catalog.services.rules import keep_stored, own_source_only

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
    """`vanished` products of EPG were marked inactive; none are where pages failed, they may be on those."""

    pages: int
    failed_pages: list[int]
    vanished: int = 0
    counts: Counts = field(default_factory=Counts)
    remarks: list[Remark] = field(default_factory=list)


def sync_catalog(
    *, page_size: int = PAGE_SIZE, dry_run: bool = False, progress: Progress = unseen, by: User | None = None
) -> SyncReport:
    """Bring the products up to date with EPG, touching only what differs.

    Raises `NotReached` or `UnknownOutcome` where EPG does not answer at all.
    """
    catalogue = read_catalogue(page_size=page_size, progress=progress)
    report = SyncReport(catalogue.pages, catalogue.failed_pages, remarks=catalogue.remarks)
    rows = catalogue.rows
    if rows and not report.failed_pages:
        vanished = _vanished({row.code for row in rows})
        report.vanished = len(vanished)
        rows = rows + vanished
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


def _vanished(codes: set[str]) -> list[ProductRow]:
    """EPG's own products that it no longer lists, as they are but for being on the market."""
    stored = Product.objects.filter(source=SOURCE, is_active=True).order_by().values_list("code", "label")
    return [ProductRow(code, label, is_active=False, source=SOURCE) for code, label in stored if code not in codes]
