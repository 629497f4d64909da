from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from catalog.enums import ProductKind
from common.models import Timestamped
from common.money import XAF

# Real labels reach some 500 characters; what is longer would not fit into an index page of PostgreSQL.
LABEL_MAX_LENGTH = 660

validate_code = RegexValidator(r"\A[A-Za-z0-9][A-Za-z0-9_-]*\Z", _("Lettres, chiffres et tirets seulement."))


class Product(Timestamped):
    """Something a pharmacy sells, under its CIP13 or house code.

    It may live in another database than everything else (`catalog.router`): no foreign key points here, its code
    does. `price` is what the source tells, in whole units of `currency`; a product is sold at `Stock.price`.
    """

    code = models.CharField(_("code"), max_length=13, primary_key=True, validators=[validate_code])
    label = models.TextField(_("libellé"), max_length=LABEL_MAX_LENGTH)
    substance = models.TextField(_("substance"), blank=True, max_length=LABEL_MAX_LENGTH)
    form = models.TextField(_("forme"), blank=True, max_length=LABEL_MAX_LENGTH)
    category = models.CharField(_("catégorie"), max_length=120, null=True, blank=True)
    kind = models.CharField(_("nature"), max_length=16, choices=ProductKind, default=ProductKind.MEDICINE)
    prescription_required = models.BooleanField(_("sur ordonnance"), null=True, blank=True)
    price = models.PositiveBigIntegerField(_("prix"), null=True, blank=True, help_text=_("en francs CFA entiers"))
    price_is_indicative = models.BooleanField(_("prix indicatif"), default=False)
    currency = models.CharField(_("devise"), max_length=3, default=XAF)
    is_active = models.BooleanField(_("commercialisé"), default=True)
    source = models.CharField(_("source"), max_length=32, blank=True)

    class Meta:
        verbose_name = _("produit")
        verbose_name_plural = _("produits")
        ordering = ["label", "code"]
        constraints = [
            models.CheckConstraint(condition=~Q(code=""), name="product_code_given"),
            models.CheckConstraint(
                condition=~Q(label="") & Q(LessThanOrEqual(Length("label"), LABEL_MAX_LENGTH)),
                name="product_label_length",
            ),
            models.CheckConstraint(condition=Q(kind__in=ProductKind.values), name="product_kind_known"),
            models.CheckConstraint(
                condition=Q(price=None) | Q(price__gt=0),
                name="product_price_positive",
                violation_error_message=_("Un prix est supérieur à zéro, ou inconnu."),
            ),
        ]
        indexes = [models.Index(fields=["label", "code"], name="product_label_order")]

    def __str__(self) -> str:
        return self.label


class Pharmacy(Timestamped):
    """A place where medicines are sold. `phones` are E.164; `hours` is free text."""

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
    always_open = models.BooleanField(_("ouverte 24 h/24"), default=False)
    is_active = models.BooleanField(_("active"), default=True)
    epg_id = models.CharField(_("identifiant EPG"), max_length=64, blank=True)
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


class Stock(Timestamped):
    """How many boxes of a product a pharmacy has, and at what price: without one it cannot be reserved.

    What is free is `quantity` minus what reservations hold (`catalog.holds`), always computed.
    """

    product_code = models.CharField(_("code produit"), max_length=13)
    pharmacy = models.ForeignKey(
        Pharmacy, on_delete=models.PROTECT, related_name="stock", verbose_name=_("pharmacie"), db_index=False
    )
    quantity = models.PositiveIntegerField(_("quantité"))
    price = models.PositiveBigIntegerField(_("prix"), null=True, blank=True, help_text=_("en francs CFA entiers"))
    currency = models.CharField(_("devise"), max_length=3, default=XAF)
    observed_at = models.DateTimeField(_("constaté le"), default=timezone.now)

    class Meta:
        verbose_name = _("stock")
        verbose_name_plural = _("stocks")
        constraints = [
            models.UniqueConstraint(fields=["pharmacy", "product_code"], name="stock_pharmacy_product"),
            models.CheckConstraint(condition=~Q(product_code=""), name="stock_product_given"),
            models.CheckConstraint(condition=Q(quantity__gte=0), name="stock_quantity_not_negative"),
            models.CheckConstraint(
                condition=Q(price=None) | Q(price__gt=0),
                name="stock_price_positive",
                violation_error_message=_("Un prix est supérieur à zéro, ou inconnu."),
            ),
        ]
        indexes = [models.Index(fields=["product_code", "pharmacy"], name="stock_product_pharmacy")]

    def __str__(self) -> str:
        return f"{self.product_code} · {self.pharmacy_id}"


class SearchEntry(Timestamped):
    """What search and a reservation's line need to know of a product, in the relational database.

    `text` is label, substance and codes in words without accents and case (`catalog.text`). The full-text index over
    it is made by migration 0002: a stored tsvector on PostgreSQL, an FTS5 table that follows by triggers on SQLite.
    The key is a number because FTS5 finds rows by it, also after VACUUM.
    """

    code = models.CharField(_("code"), max_length=13, unique=True)
    text = models.TextField(_("texte"))
    label = models.TextField(_("libellé"))
    substance = models.TextField(_("substance"), blank=True)
    kind = models.CharField(_("nature"), max_length=16, choices=ProductKind)
    prescription_required = models.BooleanField(_("sur ordonnance"), null=True)
    is_active = models.BooleanField(_("commercialisé"))

    class Meta:
        verbose_name = _("entrée de recherche")
        verbose_name_plural = _("entrées de recherche")
        constraints = [
            models.CheckConstraint(condition=~Q(code=""), name="searchentry_code_given"),
            models.CheckConstraint(condition=Q(kind__in=ProductKind.values), name="searchentry_kind_known"),
        ]

    def __str__(self) -> str:
        return self.label


class CatalogVersion(Timestamped):
    """One row; its number grows whenever the words of search entries change. Processes keep what they derived by it."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    number = models.PositiveBigIntegerField(_("numéro"), default=0)

    class Meta:
        verbose_name = _("version du catalogue")
        verbose_name_plural = _("versions du catalogue")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="catalogversion_single_row")]

    def __str__(self) -> str:
        return str(self.number)
