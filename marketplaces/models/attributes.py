"""What items are described by, the same for every merchant, with each channel's own ids.

One table an attribute, and one for its ids: the database holds that an id belongs to something of the right kind.
"""

from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from common.models import Timestamped
from marketplaces.enums import Channel, ProductClass


class Attribute(Timestamped):
    code = models.SlugField(_("code"), max_length=48, unique=True)
    name_fr = models.CharField(_("nom"), max_length=120)
    name_en = models.CharField(_("nom anglais"), max_length=120)
    position = models.PositiveSmallIntegerField(_("rang"), default=0)
    is_active = models.BooleanField(_("proposé"), default=True)

    class Meta:
        abstract = True
        ordering = ["position", "name_fr", "id"]
        constraints = [
            models.CheckConstraint(condition=~Q(code="") & ~Q(name_fr="") & ~Q(name_en=""), name="%(class)s_named")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """In the reader's language."""
        return self.name_en if get_language() == "en" else self.name_fr


class Brand(Attribute):
    class Meta(Attribute.Meta):
        verbose_name = _("marque")
        verbose_name_plural = _("marques")


class Color(Attribute):
    class Meta(Attribute.Meta):
        verbose_name = _("couleur")
        verbose_name_plural = _("couleurs")


class Condition(Attribute):
    class Meta(Attribute.Meta):
        verbose_name = _("état d'un article")
        verbose_name_plural = _("états des articles")


class Material(Attribute):
    class Meta(Attribute.Meta):
        verbose_name = _("matière")
        verbose_name_plural = _("matières")


class Size(Attribute):
    class Meta(Attribute.Meta):
        verbose_name = _("taille")
        verbose_name_plural = _("tailles")


class Category(Attribute):
    """Also the medicine gate's first answer: only a category `is_allowed` is sold, and one of medicines never is."""

    parent = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("fait partie de"),
    )
    product_class = models.CharField(_("classe de produits"), max_length=16, choices=ProductClass)
    is_allowed = models.BooleanField(_("vente admise"), default=False)

    class Meta(Attribute.Meta):
        verbose_name = _("catégorie")
        verbose_name_plural = _("catégories")
        constraints = [
            *Attribute.Meta.constraints,
            models.CheckConstraint(
                condition=Q(product_class__in=ProductClass.values)
                & (Q(is_allowed=False) | ~Q(product_class=ProductClass.MEDICINE)),
                name="category_no_medicine_allowed",
                violation_error_message=_("Les médicaments ne se vendent pas sur les places de marché."),
            ),
        ]


class ChannelId(Timestamped):
    """How a channel calls an attribute: an id, or the very word where it has none."""

    channel = models.CharField(_("canal"), max_length=8, choices=Channel)
    external_id = models.CharField(_("identifiant du canal"), max_length=80)

    class Meta:
        abstract = True
        verbose_name = _("identifiant d'un canal")
        verbose_name_plural = _("identifiants des canaux")
        constraints = [
            models.UniqueConstraint(fields=["attribute", "channel"], name="%(class)s_channel"),
            models.CheckConstraint(
                condition=Q(channel__in=Channel.values) & ~Q(external_id=""), name="%(class)s_valid"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} {self.external_id}"


def _of(model: type[Attribute]) -> "models.ForeignKey[Attribute, Attribute]":
    return models.ForeignKey(model, on_delete=models.CASCADE, related_name="channel_ids", db_index=False)


class BrandChannelId(ChannelId):
    attribute = _of(Brand)


class ColorChannelId(ChannelId):
    attribute = _of(Color)


class ConditionChannelId(ChannelId):
    attribute = _of(Condition)


class MaterialChannelId(ChannelId):
    attribute = _of(Material)


class SizeChannelId(ChannelId):
    attribute = _of(Size)


class CategoryChannelId(ChannelId):
    attribute = _of(Category)


# Name of the item's field → its model.
ATTRIBUTES: dict[str, type[Attribute]] = {
    "category": Category,
    "condition": Condition,
    "brand": Brand,
    "color": Color,
    "material": Material,
    "size": Size,
}
