from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from catalog.models.pharmacies import Pharmacy
from common.models import Timestamped
from common.money import MAX_PRICE, XAF


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
            models.CheckConstraint(
                condition=Q(price=None) | Q(price__lte=MAX_PRICE),
                name="stock_price_ceiling",
                violation_error_message=_("Un prix ne dépasse pas un milliard."),
            ),
        ]
        indexes = [
            models.Index(fields=["product_code", "pharmacy"], name="stock_product_pharmacy"),
            models.Index(fields=["pharmacy", "product_code"], condition=Q(quantity=0), name="stock_empty"),
            models.Index(fields=["pharmacy", "product_code"], condition=Q(price=None), name="stock_unpriced"),
        ]

    def __str__(self) -> str:
        return f"{self.product_code} · {self.pharmacy_id}"
