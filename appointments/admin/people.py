from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline, TabularInline
from unfold.contrib.filters.admin import BooleanRadioFilter, DropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts.searching import owner_condition
from appointments.admin.booking import local_text
from appointments.admin.week import WeekPages
from appointments.models import Practitioner, Specialty, TimeOff, VisitType, WorkingHours
from appointments.selectors.conflicts import conflicts
from appointments.services import practices
from catalog.holidays import is_known
from common.admin import ModelAdmin, link, service_action


@admin.register(Specialty)
class SpecialtyAdmin(ModelAdmin):
    list_display = ("name_fr", "name_en", "parent")
    list_select_related = ("parent",)
    search_fields = ("name_fr",)
    search_help_text = _("Nom français ou anglais")
    ordering = ("name_fr",)
    autocomplete_fields = ("parent",)
    fields = ("name_fr", "name_en", "parent")

    def search_condition(self, term: str) -> Q:
        return Q(name_fr__icontains=term) | Q(name_en__icontains=term)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class VisitTypeInline(TabularInline):
    model = VisitType
    extra = 0
    can_delete = False
    fields = ("name", "minutes", "buffer_before", "buffer_after", "fee", "fee_credits", "is_remote", "is_active")
    ordering = ("pk",)


class HoursForm(forms.ModelForm[WorkingHours]):
    """Offers the practitioner's own types of visit."""

    practitioner_id: int | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "visit_types" in self.fields:
            self.fields["visit_types"].queryset = VisitType.objects.filter(practitioner_id=self.practitioner_id)  # type: ignore[attr-defined]


class WorkingHoursInline(TabularInline):
    model = WorkingHours
    form = HoursForm
    extra = 0
    fields = ("weekday", "opens", "closes", "valid_from", "valid_until", "visit_types")
    ordering = ("weekday", "opens")

    def get_formset(self, request: Any, obj: Any = None, **kwargs: Any) -> Any:
        form = type("HoursForm", (HoursForm,), {"practitioner_id": obj.pk if obj else None})
        return super().get_formset(request, obj, form=form, **kwargs)

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).prefetch_related("visit_types")


class TimeOffInline(StackedInline):
    model = TimeOff
    extra = 0
    fields = (("starts_at", "ends_at"), "reason")
    ordering = ("-starts_at",)


class ListedFilter(DropdownFilter):
    title = _("vérification")
    parameter_name = "verified"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return (("yes", _("vérifié")), ("no", _("à vérifier")))

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.filter(verified_at__isnull=self.value() == "no")


class PractitionerForm(forms.ModelForm[Practitioner]):
    def clean_country(self) -> str:
        country: str = self.cleaned_data["country"].upper()
        if not is_known(country):
            raise forms.ValidationError(_("Aucun calendrier de jours fériés n'est connu pour ce pays (ISO 3166)."))
        return country

    def clean_languages(self) -> list[str]:
        languages = self.cleaned_data["languages"] or []
        if not isinstance(languages, list) or not all(
            isinstance(each, str) and len(each) == 2 and each.isascii() and each.islower() for each in languages
        ):
            raise forms.ValidationError(_('Une liste de codes est attendue, par exemple ["fr", "en"].'))
        return languages


@admin.register(Practitioner)
class PractitionerAdmin(WeekPages, ModelAdmin):
    """Practices: who verified them, their rules and hours, and the way to their week."""

    form = PractitionerForm
    list_display = ("name", "place", "listed", "is_active", "week_link")
    list_select_related = ("user",)
    list_filter = (ListedFilter, ("is_active", BooleanRadioFilter))
    search_fields = ("user__last_name",)
    search_help_text = _("Nom, e-mail ou téléphone")
    empty_hint = _("Un médecin apparaît ici dès qu'il s'inscrit.")
    autocomplete_fields = ("user", "specialties")
    inlines = (VisitTypeInline, WorkingHoursInline, TimeOffInline)
    fieldsets = (
        (None, {"fields": ("user", "specialties", "listed", "week_link", "conflicts")}),
        (_("Présentation"), {"fields": ("bio", "languages", "place", "latitude", "longitude", "is_active")}),
        (_("Calendrier"), {"fields": ("timezone", "country", "works_on_holidays", "grid_minutes")}),
        (
            _("Honoraires et annulation"),
            {
                "fields": (
                    *("fee", "fee_credits", "currency", "free_cancellation_hours"),
                    *("late_share_percent", "no_show_share_percent"),
                )
            },
        ),
        (_("Suivi"), {"fields": ("verified_at", "verified_by", "created_at", "updated_at")}),
    )
    actions_detail = ("verify", "unlist")

    def get_urls(self) -> list[URLPattern]:
        pages = [
            path("<int:pk>/week/", self.admin_site.admin_view(self.week), name="appointments_practitioner_week"),
            path("<int:pk>/day/", self.admin_site.admin_view(self.day), name="appointments_practitioner_day"),
            path("<int:pk>/book/", self.admin_site.admin_view(self.book), name="appointments_practitioner_book"),
            path("<int:pk>/move/", self.admin_site.admin_view(self.move), name="appointments_practitioner_move"),
        ]
        return pages + super().get_urls()

    def get_readonly_fields(self, request: HttpRequest, obj: Practitioner | None = None) -> tuple[str, ...]:
        shown = ("listed", "week_link", "conflicts", "verified_at", "verified_by", "created_at", "updated_at")
        return (*shown, "user") if obj else shown

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def search_condition(self, term: str) -> Q:
        return owner_condition(term, "user")

    @display(description=_("praticien"))
    def name(self, practitioner: Practitioner) -> str:
        return practitioner.user.get_full_name()

    @display(description=_("sur la liste"), boolean=True)
    def listed(self, practitioner: Practitioner) -> bool:
        return practitioner.pk is not None and practitioner.is_listed

    @display(description=_("agenda"))
    def week_link(self, practitioner: Practitioner) -> str:
        if practitioner.pk is None:
            return "–"
        url = reverse("admin:appointments_practitioner_week", args=(practitioner.pk,))
        return format_html('<a href="{}" class="text-link">{}</a>', url, _("Voir la semaine"))

    @display(description=_("hors des horaires"))
    def conflicts(self, practitioner: Practitioner) -> str:
        """What a change of hours left without room: to be moved or cancelled by hand."""
        found = conflicts(practitioner) if practitioner.pk else []
        rows = (
            (
                link("appointments.appointment", row.pk, local_text(row.starts_at.astimezone(practitioner.zone))),
                row.patient,
            )
            for row in found
        )
        return format_html_join("\n", "<div>{} – {}</div>", rows) or "–"

    @service_action(
        description=_("Vérifier"),
        question=_("Identité et diplôme sont contrôlés : les patients voient ce médecin et prennent rendez-vous."),
        done=_("Le médecin est vérifié."),
        permission="appointments.verify_practitioner",
        offered=lambda practitioner: practitioner.verified_at is None,
        icon="verified",
        variant=ActionVariant.PRIMARY,
    )
    def verify(self, request: Any, practitioner: Practitioner) -> None:
        practices.verify(practitioner, by=request.user)

    @service_action(
        description=_("Retirer de la liste"),
        question=_("Les patients ne voient plus ce médecin. Les rendez-vous déjà pris restent."),
        done=_("Le médecin n'est plus sur la liste."),
        permission="appointments.verify_practitioner",
        offered=lambda practitioner: practitioner.verified_at is not None,
        icon="visibility_off",
        variant=ActionVariant.DANGER,
    )
    def unlist(self, request: Any, practitioner: Practitioner) -> None:
        practices.unlist(practitioner, by=request.user)
