from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from catalog.enums import HoursStatus
from catalog.models.products import validate_code
from common.models import Timestamped

EPG_ID = RegexValidator(
    r"\A[0-9a-fA-F]{24}\Z", _("Un identifiant EPG a 24 chiffres hexadécimaux (0 à 9, a à f)."), code="epg_id"
)


class Pharmacy(Timestamped):
    """A place where medicines are sold. `phones` are E.164; `hours` is free text, `OpeningHours` what it means."""

    code = models.CharField(_("code"), max_length=32, unique=True, validators=[validate_code])
    name = models.CharField(_("nom"), max_length=200)
    town = models.CharField(_("ville"), max_length=120)
    quarter = models.CharField(_("quartier"), max_length=200, blank=True)
    phones = models.JSONField(_("téléphones"), default=list, blank=True, help_text=_("E.164, p. ex. +24177123456"))
    latitude = models.FloatField(
        _("latitude"), null=True, blank=True, validators=[MinValueValidator(-90), MaxValueValidator(90)]
    )
    longitude = models.FloatField(
        _("longitude"), null=True, blank=True, validators=[MinValueValidator(-180), MaxValueValidator(180)]
    )
    position_is_approximate = models.BooleanField(_("position approximative"), default=False)
    hours = models.TextField(_("horaires"), blank=True)
    hours_status = models.CharField(
        _("horaires structurés"), max_length=8, choices=HoursStatus, default=HoursStatus.UNKNOWN
    )
    always_open = models.BooleanField(_("ouverte 24 h/24"), default=False)
    accepts_cnamgs = models.BooleanField(_("accepte la CNAMGS"), default=False)
    is_listed = models.BooleanField(
        _("visible des patients"), default=True, help_text=_("Décochez pour ne plus figurer dans les recherches.")
    )
    is_active = models.BooleanField(_("active"), default=True)
    # In small letters, as the services write it.
    epg_id = models.CharField(_("identifiant EPG"), max_length=64, blank=True, validators=[EPG_ID])
    # Name, town, quarter and code without accents and case, kept by the services.
    search_text = models.TextField(_("texte de recherche"), blank=True, editable=False)
    town_key = models.CharField(_("ville sans accents"), max_length=120, blank=True, editable=False, db_index=True)

    class Meta:
        verbose_name = _("pharmacie")
        verbose_name_plural = _("pharmacies")
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(condition=~Q(code=""), name="pharmacy_code_given"),
            models.CheckConstraint(condition=~Q(name=""), name="pharmacy_name_given"),
            models.CheckConstraint(
                condition=Q(hours_status__in=HoursStatus.values), name="pharmacy_hours_status_known"
            ),
            models.CheckConstraint(
                # A comparison with NULL is not false: both have to be there, or neither.
                condition=Q(latitude=None, longitude=None)
                | Q(
                    latitude__isnull=False,
                    longitude__isnull=False,
                    latitude__range=(-90, 90),
                    longitude__range=(-180, 180),
                ),
                name="pharmacy_position_valid",
                violation_error_message=_("La latitude et la longitude vont ensemble."),
            ),
            models.CheckConstraint(
                condition=Q(epg_id="") | Q(epg_id__regex=r"^[0-9a-f]{24}$"),
                name="pharmacy_epg_id_valid",
                violation_error_message=EPG_ID.message,
            ),
            models.UniqueConstraint(
                fields=["epg_id"],
                condition=~Q(epg_id=""),
                name="pharmacy_epg_id_once",
                violation_error_message=_("Une autre pharmacie a déjà cet identifiant EPG."),
            ),
        ]
        indexes = [models.Index(fields=["latitude", "longitude"], name="pharmacy_position")]

    def __str__(self) -> str:
        return self.name


class PharmacyMember(Timestamped):
    """A pharmacist's right to act for a pharmacy."""

    pharmacy = models.ForeignKey(
        Pharmacy, on_delete=models.CASCADE, related_name="members", verbose_name=_("pharmacie"), db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="pharmacy_memberships",
        verbose_name=_("utilisateur"),
    )

    class Meta:
        verbose_name = _("membre d'une pharmacie")
        verbose_name_plural = _("membres des pharmacies")
        constraints = [models.UniqueConstraint(fields=["pharmacy", "user"], name="pharmacymember_pharmacy_user")]

    def __str__(self) -> str:
        return f"{self.user} · {self.pharmacy}"
