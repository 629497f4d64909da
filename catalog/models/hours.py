from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from catalog.enums import Day
from catalog.models.pharmacies import Pharmacy
from common.models import Timestamped
from common.moments import MOMENT_VALIDATORS, UNREASONABLE, reasonable
from common.money import XAF

MINUTES_OF_A_DAY = 24 * 60


class OpeningHours(Timestamped):
    """When a pharmacy is open on a day of the week, or on holidays, whose hours then replace the weekday's.

    Minutes since midnight, local time; `closes` is later than `opens`, beyond 1440 after midnight of the next day.
    """

    pharmacy = models.ForeignKey(
        Pharmacy, on_delete=models.CASCADE, related_name="opening_hours", verbose_name=_("pharmacie"), db_index=False
    )
    day = models.PositiveSmallIntegerField(_("jour"), choices=Day)
    opens = models.PositiveSmallIntegerField(_("ouvre"), validators=[MaxValueValidator(MINUTES_OF_A_DAY - 1)])
    closes = models.PositiveSmallIntegerField(_("ferme"), validators=[MaxValueValidator(2 * MINUTES_OF_A_DAY)])

    class Meta:
        verbose_name = _("horaire d'ouverture")
        verbose_name_plural = _("horaires d'ouverture")
        ordering = ["day", "opens"]
        constraints = [
            models.UniqueConstraint(fields=["pharmacy", "day", "opens"], name="openinghours_pharmacy_day_opens"),
            models.CheckConstraint(condition=Q(day__in=Day.values), name="openinghours_day_known"),
            models.CheckConstraint(
                condition=Q(opens__gte=0, opens__lt=MINUTES_OF_A_DAY, closes__gt=F("opens"))
                & Q(closes__lte=F("opens") + MINUTES_OF_A_DAY),
                name="openinghours_at_most_a_day",
                violation_error_message=_("Une ouverture dure au plus 24 heures."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_day_display()} {_clock(self.opens)}-{_clock(self.closes)}"


class Holiday(Timestamped):
    """Where a day differs from the official calendar (`catalog.holidays`): a holiday more, or one less.

    On holidays pharmacies keep their hours for them, or are closed; practitioners receive who say so.
    """

    date = models.DateField(_("jour"), unique=True)
    name = models.CharField(_("nom"), max_length=120)
    is_observed = models.BooleanField(
        _("férié"),
        default=True,
        db_default=True,
        help_text=_("Décochez pour un jour du calendrier officiel où l'on travaille."),
    )

    class Meta:
        verbose_name = _("jour férié")
        verbose_name_plural = _("jours fériés")
        ordering = ["-date"]
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="holiday_name_given")]

    def __str__(self) -> str:
        return f"{self.name} ({self.date:%d/%m/%Y})"


class DutyPeriod(Timestamped):
    """A turn of duty: the pharmacy is open from `starts_at` to `ends_at`, whatever its hours say.

    `surcharge` is what the pharmacy adds to a bill meanwhile, in whole units of `currency`.
    """

    pharmacy = models.ForeignKey(
        Pharmacy, on_delete=models.CASCADE, related_name="duty_periods", verbose_name=_("pharmacie"), db_index=False
    )
    starts_at = models.DateTimeField(_("début"), validators=MOMENT_VALIDATORS)
    ends_at = models.DateTimeField(_("fin"), validators=MOMENT_VALIDATORS)
    zone = models.CharField(_("zone"), max_length=120, blank=True)
    surcharge = models.PositiveIntegerField(
        _("majoration"), default=0, help_text=_("en francs CFA entiers"), validators=[MinValueValidator(0)]
    )
    currency = models.CharField(_("devise"), max_length=3, default=XAF)

    class Meta:
        verbose_name = _("garde")
        verbose_name_plural = _("gardes")
        ordering = ["-starts_at"]
        constraints = [
            models.UniqueConstraint(fields=["pharmacy", "starts_at"], name="dutyperiod_pharmacy_start"),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="dutyperiod_ends_after_start",
                violation_error_message=_("Une garde finit après son début."),
            ),
            models.CheckConstraint(
                condition=reasonable("starts_at", "ends_at"),
                name="dutyperiod_reasonable",
                violation_error_message=UNREASONABLE,
            ),
            models.CheckConstraint(condition=Q(surcharge__gte=0), name="dutyperiod_surcharge_not_negative"),
        ]
        indexes = [models.Index(fields=["ends_at", "starts_at"], name="dutyperiod_time")]

    def __str__(self) -> str:
        return f"{self.pharmacy_id} · {self.starts_at:%d/%m/%Y %H:%M}"


def _clock(minutes: int) -> str:
    return f"{minutes // 60 % 24}h{minutes % 60:02}"
