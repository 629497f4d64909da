"""What actions cost: prices that begin later, and price lists as files of staff say them."""

from collections.abc import Iterable
from datetime import datetime, time
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from accounts.models import PriceList, User
from common.exchange.reports import Line, Report
from common.unit_of_work import unit_of_work

COLUMNS = ("action", "libelle", "credits", "nouveaux_credits", "valable_des")
REQUIRED = ("action", "libelle", "credits")
_FIELDS = ("label", "credits", "next_credits", "next_from")


def change_price(price: PriceList, *, label: str | None = None, credits: int | None = None, by: User) -> PriceList:
    """Call a price otherwise, and say what it is from now on, in credits (≥ 0); None leaves it.

    Another price than the present one withdraws what was planned: nobody who sets it now expects it to change again by
    itself. Its event (`reference.updated`) tells both.
    """
    with unit_of_work():
        locked = PriceList.objects.select_for_update().get(pk=price.pk)
        if label is not None:
            locked.label = label
        if credits is not None and credits != locked.credits_now:
            locked.credits, locked.next_credits, locked.next_from = credits, None, None
        locked.save(update_fields=[*_FIELDS, "updated_at"])
    return locked


def apply_due_credits() -> int:
    """Make what was planned the price, once its time has come; how many. Safe to run twice at the same time.

    It is charged from that time on anyway (`PriceList.credits_now`): this keeps the list readable.
    """
    applied = 0
    for pk in PriceList.objects.filter(next_from__lte=timezone.now()).values_list("pk", flat=True):
        with unit_of_work():
            row = PriceList.objects.select_for_update().filter(pk=pk, next_from__lte=timezone.now()).first()
            if row is None:
                continue
            row.credits, row.next_credits, row.next_from = row.credits_now, None, None
            row.save(update_fields=["credits", "next_credits", "next_from", "updated_at"])
            applied += 1
    return applied


def import_price_list(lines: Iterable[Line], *, dry_run: bool, may_add: bool = True, by: User | None) -> Report:
    """Make the list say what a file says; a dry run only tells.

    Rows are found by their action, without one by their label, and made where there is none and `may_add`.
    """
    report = Report()
    seen: dict[tuple[str | None, str], int] = {}
    with unit_of_work():
        for line, cells in lines:
            action, label = cells.get("action") or None, cells.get("libelle", "")
            key = (action, "" if action else label)
            if seen.setdefault(key, line) != line:
                report.refuse(line, _("Ce tarif est déjà à la ligne %(line)d.") % {"line": seen[key]})
                continue
            found = PriceList.objects.select_for_update().filter(action=action)
            row = (found if action else found.filter(label=label)).first() or PriceList(action=action)
            old = _values(row)
            try:
                row.label = label
                row.credits = _number(cells.get("credits", ""))
                row.next_from = _moment(cells.get("valable_des", ""))
                row.next_credits = None if row.next_from is None else _number(cells.get("nouveaux_credits", ""))
                row.full_clean()
            except ValidationError as error:
                report.refuse(line, " ".join(error.messages))
                continue
            if row.pk is not None and _values(row) == old:
                report.unchanged += 1
                continue
            if row.pk is None and not may_add:
                report.refuse(line, _("Vous n'avez pas le droit d'ajouter des lignes."))
                continue
            report.created += row.pk is None
            report.changes.append(
                f"{action or label} : {old['credits'] if row.pk else '–'} → {row.credits}{_later(row)}"
            )
            if not dry_run:
                row.save()
    return report


def _values(row: PriceList) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _FIELDS}


def _later(row: PriceList) -> str:
    return (
        "" if row.next_from is None else f" → {row.next_credits} ({timezone.localtime(row.next_from):%Y-%m-%d %H:%M})"
    )


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise ValidationError(_("Nombre de crédits illisible."))
    return int(text)


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = parse_datetime(text)
        day = None if moment else parse_date(text)
    except ValueError:
        moment = day = None
    if moment is None:
        if day is None:
            raise ValidationError(_("Date illisible."))
        moment = datetime.combine(day, time())
    # Beyond these no zone can be computed.
    if not 2000 <= moment.year < 2200:
        raise ValidationError(_("Date illisible."))
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment
