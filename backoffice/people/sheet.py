"""All there is of a person on one page: each part for those who may see its list, from a fixed number of queries."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, CreditEntry, TokenFamily, User
from accounts.statement import label_of
from appointments.admin.booking import STATUS_COLOURS as APPOINTMENT_COLOURS
from appointments.models import Appointment
from audit.models import Event
from backoffice.buttons import Button, buttons_of
from backoffice.home.cards import list_url, may_see
from common.admin import badge, link, moment, money
from payments.admin.labels import REFUND_COLOURS, STATUS_COLOURS, reason_label
from payments.models import Payment, Refund
from reservations.admin.reservations import STATUS_COLOURS as RESERVATION_COLOURS
from reservations.models import Reservation

# Of each part; its list has the others.
SHOWN = 10


@dataclass(frozen=True)
class Part:
    """A table of the page. `url` is the list with all of it, `empty` what to say of nothing."""

    title: Any
    headers: tuple[Any, ...]
    rows: list[tuple[Any, ...]]
    url: str
    empty: Any


@dataclass
class Sheet:
    user: User
    account: Account | None
    buttons: list[Button] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)


def sheet_of(request: HttpRequest, user: User) -> Sheet:
    """What this reader may see of the person."""
    account = Account.objects.select_related("rate").filter(user=user).first()
    back = reverse("person", args=(user.pk,))
    sheet = Sheet(user, account if may_see(request, "accounts.Account") else None)
    buttons = buttons_of(request, user, back) + (buttons_of(request, account, back) if account else [])
    # What cannot be undone stands at the end.
    sheet.buttons = sorted(buttons, key=lambda button: button.is_dangerous)
    theirs = urlencode({"q": user.email})
    makers: tuple[tuple[str, Callable[[], Part]], ...] = (
        ("accounts.CreditEntry", lambda: _statement(user, account, list_url("accounts.creditentry", theirs))),
        ("reservations.Reservation", lambda: _reservations(user, list_url("reservations.reservation", theirs))),
        ("appointments.Appointment", lambda: _appointments(user, list_url("appointments.appointment", theirs))),
        ("payments.Payment", lambda: _payments(user, list_url("payments.payment", theirs))),
        ("payments.Refund", lambda: _refunds(user, list_url("payments.refund", theirs))),
        ("audit.Event", lambda: _events(user, account, list_url("audit.event", urlencode({"q": str(user.pk)})))),
    )
    sheet.parts = [make() for model, make in makers if _sees_all(request, model)]
    sheet.parts.append(_sessions(user))
    return sheet


def _sees_all(request: HttpRequest, model: str) -> bool:
    """By the named permission: whoever sees some rows because of a pharmacy of theirs has no business here."""
    meta = apps.get_model(model)._meta
    return request.user.has_perm(f"{meta.app_label}.view_{meta.model_name}")  # type: ignore[union-attr]


_when = moment("created_at", "")


def _newest(rows: QuerySet[Any], *related: str) -> list[Any]:
    return list(rows.select_related(*related).order_by("-pk")[:SHOWN])


def _statement(user: User, account: Account | None, url: str) -> Part:
    entries = _newest(CreditEntry.objects.filter(account=account)) if account else []
    return Part(
        _("Relevé"),
        (_("date"), _("nature"), _("mouvement"), _("solde après")),
        [
            (
                _when(entry),
                label_of(entry),
                badge(f"{entry.amount:+d}", "success" if entry.amount > 0 else "danger"),
                entry.balance_after,
            )
            for entry in entries
        ],
        url,
        _("Aucun mouvement. Offrez un forfait, ou laissez la personne en acheter un."),
    )


def _reservations(user: User, url: str) -> Part:
    return Part(
        _("Réservations"),
        (_("numéro"), _("date"), _("pharmacie"), _("état"), _("total")),
        [
            (
                link("reservations.reservation", row.pk, row.pickup_code),
                _when(row),
                row.pharmacy.name,
                badge(row.get_status_display(), RESERVATION_COLOURS.get(row.status, "")),
                money(row.total, row.currency),
            )
            for row in _newest(Reservation.objects.filter(user=user), "pharmacy")
        ],
        url,
        _("Aucune réservation."),
    )


def _appointments(user: User, url: str) -> Part:
    """When and with whom, never why."""
    when = moment("starts_at", "")
    return Part(
        _("Rendez-vous"),
        (_("horaire"), _("praticien"), _("état")),
        [
            (
                link("appointments.appointment", row.pk, when(row)),
                row.practitioner.user.get_full_name(),
                badge(row.get_status_display(), APPOINTMENT_COLOURS.get(row.status, "")),
            )
            for row in _newest(Appointment.objects.filter(patient=user), "practitioner__user")
        ],
        url,
        _("Aucun rendez-vous."),
    )


def _payments(user: User, url: str) -> Part:
    return Part(
        _("Paiements"),
        (_("date"), _("objet"), _("montant"), _("prestataire"), _("état"), _("motif")),
        [
            (
                _when(row),
                link("payments.payment", row.pk, row.label),
                money(row.amount, row.currency),
                row.provider,
                badge(row.get_status_display(), STATUS_COLOURS.get(row.status, "")),
                reason_label(row.reason),
            )
            for row in _newest(Payment.objects.filter(user=user))
        ],
        url,
        _("Aucun paiement."),
    )


def _refunds(user: User, url: str) -> Part:
    return Part(
        _("Remboursements"),
        (_("date"), _("objet"), _("montant"), _("état"), _("motif")),
        [
            (
                _when(row),
                link("payments.refund", row.pk, row.payment.label),
                money(row.amount, row.currency),
                badge(row.get_status_display(), REFUND_COLOURS.get(row.status, "")),
                reason_label(row.reason),
            )
            for row in _newest(Refund.objects.filter(payment__user=user), "payment")
        ],
        url,
        _("Aucun remboursement. Pour en demander un, ouvrez le paiement réussi dont il s'agit."),
    )


def _events(user: User, account: Account | None, url: str) -> Part:
    """What the person did, and what was done to them and their account: three looks into an index, not one with OR."""
    about = Event.objects.filter(entity="user", entity_id=str(user.pk))
    by = Event.objects.filter(actor_kind="user", actor_id=str(user.pk))
    of_account = Event.objects.filter(entity="account", entity_id=str(account.pk if account else ""))
    found = {event.pk: event for rows in (about, by, of_account) for event in _newest(rows)}
    newest = sorted(found.values(), key=lambda event: -event.pk)[:SHOWN]
    when = moment("occurred_at", "")
    own = str(user.pk)
    return Part(
        _("Journal"),
        (_("date"), _("action"), _("acteur")),
        [
            (
                when(event),
                link("audit.event", event.pk, event.get_action_display()),
                _("la personne elle-même")
                if event.actor_kind == "user" and event.actor_id == own
                else f"{event.actor_kind} {event.actor_id}".strip(),
            )
            for event in newest
        ],
        url,
        _("Rien n'est noté."),
    )


def _sessions(user: User) -> Part:
    seen = moment("refreshed_at", "")
    return Part(
        _("Sessions"),
        (_("appareil"), _("vue le"), _("état")),
        [
            (
                row.device or "–",
                seen(row),
                badge(row.get_revoked_for_display() or _("terminée"), "")
                if row.revoked_at
                else badge(_("ouverte"), "success"),
            )
            for row in _newest(TokenFamily.objects.filter(user=user))
        ],
        "",
        _("Jamais connectée par l'application."),
    )
