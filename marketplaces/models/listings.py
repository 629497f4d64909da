import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from common.models import Timestamped
from common.money import MAX_PRICE
from marketplaces.enums import Channel, ListingState
from marketplaces.models.base import TenantForeignKey, TenantModel
from marketplaces.models.items import Item

# What is offered on its channel, or is about to be.
ON_SALE = (ListingState.PENDING, ListingState.LIVE)


class Listing(TenantModel):
    """An item on one channel, from the moment somebody asked for it; a single row however often it comes and goes.

    `external_id` is the channel's own number of what buyers see, `external_offer_id` a second one where the channel
    has two (eBay's offer). `published_quantity` is what the channel was last told, null where it was told nothing;
    `content_digest` tells words and pictures that it was given from those of today.
    """

    public_id = models.UUIDField(_("identifiant"), default=uuid.uuid4, editable=False)
    item = TenantForeignKey(Item, on_delete=models.PROTECT, related_name="listings", verbose_name=_("article"))
    channel = models.CharField(_("canal"), max_length=8, choices=Channel)
    state = models.CharField(_("état"), max_length=12, choices=ListingState, default=ListingState.PENDING)
    external_id = models.CharField(_("identifiant du canal"), max_length=80, blank=True)
    external_offer_id = models.CharField(_("identifiant de l'offre"), max_length=80, blank=True)
    url = models.URLField(_("adresse"), max_length=500, blank=True)
    price_override = models.PositiveBigIntegerField(
        _("prix sur ce canal"), null=True, blank=True, help_text=_("dans la plus petite unité de la devise")
    )
    published_quantity = models.PositiveIntegerField(_("quantité publiée"), null=True, editable=False)
    published_at = models.DateTimeField(_("publiée le"), null=True, editable=False)
    content_digest = models.CharField(_("empreinte du contenu publié"), max_length=64, null=True, editable=False)
    last_error = models.TextField(_("dernière erreur"), blank=True, max_length=2000)
    last_error_code = models.CharField(_("code de l'erreur"), max_length=64, blank=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("annonce")
        verbose_name_plural = _("annonces")
        constraints = [
            models.UniqueConstraint(fields=["merchant", "public_id"], name="listing_public_id"),
            models.UniqueConstraint(fields=["merchant", "item", "channel"], name="listing_item_channel"),
            models.UniqueConstraint(
                fields=["merchant", "channel", "external_id"],
                condition=~Q(external_id=""),
                name="listing_external_id",
            ),
            models.CheckConstraint(
                condition=Q(channel__in=Channel.values) & Q(state__in=ListingState.values), name="listing_valid"
            ),
            models.CheckConstraint(
                condition=Q(price_override=None) | Q(price_override__gte=1, price_override__lte=MAX_PRICE),
                name="listing_price_valid",
            ),
            models.CheckConstraint(
                condition=~Q(state=ListingState.LIVE) | ~Q(external_id=""), name="listing_live_is_known"
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "channel", "state"], name="listing_channel_state"),
            models.Index(fields=["merchant", "id"], condition=Q(state__in=ON_SALE), name="listing_on_sale"),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} · {self.item_id}"  # type: ignore[attr-defined]


class GateRound(Timestamped):
    """One row: how far the sweep's round over what is on sale has come, past this listing of this merchant."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    after_merchant = models.BigIntegerField(default=0)
    after_listing = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("contrôle de ce qui est en vente")
        verbose_name_plural = _("contrôles de ce qui est en vente")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="gateround_single_row")]

    def __str__(self) -> str:
        return f"{self.after_merchant} · {self.after_listing}"
