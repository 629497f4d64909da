from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesCheckboxFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from catalog.epg.adapter import LONGEST_NUMBER
from catalog.own_pharmacies import OwnPharmaciesMixin
from common.admin import ReadOnlyAdmin, ServiceForm, badge, link, moment, money, period_filter, service_action
from common.admin.search import as_uuid
from common.ages import age
from common.money import MAX_AMOUNT
from reservations.enums import EpgStatus, EpgTask
from reservations.models import EpgRequest, Reservation
from reservations.pickup import normalize_pickup_code
from reservations.services.epg import resolving

_STATUS_COLOURS = {
    EpgStatus.CALLING: "info",
    EpgStatus.CONFIRMED: "success",
    EpgStatus.REFUSED: "danger",
    EpgStatus.UNKNOWN: "warning",
}


class FoundForm(ServiceForm):
    number = forms.CharField(
        label=_("Numéro chez la pharmacie"), max_length=LONGEST_NUMBER, help_text=_("Celui que la pharmacie vous lit.")
    )
    ttc = forms.IntegerField(
        label=_("Total annoncé"),
        min_value=0,
        max_value=MAX_AMOUNT,
        required=False,
        help_text=_("En francs entiers, si elle le dit."),
    )


class NotFoundForm(ServiceForm):
    reason = forms.CharField(label=_("Motif"), max_length=200, help_text=_("Le patient le lira."))


def _is_unknown(request: EpgRequest) -> bool:
    return request.status == EpgStatus.UNKNOWN


def _is_open_task(request: EpgRequest) -> bool:
    return request.task in (EpgTask.RELEASE, EpgTask.PRICE)


@admin.register(EpgRequest)
class EpgRequestAdmin(OwnPharmaciesMixin, ReadOnlyAdmin):
    """What EPG was asked to reserve, and what only a telephone can settle now."""

    person_path = "reservation.user_id"
    list_display = (
        moment("created_at", _("créée le")),
        "code",
        "pharmacy",
        "status_badge",
        "task_badge",
        "waits",
        "number",
        "answer",
    )
    list_select_related = ("reservation", "pharmacy")
    search_fields = ("number",)
    search_help_text = _("Numéro de retrait, numéro chez la pharmacie ou identifiant de la réservation")
    empty_hint = _("Une demande apparaît ici dès qu'un patient réserve dans une pharmacie reliée à EPG.")
    fieldsets = (
        (None, {"fields": ("reservation_link", "patient", "phone", "pharmacy_name", "status_badge", "number")}),
        (_("À faire"), {"fields": ("task_badge", "waits", "answer")}),
        (_("Montants"), {"fields": ("our_total", "their_total")}),
        (_("Suivi"), {"fields": ("epg_id", "called_at", "confirmed_at", "next_at", "created_at", "updated_at")}),
    )
    actions_detail = ("found_upstream", "not_found_upstream", "close_task")

    def get_list_filter(self, request: HttpRequest) -> Any:
        filters: tuple[Any, ...] = (
            ("task", ChoicesCheckboxFilter),
            ("status", ChoicesCheckboxFilter),
            period_filter("created_at"),
        )
        return (*filters, ("pharmacy", AutocompleteSelectFilter)) if self.sees_all(request) else filters

    def has_handle_permission(self, request: Any, obj: EpgRequest) -> bool:
        """Staff with the named permission, and the pharmacists of that pharmacy."""
        return request.user.has_perm("reservations.change_reservation") or self.is_own(request, obj)

    @display(description=_("réservation"))
    def code(self, request: EpgRequest) -> str:
        return request.reservation.pickup_code

    @display(description=_("réservation"))
    def reservation_link(self, request: EpgRequest) -> str:
        return link("reservations.reservation", request.reservation_id, request.reservation.pickup_code)

    @display(description=_("patient"))
    def patient(self, request: EpgRequest) -> str:
        return request.reservation.user.get_full_name()

    @display(description=_("téléphone"))
    def phone(self, request: EpgRequest) -> str:
        return request.reservation.user.phone or "–"

    @display(description=_("pharmacie"))
    def pharmacy_name(self, request: EpgRequest) -> str:
        return request.pharmacy.name

    @display(description=_("état"))
    def status_badge(self, request: EpgRequest) -> str:
        return badge(request.get_status_display(), _STATUS_COLOURS.get(EpgStatus(request.status), ""))

    @display(description=_("à faire"))
    def task_badge(self, request: EpgRequest) -> str:
        return badge(request.get_task_display(), "warning") if request.task else "–"

    @display(description=_("depuis"))
    def waits(self, request: EpgRequest) -> str:
        return age(request.task_since)

    @display(description=_("total de la réservation"))
    def our_total(self, request: EpgRequest) -> str:
        return money(request.reservation.total, request.reservation.currency)

    @display(description=_("total annoncé"))
    def their_total(self, request: EpgRequest) -> str:
        return money(request.ttc, request.reservation.currency)

    def search_condition(self, term: str) -> Q:
        number = as_uuid(term)
        if number is not None:
            return Q(reservation__public_id=number)
        # Read first: PostgreSQL would look at every request for an OR over two tables.
        reservations = Reservation.objects.filter(pickup_code=normalize_pickup_code(term))
        return Q(reservation__in=list(reservations.values_list("pk", flat=True))) | Q(number=term) & ~Q(number="")

    @service_action(
        description=_("La pharmacie l'a"),
        question=_(
            "La pharmacie a bien cette réservation. Elle est confirmée sous ce numéro ; si elle a pris fin "
            "entre-temps, il reste à faire libérer les boîtes."
        ),
        done=_("La demande est confirmée."),
        permission="handle",
        offered=_is_unknown,
        form_class=FoundForm,
        icon="check_circle",
        variant=ActionVariant.PRIMARY,
    )
    def found_upstream(self, request: Any, obj: EpgRequest, number: str, ttc: int | None) -> None:
        resolving.found_upstream(obj, number=number, ttc=ttc, by=request.user)

    @service_action(
        description=_("La pharmacie ne l'a pas"),
        question=_(
            "La pharmacie ne connaît pas cette réservation. Elle est refusée et les crédits sont rendus. Cette "
            "décision est définitive."
        ),
        done=_("La demande est classée sans suite."),
        permission="handle",
        offered=_is_unknown,
        form_class=NotFoundForm,
        icon="block",
        variant=ActionVariant.DANGER,
    )
    def not_found_upstream(self, request: Any, obj: EpgRequest, reason: str) -> None:
        resolving.not_found_upstream(obj, reason=reason, by=request.user)

    @service_action(
        description=_("C'est réglé"),
        question=_("La pharmacie a libéré les boîtes, ou le prix est éclairci."),
        done=_("La tâche est close."),
        permission="handle",
        offered=_is_open_task,
        icon="task_alt",
    )
    def close_task(self, request: Any, obj: EpgRequest) -> None:
        resolving.close_task(obj, by=request.user)
