"""Opening hours and turns of duty."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict

from accounts.models import User
from catalog.enums import HoursStatus
from catalog.hours_text import Opening, read_hours
from catalog.models import DutyPeriod, OpeningHours, Pharmacy
from catalog.rows import Counts, DutyRow
from catalog.services.bulk import rehearsable, upsert
from catalog.signals import duty_imported
from common import sql
from common.unit_of_work import unit_of_work

_DUTY_COLUMNS = ("pharmacy_id", "starts_at", "ends_at", "zone", "surcharge", "currency")


def read_imported_hours(only: Pharmacy | None = None) -> None:
    """Structure the free text of pharmacies (or one) whose hours nobody has entered, in the caller's transaction.

    What cannot be read to the last word is flagged (`HoursStatus.UNREAD`) and has no hours.
    """
    stored: defaultdict[int, list[Opening]] = defaultdict(list)
    pharmacies = Pharmacy.objects.exclude(hours_status=HoursStatus.ENTERED)
    rows = OpeningHours.objects.order_by("day", "opens")
    if only is not None:
        pharmacies, rows = pharmacies.filter(pk=only.pk), rows.filter(pharmacy=only)
    for row in rows:
        stored[row.pharmacy_id].append((row.day, row.opens, row.closes))
    for pk, text, old_status in pharmacies.order_by("pk").values_list("pk", "hours", "hours_status"):
        found = read_hours(text)
        status = HoursStatus.READ if found else HoursStatus.UNREAD if text else HoursStatus.UNKNOWN
        if status != old_status:
            Pharmacy.objects.filter(pk=pk).update(hours_status=status)
            if only is not None:
                only.hours_status = status
        if (found or []) != stored[pk]:
            _replace(pk, found or [])


def mark_hours_entered(pharmacy: Pharmacy, *, by: User | None) -> None:
    """Somebody has entered the hours: imports keep away from them."""
    if pharmacy.hours_status != HoursStatus.ENTERED:
        pharmacy.hours_status = HoursStatus.ENTERED
        with unit_of_work():
            pharmacy.save(update_fields=["hours_status", "updated_at"])


def import_duty(
    rows: Iterable[DutyRow],
    *,
    source: str = "",
    left_out: int = 0,
    dry_run: bool = False,
    by: User | None = None,
) -> Counts:
    """Create or update turns of duty by pharmacy and start; what does not differ is not touched.

    Every row names a pharmacy that exists. A dry run takes it back.
    """
    distinct = {(row.pharmacy_code, row.starts_at): row for row in rows}
    starts_at, ends_at = (DutyPeriod._meta.get_field(name) for name in ("starts_at", "ends_at"))
    with rehearsable(dry_run=dry_run):
        ids = dict(Pharmacy.objects.values_list("code", "pk"))
        counts = upsert(
            DutyPeriod,
            (
                (
                    ids[row.pharmacy_code],
                    sql.adapt(row.starts_at, starts_at),
                    sql.adapt(row.ends_at, ends_at),
                    row.zone,
                    row.surcharge,
                    row.currency,
                )
                for row in distinct.values()
            ),
            columns=_DUTY_COLUMNS,
            key=("pharmacy_id", "starts_at"),
        ).counts
        if counts.changed:
            duty_imported.send(DutyPeriod, source=source, counts={**asdict(counts), "left_out": left_out}, by=by)
    return counts


def _replace(pharmacy_id: int, openings: Iterable[Opening]) -> None:
    OpeningHours.objects.filter(pharmacy_id=pharmacy_id).delete()
    OpeningHours.objects.bulk_create(
        OpeningHours(pharmacy_id=pharmacy_id, day=day, opens=opens, closes=closes) for day, opens, closes in openings
    )
