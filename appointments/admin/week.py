"""The week of a practice on one page, from which a receptionist books and moves; and the day's list on paper."""

from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from accounts.searching import person_condition
from appointments.models import Appointment, Practitioner
from appointments.selectors import free
from appointments.selectors.schedules import Practice
from appointments.selectors.week import days
from appointments.services.booking import book
from appointments.services.conflicts import refusal_of
from appointments.services.handling import may_help
from appointments.services.rescheduling import reschedule
from common.admin import ServiceForm
from common.errors import DomainError


class BookForm(ServiceForm):
    """For whom, and why; a reason for overbooking is only asked where somebody may."""

    patient = forms.CharField(
        label=gettext_lazy("Patient"), max_length=254, help_text=gettext_lazy("E-mail ou numéro de téléphone")
    )
    reason = forms.CharField(label=gettext_lazy("Motif de la visite"), max_length=500, required=False)
    overbook_reason = forms.CharField(
        label=gettext_lazy("Motif du surnombre"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("À remplir seulement pour ajouter ce rendez-vous malgré l'agenda."),
    )

    def clean_patient(self) -> User:
        found = list(User.objects.filter(person_condition(self.cleaned_data["patient"].strip()))[:2])
        if len(found) != 1:
            raise forms.ValidationError(
                _("Personne ne correspond.") if not found else _("Plusieurs personnes correspondent : précisez.")
            )
        return found[0]


class WeekPages:
    """The pages of `PractitionerAdmin` beside its form."""

    admin_site: Any
    opts: Any

    def week(self, request: HttpRequest, pk: int) -> HttpResponse:
        practitioner = self._practitioner(request, pk)
        moving = self._moving(request, practitioner)
        practice = _practice_of(moving) if moving else self._practice(request, practitioner)
        first = self._day(request, practitioner)
        first -= timedelta(days=first.weekday())
        kept = {"type": practice.visit_type_id if practice else "", "moving": moving.pk if moving else ""}
        context = {
            **self._context(request, practitioner, _("Agenda de %(name)s") % {"name": practitioner}),
            "days": days(practitioner, practice, first),
            "first": first,
            "today": timezone.localdate(timezone=practitioner.zone),
            "types": practitioner.visit_types.filter(is_active=True),
            "practice": practice,
            "moving": moving,
            "may_book": request.user.has_perm("appointments.add_appointment"),  # type: ignore[union-attr]
            "may_move": may_help(request.user),  # type: ignore[arg-type]
            "previous": urlencode({**kept, "date": first - timedelta(days=7)}),
            "next": urlencode({**kept, "date": first + timedelta(days=7)}),
            "this_week": urlencode(kept),
        }
        return TemplateResponse(request, "admin/appointments/week.html", context)

    def day(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The day's list, to print."""
        practitioner = self._practitioner(request, pk)
        chosen = self._day(request, practitioner)
        context = {
            "practitioner": practitioner,
            "day": days(practitioner, None, chosen, count=1)[0],
            "printed_at": timezone.localtime(timezone=practitioner.zone).replace(tzinfo=None),
        }
        return TemplateResponse(request, "admin/appointments/day.html", context)

    def book(self, request: HttpRequest, pk: int) -> HttpResponse:
        practitioner = self._practitioner(request, pk, "appointments.add_appointment")
        practice = self._practice(request, practitioner)
        starts_at = self._moment(request)
        if practice is None:
            raise Http404
        form = BookForm(request.POST if request.method == "POST" else None, obj=practitioner, user=request.user)
        if not request.user.has_perm("appointments.overbook_appointment"):  # type: ignore[union-attr]
            del form.fields["overbook_reason"]

        def done() -> str:
            given = form.cleaned_data
            book(
                given["patient"],
                practitioner_id=practitioner.pk,
                visit_type_id=practice.visit_type_id,
                starts_at=starts_at,
                reason=given["reason"],
                overbook_reason=given.get("overbook_reason", ""),
                by=request.user,  # type: ignore[arg-type]
            )
            return _("Le rendez-vous est pris.")

        return self._ask(request, practitioner, practice, starts_at, form, _("Prendre rendez-vous"), done)

    def move(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not may_help(request.user):  # type: ignore[arg-type]
            raise PermissionDenied
        practitioner = self._practitioner(request, pk)
        starts_at = self._moment(request)
        moving = self._moving(request, practitioner)
        if moving is None:
            raise Http404
        practice = _practice_of(moving)
        form = ServiceForm(request.POST if request.method == "POST" else None, obj=moving, user=request.user)

        def done() -> str:
            reschedule(moving, starts_at=starts_at, by=request.user)  # type: ignore[arg-type]
            return _("Le rendez-vous est déplacé.")

        title = _("Déplacer le rendez-vous de %(patient)s") % {"patient": moving.patient.get_full_name()}
        return self._ask(request, practitioner, practice, starts_at, form, title, done)

    def _ask(
        self,
        request: HttpRequest,
        practitioner: Practitioner,
        practice: Practice,
        starts_at: datetime,
        form: ServiceForm,
        title: str,
        done: Any,
    ) -> HttpResponse:
        """Ask, then do; a refusal is a sentence above the form, which keeps what was typed."""
        from appointments.admin.booking import local_text

        local = starts_at.astimezone(practitioner.zone)
        page = reverse("admin:appointments_practitioner_week", args=(practitioner.pk,))
        back = f"{page}?{urlencode({'type': practice.visit_type_id, 'date': local.date()})}"
        if form.is_valid():
            try:
                said = done()
            except Exception as error:
                refusal = error if isinstance(error, DomainError) else refusal_of(error)
                if refusal is None:
                    raise
                form.add_error(None, str(refusal.detail))
            else:
                messages.success(request, said)
                return HttpResponseRedirect(back)
        context = {
            **self._context(request, practitioner, title),
            "question": local_text(local),
            "form": form,
            "is_dangerous": False,
            "back": back,
        }
        return TemplateResponse(request, "admin/confirm_action.html", context)

    def _context(self, request: HttpRequest, practitioner: Practitioner, title: str) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "title": title,
            "subtitle": None,
            "original": practitioner,
            "practitioner": practitioner,
            "opts": self.opts,
            "is_popup": False,
        }

    def _practitioner(self, request: HttpRequest, pk: int, *permissions: str) -> Practitioner:
        needed = ("appointments.view_practitioner", "appointments.view_appointment", *permissions)
        if not request.user.has_perms(needed):  # type: ignore[union-attr]
            raise PermissionDenied
        found = Practitioner.objects.select_related("user").filter(pk=pk).first()
        if found is None:
            raise Http404
        return found

    def _practice(self, request: HttpRequest, practitioner: Practitioner) -> Practice | None:
        """The type of visit that is looked for: the one named, else the first."""
        found = {practice.visit_type_id: practice for practice in free.practices([practitioner.pk])}
        asked = request.GET.get("type", "")
        chosen = found.get(int(asked)) if asked.isascii() and asked.isdigit() else None
        return chosen or next(iter(found.values()), None)

    def _moving(self, request: HttpRequest, practitioner: Practitioner) -> Appointment | None:
        asked = request.GET.get("moving", "")
        if not (asked.isascii() and asked.isdigit() and len(asked) <= 18):
            return None
        mine = Appointment.objects.active().filter(practitioner=practitioner)
        return mine.select_related("patient", "practitioner__user", "visit_type").filter(pk=int(asked)).first()

    def _day(self, request: HttpRequest, practitioner: Practitioner) -> date:
        try:
            asked = date.fromisoformat(request.GET.get("date", ""))
        except ValueError:
            asked = timezone.localdate(timezone=practitioner.zone)
        return asked if 2000 <= asked.year <= 2200 else timezone.localdate(timezone=practitioner.zone)

    def _moment(self, request: HttpRequest) -> datetime:
        try:
            asked = datetime.fromisoformat(request.GET.get("at", ""))
        except ValueError as error:
            raise Http404 from error
        if asked.tzinfo is None or not 2000 <= asked.year <= 2200:
            raise Http404
        return asked


def _practice_of(moving: Appointment) -> Practice:
    """What is moved keeps its type of visit, offered still or not."""
    (found,) = free.practices([moving.practitioner_id], moving.visit_type_id, any_type=True)
    return found
