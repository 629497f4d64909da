from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import DEFAULT_DB_ALIAS, models
from django.db.models import Q
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual
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
        # Of what is rare also by migration (0008), where products are relational.
        indexes = [models.Index(fields=["label", "code"], name="product_label_order")]

    def __str__(self) -> str:
        return self.label

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Asked of the relational database, which evaluates conditions also where it does not hold the products."""
        errors: list[ValidationError] = []
        for constraint in self._meta.constraints:
            try:
                constraint.validate(type(self), self, exclude=set(exclude or ()), using=DEFAULT_DB_ALIAS)
            except ValidationError as error:
                errors.append(error)
        if errors:
            raise ValidationError([message for error in errors for message in error.error_list])


class ProductChange(Timestamped):
    """A write of products that no transaction of ours covers, because they live in a database of their own.

    The row is committed before the write and settled, with the search entries, after it; the sweep settles what was
    left behind. An empty `code` is an import. `before` holds the prices that the write changes, as they were
    (`catalog.services.price_history`).
    """

    code = models.CharField(_("code"), max_length=13, blank=True)
    settled_at = models.DateTimeField(_("réglée le"), null=True)
    before = models.JSONField(_("avant"), default=dict, db_default=models.Value({}, models.JSONField()))

    class Meta:
        verbose_name = _("écriture du catalogue")
        verbose_name_plural = _("écritures du catalogue")
        indexes = [models.Index(fields=["created_at"], name="productchange_open", condition=Q(settled_at__isnull=True))]

    def __str__(self) -> str:
        return self.code or "*"
