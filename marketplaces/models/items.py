import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from common.money import MAX_PRICE
from marketplaces.enums import Review
from marketplaces.models.attributes import Brand, Category, Color, Condition, Material, Size
from marketplaces.models.base import TenantForeignKey, TenantManager, TenantModel, TenantQuerySet

MAX_QUANTITY = 1_000_000


class ItemQuerySet(TenantQuerySet):
    def kept(self) -> "ItemQuerySet":
        """Not deleted."""
        return self.filter(deleted_at=None)


def _attribute(model: type[models.Model], name: Any, *, optional: bool = True) -> Any:
    return models.ForeignKey(
        model,
        on_delete=models.PROTECT,
        null=optional,
        blank=optional,
        related_name="+",
        verbose_name=name,
        db_index=False,
    )


class Item(TenantModel):
    """What a merchant sells. `price` is in the smallest unit of `currency`; `sku` is a function of `public_id`.

    `stock_buffers` maps a channel to the pieces that it is never offered. A deleted item keeps its row, its sku and
    its orders.
    """

    public_id = models.UUIDField(_("identifiant"), default=uuid.uuid4, editable=False)
    sku = models.CharField(_("SKU"), max_length=50, editable=False)
    title = models.CharField(_("titre"), max_length=140)
    description = models.TextField(_("description"), max_length=10_000, blank=True)
    price = models.PositiveBigIntegerField(_("prix"), help_text=_("dans la plus petite unité de la devise"))
    currency = models.CharField(_("devise"), max_length=3)
    quantity = models.PositiveIntegerField(_("quantité"))
    code = models.CharField(_("code produit"), max_length=14, blank=True, help_text=_("CIP ou EAN"))
    category = _attribute(Category, _("catégorie"), optional=False)
    condition = _attribute(Condition, _("état de l'article"), optional=False)
    brand = _attribute(Brand, _("marque"))
    color = _attribute(Color, _("couleur"))
    material = _attribute(Material, _("matière"))
    size = _attribute(Size, _("taille"))
    stock_buffers = models.JSONField(_("réserves par canal"), default=dict, blank=True)
    review = models.CharField(_("contrôle"), max_length=8, choices=Review, default=Review.NONE)
    flagged_words = models.JSONField(_("mots signalés"), default=list, blank=True)
    reviewed_at = models.DateTimeField(_("contrôlé le"), null=True, editable=False)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("contrôlé par"),
        editable=False,
        db_index=False,
    )
    deleted_at = models.DateTimeField(_("supprimé le"), null=True, editable=False)

    objects: Any = TenantManager.from_queryset(ItemQuerySet)()  # type: ignore[django-manager-missing]

    class Meta(TenantModel.Meta):
        verbose_name = _("article")
        verbose_name_plural = _("articles")
        constraints = [
            models.UniqueConstraint(fields=["merchant", "public_id"], name="item_public_id"),
            models.UniqueConstraint(fields=["merchant", "sku"], name="item_sku"),
            models.CheckConstraint(condition=~Q(title="") & Q(sku__regex=r"^[A-Za-z0-9]{1,50}$"), name="item_named"),
            models.CheckConstraint(condition=Q(price__gte=1, price__lte=MAX_PRICE), name="item_price_valid"),
            models.CheckConstraint(condition=Q(quantity__lte=MAX_QUANTITY), name="item_quantity_valid"),
            # The last word of the medicine gate: an EAN-13 of French medicines begins so.
            models.CheckConstraint(condition=~Q(code__startswith="34009"), name="item_no_medicine"),
            models.CheckConstraint(condition=Q(review__in=Review.values), name="item_review_valid"),
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], condition=Q(deleted_at=None), name="item_kept"),
            models.Index(fields=["merchant", "id"], condition=Q(review=Review.FLAGGED), name="item_flagged"),
            # Staff look for one of them in all merchants' stocks.
            models.Index(fields=["sku"], name="item_sku_of_all"),
            models.Index(fields=["code"], condition=~Q(code=""), name="item_code_of_all"),
        ]

    def __str__(self) -> str:
        return self.title

    def offered_on(self, channel: str) -> int:
        """The pieces that a channel may show: the stock less the channel's buffer, never below 0."""
        return max(0, self.quantity - int(self.stock_buffers.get(channel, 0)))


class ItemImage(TenantModel):
    """One picture of an item; `position` counts from 0 without gaps."""

    public_id = models.UUIDField(_("identifiant"), default=uuid.uuid4, editable=False)
    item = TenantForeignKey(Item, on_delete=models.PROTECT, related_name="images", verbose_name=_("article"))
    file = models.FileField(_("fichier"), max_length=200)
    content_type = models.CharField(_("type"), max_length=20)
    size = models.PositiveIntegerField(_("octets"))
    width = models.PositiveIntegerField(_("largeur"), help_text=_("en pixels"))
    height = models.PositiveIntegerField(_("hauteur"), help_text=_("en pixels"))
    digest = models.CharField(_("empreinte"), max_length=64, blank=True, help_text=_("SHA-256 du fichier"))
    position = models.PositiveSmallIntegerField(_("rang"))

    class Meta(TenantModel.Meta):
        verbose_name = _("image d'un article")
        verbose_name_plural = _("images des articles")
        constraints = [
            models.UniqueConstraint(fields=["merchant", "public_id"], name="itemimage_public_id"),
            models.UniqueConstraint(fields=["merchant", "item", "position"], name="itemimage_position"),
        ]

    def __str__(self) -> str:
        return f"{self.item_id} · {self.position}"  # type: ignore[attr-defined]
