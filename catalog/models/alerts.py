import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from catalog.models.pharmacies import Pharmacy
from common.models import Timestamped


class StockAlert(Timestamped):
    """Somebody wants to be told once when a product is back, in one pharmacy or in any."""

    public_id = models.UUIDField(_("identifiant"), default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="stock_alerts", verbose_name=_("utilisateur")
    )
    product_code = models.CharField(_("code produit"), max_length=13)
    pharmacy = models.ForeignKey(
        Pharmacy, on_delete=models.CASCADE, null=True, related_name="alerts", verbose_name=_("pharmacie")
    )
    fired_at = models.DateTimeField(_("envoyée le"), null=True)

    class Meta:
        verbose_name = _("alerte de retour en stock")
        verbose_name_plural = _("alertes de retour en stock")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "product_code", "pharmacy"],
                condition=Q(fired_at__isnull=True, pharmacy__isnull=False),
                name="stockalert_open_in_pharmacy",
            ),
            models.UniqueConstraint(
                fields=["user", "product_code"],
                condition=Q(fired_at__isnull=True, pharmacy__isnull=True),
                name="stockalert_open_anywhere",
            ),
        ]
        indexes = [
            models.Index(fields=["product_code"], name="stockalert_open", condition=Q(fired_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.product_code} · {self.user_id}"
