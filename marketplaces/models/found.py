"""What the channels have and we did not put there: listings made by hand, and what buyers wrote."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from marketplaces.enums import Channel
from marketplaces.models.base import TenantForeignKey, TenantModel
from marketplaces.models.listings import Listing


class ForeignListing(TenantModel):
    """A listing that a channel has and whose SKU is nobody's here; `listing` once the merchant has said which it is.

    `price` is in the smallest unit of `currency`, null where the channel does not say.
    """

    public_id = models.UUIDField(_("identifiant"), default=uuid.uuid4, editable=False)
    channel = models.CharField(_("canal"), max_length=8, choices=Channel)
    external_id = models.CharField(_("identifiant du canal"), max_length=80)
    external_offer_id = models.CharField(_("identifiant de l'offre"), max_length=80, blank=True)
    sku = models.CharField(_("SKU"), max_length=50, blank=True)
    title = models.CharField(_("titre"), max_length=200, blank=True)
    quantity = models.PositiveIntegerField(_("quantité"), default=0)
    price = models.PositiveBigIntegerField(_("prix"), null=True)
    currency = models.CharField(_("devise"), max_length=3, blank=True)
    url = models.URLField(_("adresse"), max_length=500, blank=True)
    is_live = models.BooleanField(_("en ligne"), default=True)
    seen_at = models.DateTimeField(_("vue le"))
    listing = TenantForeignKey(
        Listing, on_delete=models.PROTECT, null=True, blank=True, related_name="found", verbose_name=_("annonce")
    )

    class Meta(TenantModel.Meta):
        verbose_name = _("annonce trouvée sur un canal")
        verbose_name_plural = _("annonces trouvées sur les canaux")
        constraints = [
            models.UniqueConstraint(fields=["merchant", "public_id"], name="foreignlisting_public_id"),
            models.UniqueConstraint(fields=["merchant", "channel", "external_id"], name="foreignlisting_external_id"),
            models.CheckConstraint(
                condition=Q(channel__in=Channel.values) & ~Q(external_id=""), name="foreignlisting_valid"
            ),
        ]
        indexes = [models.Index(fields=["merchant", "-id"], name="foreignlisting_newest")]

    def __str__(self) -> str:
        return self.title or self.external_id


class BuyerMessage(TenantModel):
    """What a buyer wrote on a channel; read again, it is the same row. `sent_at` is in the channel's words."""

    channel = models.CharField(_("canal"), max_length=8, choices=Channel)
    external_id = models.CharField(_("identifiant du canal"), max_length=80)
    sender = models.CharField(_("expéditeur"), max_length=120, blank=True)
    text = models.TextField(_("texte"), max_length=5000, blank=True)
    sent_at = models.CharField(_("envoyé le"), max_length=40, blank=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("message d'un acheteur")
        verbose_name_plural = _("messages des acheteurs")
        constraints = [
            models.UniqueConstraint(fields=["merchant", "channel", "external_id"], name="buyermessage_external_id"),
            models.CheckConstraint(
                condition=Q(channel__in=Channel.values) & ~Q(external_id=""), name="buyermessage_valid"
            ),
        ]
        indexes = [models.Index(fields=["merchant", "-id"], name="buyermessage_newest")]

    def __str__(self) -> str:
        return self.sender or self.external_id
