from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesCheckboxFilter, DropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts.searching import owner_condition
from catalog.own_pharmacies import OwnPharmaciesMixin
from common.admin import (
    ReadOnlyAdmin,
    ReadOnlyInline,
    ServiceForm,
    badge,
    moment,
    money,
    period_filter,
    service_action,
)
from common.admin.search import as_uuid
from payments.admin.purposes import payments_for
from reservations.enums import MOVES, Status
from reservations.models import Reservation, ReservationLine
from reservations.pickup import ALPHABET, LENGTH, normalize_pickup_code
from reservations.services import handling

STATUS_COLOURS = {
    Status.REQUESTED: "warning",
    Status.CONFIRMED: "info",
    Status.READY: "primary",
    Status.COLLECTED: "success",
    Status.REJECTED: "danger",
}


class LineInline(ReadOnlyInline):
    model = ReservationLine
    ordering = ("pk",)
    fields = ("product_code", "label", "quantity", "price_shown", "total_shown", "held_until")
    readonly_fields = fields
    verbose_name_plural = _("produits")

    @display(description=_("prix unitaire"))
    def price_shown(self, line: ReservationLine) -> str:
        return money(line.unit_price, line.reservation.currency)

    @display(description=_("total"))
    def total_shown(self, line: ReservationLine) -> str:
        return money(line.total, line.reservation.currency)


class PaidFilter(DropdownFilter):
    title = _("paiement")
    parameter_name = "paid"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return (("yes", _("payée")), ("no", _("à payer")))

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.filter(paid_at__isnull=self.value() == "no")


class RejectForm(ServiceForm):
    reason = forms.CharField(label=_("Motif"), max_length=200, help_text=_("Le patient le lira."))


class CollectForm(ServiceForm):
    pickup_code = forms.CharField(
        label=_("Numéro de retrait"), max_length=16, help_text=_("Celui que le patient montre au comptoir.")
    )


def _may_become(status: Status) -> Any:
    return lambda reservation: MOVES.allows(reservation.status, status)


@admin.register(Reservation)
class ReservationAdmin(OwnPharmaciesMixin, ReadOnlyAdmin):
    """All reservations for staff, those of their own pharmacies for pharmacists; changed by actions only."""

    person_path = "user_id"
    list_display = (
        "pickup_code",
        moment("created_at", _("créée le")),
        "patient",
        "pharmacy",
        "status_badge",
        "total_shown",
        "is_paid",
        moment("expires_at", _("gardée jusqu'à")),
    )
    list_select_related = ("user", "pharmacy")
    search_fields = ("pickup_code",)
    search_help_text = _("Numéro de retrait, identifiant, e-mail, nom ou téléphone")
    empty_hint = _("Les réservations apparaissent ici dès qu'un patient en fait une.")
    fieldsets = (
        (None, {"fields": ("pickup_code", "status_badge", "patient", "phone", "pharmacy_name")}),
        (_("Montants"), {"fields": ("total_shown", "paid_at", "payments", "credits_charged")}),
        (_("Suivi"), {"fields": ("public_id", "created_at", "expires_at", "reason", "updated_at")}),
    )
    inlines = (LineInline,)
    actions_detail = ("mark_ready", "collect", "reject", "cancel")

    def get_list_filter(self, request: HttpRequest) -> Any:
        filters: tuple[Any, ...] = (("status", ChoicesCheckboxFilter), PaidFilter, period_filter("created_at"))
        if self.sees_all(request):
            return (*filters, ("pharmacy", AutocompleteSelectFilter))
        return filters

    def get_fieldsets(self, request: HttpRequest, obj: Reservation | None = None) -> Any:
        if self.sees_all(request):
            return self.fieldsets
        hidden = {"payments", "credits_charged"}
        return [
            (name, {"fields": tuple(field for field in sheet["fields"] if field not in hidden)})
            for name, sheet in self.fieldsets
        ]

    def has_handle_permission(self, request: Any, obj: Reservation) -> bool:
        """Staff with the named permission, and the pharmacists of that pharmacy."""
        return request.user.has_perm("reservations.change_reservation") or self.is_own(request, obj)

    def has_cancel_permission(self, request: Any, obj: Reservation) -> bool:
        """Pharmacists refuse; they do not cancel in the patient's name."""
        return handling.may_cancel(request.user)

    @display(description=_("patient"))
    def patient(self, reservation: Reservation) -> str:
        return reservation.user.get_full_name()

    @display(description=_("téléphone"))
    def phone(self, reservation: Reservation) -> str:
        return reservation.user.phone or "–"

    @display(description=_("pharmacie"))
    def pharmacy_name(self, reservation: Reservation) -> str:
        return reservation.pharmacy.name

    @display(description=_("état"))
    def status_badge(self, reservation: Reservation) -> str:
        return badge(reservation.get_status_display(), STATUS_COLOURS.get(Status(reservation.status), ""))

    @display(description=_("total"))
    def total_shown(self, reservation: Reservation) -> str:
        return money(reservation.total, reservation.currency)

    @display(description=_("payée"), boolean=True)
    def is_paid(self, reservation: Reservation) -> bool:
        return reservation.paid_at is not None

    @display(description=_("paiements"))
    def payments(self, reservation: Reservation) -> str:
        return payments_for("reservation", reservation.public_id)

    def search_condition(self, term: str) -> Q:
        number = as_uuid(term)
        if number is not None:
            return Q(public_id=number)
        code = normalize_pickup_code(term)
        if len(code) == LENGTH and set(code) <= set(ALPHABET):
            return Q(pickup_code=code)
        return owner_condition(term, "user")

    @service_action(
        description=_("Prête à retirer"),
        question=_("Les boîtes sont mises de côté au comptoir, à ce numéro."),
        done=_("La réservation est prête."),
        permission="handle",
        offered=_may_become(Status.READY),
        icon="inventory",
        variant=ActionVariant.PRIMARY,
    )
    def mark_ready(self, request: Any, reservation: Reservation) -> None:
        handling.mark_ready(reservation, by=request.user)

    @service_action(
        description=_("Remettre au patient"),
        question=_("Le patient a reçu ses boîtes : le stock est diminué. Cette décision est définitive."),
        done=_("La réservation est retirée."),
        permission="handle",
        offered=_may_become(Status.COLLECTED),
        form_class=CollectForm,
        icon="shopping_bag",
        variant=ActionVariant.PRIMARY,
    )
    def collect(self, request: Any, reservation: Reservation, pickup_code: str) -> None:
        handling.collect(reservation, pickup_code=pickup_code, by=request.user)

    @service_action(
        description=_("Refuser la réservation"),
        question=_(
            "La pharmacie ne peut pas servir cette réservation. Les crédits sont rendus, ce qui a été payé est à "
            "rembourser. Cette décision est définitive."
        ),
        done=_("La réservation est refusée."),
        permission="handle",
        offered=_may_become(Status.REJECTED),
        form_class=RejectForm,
        icon="block",
        variant=ActionVariant.DANGER,
    )
    def reject(self, request: Any, reservation: Reservation, reason: str) -> None:
        handling.reject(reservation, reason=reason, by=request.user)

    @service_action(
        description=_("Annuler la réservation"),
        question=_(
            "La réservation est annulée au nom du patient. Ses crédits sont rendus si elle n'était pas prête, ce qu'il "
            "a payé est à rembourser. Cette décision est définitive."
        ),
        done=_("La réservation est annulée."),
        permission="cancel",
        offered=_may_become(Status.CANCELLED),
        icon="cancel",
        variant=ActionVariant.DANGER,
    )
    def cancel(self, request: Any, reservation: Reservation) -> None:
        handling.cancel(reservation, by=request.user)
