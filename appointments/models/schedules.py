import datetime

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from appointments.enums import Weekday
from appointments.models.people import Practitioner, VisitType
from common.models import Timestamped
from common.moments import MOMENT_VALIDATORS, UNREASONABLE, reasonable


class WorkingHours(Timestamped):
    """When a practitioner receives on one day of the week, in local time; midnight as an end is the day's end.

    Without visit types the hours are good for all of them.
    """

    practitioner = models.ForeignKey(
        Practitioner, on_delete=models.CASCADE, related_name="hours", verbose_name=_("praticien")
    )
    weekday = models.PositiveSmallIntegerField(_("jour"), choices=Weekday)
    opens = models.TimeField(_("de"))
    closes = models.TimeField(_("à"))
    valid_from = models.DateField(_("valable du"), null=True, blank=True)
    valid_until = models.DateField(_("valable jusqu'au"), null=True, blank=True)
    visit_types = models.ManyToManyField(VisitType, blank=True, related_name="hours", verbose_name=_("types de visite"))

    class Meta:
        verbose_name = _("horaire de consultation")
        verbose_name_plural = _("horaires de consultation")
        ordering = ["practitioner_id", "weekday", "opens", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(weekday__range=(0, 6)), name="hours_weekday_known"),
            models.CheckConstraint(
                condition=Q(closes__gt=F("opens")) | Q(closes=datetime.time(0)),
                name="hours_close_after_opening",
                violation_error_message=_("L'heure de fin vient après celle du début."),
            ),
            models.CheckConstraint(
                condition=Q(valid_from=None) | Q(valid_until=None) | Q(valid_until__gte=F("valid_from")),
                name="hours_valid_in_order",
                violation_error_message=_("La fin de validité vient après son début."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.opens:%H:%M}–{self.closes:%H:%M}"

    def clean(self) -> None:
        for moment in (self.opens, self.closes):
            if moment is not None and (moment.second or moment.microsecond):
                raise ValidationError(_("Les horaires sont à la minute près."))


class TimeOff(Timestamped):
    """A time in which a practitioner does not receive, whatever the hours say."""

    practitioner = models.ForeignKey(
        Practitioner, on_delete=models.CASCADE, related_name="time_off", verbose_name=_("praticien"), db_index=False
    )
    starts_at = models.DateTimeField(_("du"), validators=MOMENT_VALIDATORS)
    ends_at = models.DateTimeField(_("au"), validators=MOMENT_VALIDATORS)
    reason = models.CharField(_("motif"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("absence")
        verbose_name_plural = _("absences")
        ordering = ["-starts_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="timeoff_ends_after_start",
                violation_error_message=_("La fin vient après le début."),
            ),
            models.CheckConstraint(
                condition=reasonable("starts_at", "ends_at"),
                name="timeoff_reasonable",
                violation_error_message=UNREASONABLE,
            ),
        ]
        indexes = [models.Index(fields=["practitioner", "ends_at"], name="timeoff_practitioner_ends")]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M} – {self.ends_at:%Y-%m-%d %H:%M}"
