from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesCheckboxFilter, ChoicesDropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts.searching import owner_condition
from appointments.models import CalendarFeed, FreedSlot, WaitlistEntry, WaitlistOffer
from appointments.services.calendars import revoke
from common.admin import ReadOnlyAdmin, ReadOnlyInline, link, moment, period_filter, service_action


class OfferInline(ReadOnlyInline):
    model = WaitlistOffer
    fields = ("rendez_vous", "status", moment("created_at", _("proposé le")))
    readonly_fields = fields
    verbose_name_plural = _("créneaux proposés")

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).select_related("appointment")

    @display(description=_("rendez-vous"))
    def rendez_vous(self, offer: WaitlistOffer) -> str:
        return link("appointments.appointment", offer.appointment_id, offer.appointment)


@admin.register(WaitlistEntry)
class WaitlistEntryAdmin(ReadOnlyAdmin):
    """Who waits for what, in the order in which they are asked."""

    person_path = "patient_id"
    list_display = (
        "patient_name",
        "wanted",
        "date_from",
        "date_to",
        "status",
        moment("created_at", _("inscrit le")),
    )
    list_select_related = ("patient", "practitioner__user", "specialty")
    list_filter = (("status", ChoicesCheckboxFilter), period_filter("created_at"))
    search_fields = ("public_id",)
    search_help_text = _("E-mail, nom ou téléphone du patient")
    fields = (
        *("patient_name", "wanted", "visit_type", "date_from", "date_to", "weekdays", "time_from", "time_to"),
        *("status", "created_at", "updated_at"),
    )
    inlines = (OfferInline,)

    @display(description=_("patient"))
    def patient_name(self, entry: WaitlistEntry) -> str:
        return entry.patient.get_full_name()

    @display(description=_("attend"))
    def wanted(self, entry: WaitlistEntry) -> str:
        return str(entry.practitioner or entry.specialty)

    def search_condition(self, term: str) -> Q:
        return owner_condition(term, "patient")


@admin.register(FreedSlot)
class FreedSlotAdmin(ReadOnlyAdmin):
    """Slots that became free while somebody waited, and when they are looked at next."""

    list_display = ("practitioner", "visit_type", moment("starts_at", _("début")), moment("next_at", _("à proposer")))
    list_select_related = ("practitioner__user", "visit_type")
    fields = ("practitioner", "visit_type", "starts_at", "next_at", "created_at", "updated_at")


@admin.register(CalendarFeed)
class CalendarFeedAdmin(ReadOnlyAdmin):
    """Who reads which calendar from outside; the secret address itself is known to nobody here."""

    person_path = "user_id"
    list_display = (
        "user",
        "kind",
        "with_names",
        moment("created_at", _("partagé le")),
        moment("revoked_at", _("révoqué le")),
    )
    list_select_related = ("user",)
    list_filter = (("kind", ChoicesDropdownFilter), ("with_names", BooleanRadioFilter))
    fields = ("user", "kind", "with_names", "created_at", "revoked_at")
    actions_detail = ("revoke",)

    @service_action(
        description=_("Révoquer"),
        question=_("L'adresse secrète ne répond plus ; le titulaire peut en demander une nouvelle."),
        done=_("Le calendrier n'est plus partagé."),
        permission="appointments.change_calendarfeed",
        offered=lambda feed: feed.revoked_at is None,
        icon="link_off",
        variant=ActionVariant.DANGER,
    )
    def revoke(self, request: Any, feed: CalendarFeed) -> None:
        revoke(feed, by=request.user)
