from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from common.models import Timestamped
from common.moments import MOMENT_VALIDATORS, UNREASONABLE, reasonable
from common.money import MAX_PRICE, XAF


class PriceChange(Timestamped):
    """A product's price became another one: append-only, the first price is `old_price` of the first row.

    `source` is what the new price came from: an import's source, "planned", or nothing for an edit by hand. Prices are
    in whole units of their currency; None is unknown.
    """

    product_code = models.CharField(_("code produit"), max_length=13)
    old_price = models.PositiveBigIntegerField(_("ancien prix"), null=True)
    old_currency = models.CharField(_("ancienne devise"), max_length=3)
    price = models.PositiveBigIntegerField(_("prix"), null=True)
    currency = models.CharField(_("devise"), max_length=3)
    is_indicative = models.BooleanField(_("prix indicatif"))
    source = models.CharField(_("source"), max_length=32, blank=True)

    class Meta:
        verbose_name = _("changement de prix")
        verbose_name_plural = _("historique des prix")
        indexes = [models.Index(fields=["product_code", "-id"], name="pricechange_newest")]

    def __str__(self) -> str:
        return f"{self.product_code} · {self.price}"


class PlannedPrice(Timestamped):
    """A price that a product is to have from `effective_at` on; the sweep makes it the product's price then.

    Settled without being applied: nobody knows the product any more, or a later price was due as well.
    """

    product_code = models.CharField(_("code produit"), max_length=13)
    price = models.PositiveBigIntegerField(_("prix"), help_text=_("en francs CFA entiers"))
    currency = models.CharField(_("devise"), max_length=3, default=XAF)
    effective_at = models.DateTimeField(_("valable dès"), validators=MOMENT_VALIDATORS)
    settled_at = models.DateTimeField(_("réglé le"), null=True, editable=False)
    is_applied = models.BooleanField(_("appliqué"), default=False, editable=False)

    class Meta:
        verbose_name = _("prix à venir")
        verbose_name_plural = _("prix à venir")
        constraints = [
            models.CheckConstraint(
                condition=Q(price__gt=0, price__lte=MAX_PRICE),
                name="plannedprice_positive",
                violation_error_message=_("Un prix est supérieur à zéro, ou inconnu."),
            ),
            models.CheckConstraint(
                condition=reasonable("effective_at"),
                name="plannedprice_reasonable",
                violation_error_message=UNREASONABLE,
            ),
            models.CheckConstraint(
                condition=Q(is_applied=False) | Q(settled_at__isnull=False), name="plannedprice_applied_is_settled"
            ),
            models.UniqueConstraint(
                fields=["product_code", "effective_at"],
                condition=Q(settled_at__isnull=True),
                name="plannedprice_one_at_a_time",
                violation_error_message=_("Un prix de ce produit est déjà prévu pour ce moment."),
            ),
        ]
        indexes = [
            models.Index(fields=["effective_at"], name="plannedprice_open", condition=Q(settled_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.product_code} · {self.price}"
