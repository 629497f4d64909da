import zoneinfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from common.models import Timestamped
from common.money import XAF

# Minutes. A booking looks at the doctor's rows within a day of its own, whatever the type of visit.
MAX_VISIT = 480
MAX_BUFFER = 120


def default_timezone() -> str:
    return str(settings.TIME_ZONE)


def default_country() -> str:
    return str(settings.PHONE_REGION)


def validate_timezone(value: str) -> None:
    if value not in zoneinfo.available_timezones():
        raise ValidationError(_("Ce fuseau horaire n'existe pas (nom IANA attendu, p. ex. Africa/Libreville)."))


class Specialty(Timestamped):
    """What a doctor practises; a specialty may belong to a wider one."""

    name_fr = models.CharField(_("nom"), max_length=120, unique=True)
    name_en = models.CharField(_("nom anglais"), max_length=120)
    parent = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("fait partie de"),
    )

    class Meta:
        verbose_name = _("spécialité")
        verbose_name_plural = _("spécialités")
        ordering = ["name_fr", "id"]
        constraints = [models.CheckConstraint(condition=~Q(name_fr=""), name="specialty_named")]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """In the reader's language."""
        return self.name_en if get_language() == "en" and self.name_en else self.name_fr


class PractitionerQuerySet(models.QuerySet["Practitioner"]):
    def listed(self) -> "PractitionerQuerySet":
        """Those whom patients see and book: verified by staff, active, and allowed to sign in."""
        return self.filter(verified_at__isnull=False, is_active=True, user__is_active=True)


class Practitioner(Timestamped):
    """A doctor's practice: one place, one time zone, its own rules.

    Fees are whole units of `currency`; what credits buy instead is `fee_credits`, null where they do not.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="practitioner", verbose_name=_("utilisateur")
    )
    specialties = models.ManyToManyField(Specialty, related_name="practitioners", verbose_name=_("spécialités"))
    bio = models.TextField(_("présentation"), blank=True, max_length=2000)
    languages = models.JSONField(_("langues"), default=list, blank=True, help_text=_("codes ISO 639-1, p. ex. fr, en"))
    place = models.CharField(_("lieu"), max_length=200, blank=True)
    latitude = models.FloatField(
        _("latitude"), null=True, blank=True, validators=[MinValueValidator(-90), MaxValueValidator(90)]
    )
    longitude = models.FloatField(
        _("longitude"), null=True, blank=True, validators=[MinValueValidator(-180), MaxValueValidator(180)]
    )
    timezone = models.CharField(
        _("fuseau horaire"), max_length=64, default=default_timezone, validators=[validate_timezone]
    )
    country = models.CharField(
        _("pays"), max_length=2, default=default_country, help_text=_("ISO 3166, pour les jours fériés")
    )
    works_on_holidays = models.BooleanField(_("consulte les jours fériés"), default=False)
    grid_minutes = models.PositiveSmallIntegerField(
        _("pas de la grille (minutes)"), default=15, validators=[MinValueValidator(5), MaxValueValidator(240)]
    )
    fee = models.PositiveBigIntegerField(_("honoraires"), default=0, help_text=_("en francs CFA entiers, 0 = gratuit"))
    fee_credits = models.PositiveBigIntegerField(
        _("honoraires en crédits"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    currency = models.CharField(_("devise"), max_length=3, default=XAF)
    free_cancellation_hours = models.PositiveSmallIntegerField(
        _("annulation gratuite jusqu'à (heures avant)"), default=24
    )
    late_share_percent = models.PositiveSmallIntegerField(
        _("part gardée après (%)"), default=50, validators=[MaxValueValidator(100)]
    )
    no_show_share_percent = models.PositiveSmallIntegerField(
        _("part gardée en cas d'absence (%)"), default=100, validators=[MaxValueValidator(100)]
    )
    is_active = models.BooleanField(_("reçoit des patients"), default=True)
    verified_at = models.DateTimeField(_("vérifié le"), null=True, blank=True, editable=False)
    verified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("vérifié par"),
    )

    objects = PractitionerQuerySet.as_manager()

    class Meta:
        verbose_name = _("praticien")
        verbose_name_plural = _("praticiens")
        ordering = ["id"]
        permissions = [("verify_practitioner", "Can verify a practitioner, who is then listed")]
        constraints = [
            models.CheckConstraint(
                condition=Q(late_share_percent__lte=100, no_show_share_percent__lte=100),
                name="practitioner_shares_percent",
            ),
            models.CheckConstraint(condition=Q(grid_minutes__range=(5, 240)), name="practitioner_grid_minutes"),
            # For no credits at all a fee would be paid by nothing.
            models.CheckConstraint(
                condition=Q(fee_credits=None) | Q(fee_credits__gt=0), name="practitioner_fee_credits"
            ),
            models.CheckConstraint(
                condition=Q(verified_at=None, verified_by=None)
                | Q(verified_at__isnull=False, verified_by__isnull=False),
                name="practitioner_verified_by",
            ),
            models.CheckConstraint(
                condition=Q(latitude=None, longitude=None)
                | Q(
                    latitude__isnull=False,
                    longitude__isnull=False,
                    latitude__range=(-90, 90),
                    longitude__range=(-180, 180),
                ),
                name="practitioner_position_valid",
                violation_error_message=_("La latitude et la longitude vont ensemble."),
            ),
        ]
        indexes = [models.Index(fields=["latitude", "longitude"], name="practitioner_position")]

    def __str__(self) -> str:
        return self.user.get_full_name()

    @property
    def is_listed(self) -> bool:
        return self.verified_at is not None and self.is_active and self.user.is_active

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.timezone)


class VisitType(Timestamped):
    """A kind of visit that a practitioner offers: how long, with which pauses around it, at what price.

    Without a fee of its own it costs what the practitioner's does.
    """

    practitioner = models.ForeignKey(
        Practitioner, on_delete=models.CASCADE, related_name="visit_types", verbose_name=_("praticien")
    )
    name = models.CharField(_("nom"), max_length=120)
    minutes = models.PositiveSmallIntegerField(
        _("durée (minutes)"), default=30, validators=[MinValueValidator(5), MaxValueValidator(MAX_VISIT)]
    )
    buffer_before = models.PositiveSmallIntegerField(
        _("battement avant (minutes)"), default=0, validators=[MaxValueValidator(MAX_BUFFER)]
    )
    buffer_after = models.PositiveSmallIntegerField(
        _("battement après (minutes)"), default=0, validators=[MaxValueValidator(MAX_BUFFER)]
    )
    fee = models.PositiveBigIntegerField(_("honoraires"), null=True, blank=True)
    fee_credits = models.PositiveBigIntegerField(
        _("honoraires en crédits"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    is_remote = models.BooleanField(_("à distance"), default=False)
    is_active = models.BooleanField(_("proposé"), default=True)

    class Meta:
        verbose_name = _("type de visite")
        verbose_name_plural = _("types de visite")
        ordering = ["practitioner_id", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(minutes__range=(5, MAX_VISIT)), name="visittype_minutes"),
            models.CheckConstraint(
                condition=Q(buffer_before__lte=MAX_BUFFER, buffer_after__lte=MAX_BUFFER), name="visittype_buffers"
            ),
            models.CheckConstraint(condition=Q(fee_credits=None) | Q(fee_credits__gt=0), name="visittype_fee_credits"),
            models.UniqueConstraint(fields=["practitioner", "name"], name="visittype_practitioner_name"),
        ]

    def __str__(self) -> str:
        return self.name
