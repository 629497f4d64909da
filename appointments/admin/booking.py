from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesCheckboxFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts.searching import owner_condition
from appointments.enums import ACTIVE, MOVES, TOLD_AFTERWARDS, Status
from appointments.models import Appointment, Notice
from appointments.selectors.free import alternatives
from appointments.services import handling
from appointments.services.rescheduling import reschedule
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

STATUS_COLOURS = {
    Status.HELD: "warning",
    Status.BOOKED: "info",
    Status.CONFIRMED: "primary",
    Status.COMPLETED: "success",
    Status.CANCELLED: "danger",
    Status.NO_SHOW: "danger",
}
# So many free slots are offered as the new time.
CHOICES = 200


class NoticeInline(ReadOnlyInline):
    model = Notice
    fields = ("kind", moment("created_at", _("confié à la poste le")))
    readonly_fields = fields
    verbose_name_plural = _("avis au patient")


class CancelForm(ServiceForm):
    reason = forms.CharField(label=_("Motif"), max_length=200, required=False, help_text=_("Le patient le lira."))


class MoveForm(ServiceForm):
    """The next free slots of the same doctor for the same visit."""

    starts_at = forms.ChoiceField(label=_("Nouvel horaire"))

    def __init__(self, data: Any = None, *, obj: Appointment, user: Any) -> None:
        super().__init__(data, obj=obj, user=user)
        found = alternatives(obj.practitioner_id, obj.visit_type_id, timezone.now(), count=CHOICES)
        self.fields["starts_at"].choices = [(start.isoformat(), local_text(start)) for start in found]  # type: ignore[attr-defined]

    def clean_starts_at(self) -> datetime:
        return datetime.fromisoformat(self.cleaned_data["starts_at"])


def local_text(start: datetime) -> str:
    """`lundi 23 novembre 2026 08:30`, by the clock that `start` carries."""
    naive = start.replace(tzinfo=None)
    return f"{date_format(naive, 'l j F Y')} {naive:%H:%M}"


def _may_become(status: Status) -> Any:
    def may(appointment: Appointment) -> bool:
        is_time = status not in TOLD_AFTERWARDS or appointment.starts_at <= timezone.now()
        return is_time and MOVES.allows(appointment.status, status)

    return may


def _is_movable(appointment: Appointment) -> bool:
    return appointment.status in ACTIVE and appointment.starts_at > timezone.now()


@admin.register(Appointment)
class AppointmentAdmin(ReadOnlyAdmin):
    """All appointments; changed by actions only. The doctor's notes are not shown: they are the doctor's alone."""

    person_path = "patient_id"
    list_display = (
        "when",
        "doctor",
        "patient_name",
        "visit_type",
        "status_badge",
        "price_shown",
        moment("created_at", _("pris le")),
    )
    list_select_related = ("patient", "practitioner__user", "visit_type")
    search_fields = ("public_id",)
    search_help_text = _("Identifiant, e-mail, nom ou téléphone du patient")
    empty_hint = _("Les rendez-vous apparaissent ici dès qu'un patient en prend un.")
    list_filter = (
        ("status", ChoicesCheckboxFilter),
        ("practitioner", AutocompleteSelectFilter),
        period_filter("created_at"),
    )
    fieldsets = (
        (None, {"fields": ("when", "doctor", "patient_name", "phone", "visit_type", "status_badge", "reason")}),
        (_("Montants"), {"fields": ("price_shown", "price_credits", "paid_at", "payments", "credits_charged")}),
        (
            _("Suivi"),
            {
                "fields": (
                    *("public_id", "created_at", "hold_expires_at", "overbook_reason", "cancelled_at"),
                    *("cancelled_by", "cancel_reason", "sequence", "updated_at"),
                )
            },
        ),
    )
    inlines = (NoticeInline,)
    actions_detail = ("confirm", "complete", "reschedule", "no_show", "cancel")

    @display(description=_("quand"))
    def when(self, appointment: Appointment) -> str:
        zone = appointment.practitioner.zone
        start, end = appointment.starts_at.astimezone(zone), appointment.ends_at.astimezone(zone)
        return f"{local_text(start)} – {end:%H:%M}"

    @display(description=_("médecin"))
    def doctor(self, appointment: Appointment) -> str:
        return appointment.practitioner.user.get_full_name()

    @display(description=_("patient"))
    def patient_name(self, appointment: Appointment) -> str:
        return appointment.patient.get_full_name()

    @display(description=_("téléphone"))
    def phone(self, appointment: Appointment) -> str:
        return appointment.patient.phone or "–"

    @display(description=_("état"))
    def status_badge(self, appointment: Appointment) -> str:
        return badge(appointment.get_status_display(), STATUS_COLOURS.get(Status(appointment.status), ""))

    @display(description=_("honoraires"))
    def price_shown(self, appointment: Appointment) -> str:
        return money(appointment.price, appointment.currency)

    @display(description=_("paiements"))
    def payments(self, appointment: Appointment) -> str:
        return payments_for("appointment", appointment.public_id)

    def has_help_permission(self, request: Any, appointment: Appointment) -> bool:
        """Who moves and cancels for patients; one's own visits as every patient does, not in the practice's name."""
        return handling.is_helper(appointment, request.user)

    def has_handle_permission(self, request: Any, appointment: Appointment) -> bool:
        return handling.is_handler(appointment, request.user)

    def search_condition(self, term: str) -> Q:
        number = as_uuid(term)
        return Q(public_id=number) if number is not None else owner_condition(term, "patient")

    @service_action(
        description=_("Confirmer"),
        question=_("Le cabinet attend le patient à l'heure dite."),
        done=_("Le rendez-vous est confirmé."),
        permission="handle",
        offered=_may_become(Status.CONFIRMED),
        icon="event_available",
        variant=ActionVariant.PRIMARY,
    )
    def confirm(self, request: Any, appointment: Appointment) -> None:
        handling.confirm(appointment, by=request.user)

    @service_action(
        description=_("Visite effectuée"),
        question=_("Le patient a été reçu. Cette décision est définitive."),
        done=_("La visite est notée."),
        permission="handle",
        offered=_may_become(Status.COMPLETED),
        icon="check_circle",
        variant=ActionVariant.PRIMARY,
    )
    def complete(self, request: Any, appointment: Appointment) -> None:
        handling.complete(appointment, by=request.user)

    @service_action(
        description=_("Déplacer"),
        question=_("Le nouveau créneau est pris et l'ancien rendu en même temps ; le patient est prévenu."),
        done=_("Le rendez-vous est déplacé."),
        permission="help",
        offered=_is_movable,
        form_class=MoveForm,
        icon="event_repeat",
    )
    def reschedule(self, request: Any, appointment: Appointment, starts_at: datetime) -> None:
        reschedule(appointment, starts_at=starts_at, by=request.user)

    @service_action(
        description=_("Patient absent"),
        question=_("Le patient n'est pas venu : le cabinet garde la part prévue des honoraires, le reste est rendu."),
        done=_("L'absence est notée."),
        permission="handle",
        offered=_may_become(Status.NO_SHOW),
        icon="person_off",
        variant=ActionVariant.DANGER,
    )
    def no_show(self, request: Any, appointment: Appointment) -> None:
        handling.mark_no_show(appointment, by=request.user)

    @service_action(
        description=_("Annuler le rendez-vous"),
        question=_(
            "Le rendez-vous est annulé au nom du cabinet : le patient est prévenu, ses crédits et ce qu'il a payé lui "
            "sont rendus. Cette décision est définitive."
        ),
        done=_("Le rendez-vous est annulé."),
        permission="help",
        offered=_may_become(Status.CANCELLED),
        form_class=CancelForm,
        icon="cancel",
        variant=ActionVariant.DANGER,
    )
    def cancel(self, request: Any, appointment: Appointment, reason: str) -> None:
        handling.cancel(appointment, reason=reason, by=request.user)
