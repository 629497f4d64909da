import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from common.money import MAX_AMOUNT
from marketplaces.enums import Channel, OrderState, OrderTask
from marketplaces.models.base import TenantForeignKey, TenantModel
from marketplaces.models.items import Item

LONGEST_NUMBER = 80


class Order(TenantModel):
    """What a channel says was bought. `external_id` is the channel's; read again, it is the same row."""

    public_id = models.UUIDField(_("identifiant"), default=uuid.uuid4, editable=False)
    channel = models.CharField(_("canal"), max_length=8, choices=Channel)
    external_id = models.CharField(_("identifiant du canal"), max_length=LONGEST_NUMBER)
    state = models.CharField(_("état"), max_length=12, choices=OrderState, default=OrderState.RECEIVED)
    task = models.CharField(_("à faire"), max_length=20, choices=OrderTask, default=OrderTask.NONE)
    task_note = models.CharField(_("précision"), max_length=500, blank=True)
    buyer = models.CharField(_("acheteur"), max_length=120, blank=True)
    total = models.PositiveBigIntegerField(_("total"), help_text=_("dans la plus petite unité de la devise"))
    currency = models.CharField(_("devise"), max_length=3)
    ordered_at = models.DateTimeField(_("commandée le"))

    class Meta(TenantModel.Meta):
        verbose_name = _("commande reçue d'un canal")
        verbose_name_plural = _("commandes")
        constraints = [
            models.UniqueConstraint(fields=["merchant", "public_id"], name="order_public_id"),
            models.UniqueConstraint(fields=["merchant", "channel", "external_id"], name="order_external_id"),
            models.CheckConstraint(
                condition=Q(channel__in=Channel.values)
                & Q(state__in=OrderState.values)
                & Q(task__in=OrderTask.values)
                & ~Q(external_id=""),
                name="order_valid",
            ),
            models.CheckConstraint(condition=Q(total__lte=MAX_AMOUNT), name="order_total_valid"),
        ]
        indexes = [models.Index(fields=["merchant", "task", "-id"], name="order_task")]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} {self.external_id}"


class OrderLine(TenantModel):
    """One article of an order, with the words of the channel; `item` is null where nobody knows which one it was.

    `taken` is what a line has taken from its item's stock, where its order's state does not say it: less than
    `quantity` where a channel told of more than was there after it had been sent, and whatever was taken for an order
    that has an unknown line as well. Null: all of it where the order is fulfilled, nothing before.
    """

    order = TenantForeignKey(
        Order, on_delete=models.PROTECT, related_name="lines", verbose_name=_("commande reçue d'un canal")
    )
    external_id = models.CharField(_("identifiant du canal"), max_length=LONGEST_NUMBER)
    item = TenantForeignKey(
        Item, on_delete=models.PROTECT, null=True, blank=True, related_name="order_lines", verbose_name=_("article")
    )
    sku = models.CharField(_("SKU"), max_length=50, blank=True)
    title = models.CharField(_("titre"), max_length=200, blank=True)
    quantity = models.PositiveIntegerField(_("quantité"))
    taken = models.PositiveIntegerField(_("prise au stock"), null=True, editable=False)
    unit_price = models.PositiveBigIntegerField(_("prix"), help_text=_("dans la plus petite unité de la devise"))

    class Meta(TenantModel.Meta):
        verbose_name = _("ligne d'une commande")
        verbose_name_plural = _("lignes des commandes")
        constraints = [
            models.UniqueConstraint(fields=["merchant", "order", "external_id"], name="orderline_external_id"),
            models.CheckConstraint(condition=Q(quantity__gte=1) & ~Q(external_id=""), name="orderline_valid"),
        ]
        indexes = [models.Index(fields=["merchant", "item"], name="orderline_item")]

    def __str__(self) -> str:
        return self.title or self.external_id
