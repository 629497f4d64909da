import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.enums import Role
from accounts.models import User
from catalog.models import Pharmacy, Stock
from common.models import Timestamped
from common.money import XAF
from reservations.enums import ACTIVE, EPG_OPEN, EpgStatus, EpgTask, Status


class ReservationQuerySet(models.QuerySet["Reservation"]):
    def visible_to(self, user: User) -> "ReservationQuerySet":
        """A patient's own; a pharmacist's pharmacies' besides; everything with `reservations.view_reservation`."""
        if user.has_perm("reservations.view_reservation"):
            return self
        if user.role != Role.PHARMACIST:
            return self.filter(user=user)
        return self.filter(Q(user=user) | Q(pharmacy__in=Pharmacy.objects.filter(members__user=user)))

    def overdue(self, now: datetime) -> "ReservationQuerySet":
        return self.filter(status__in=ACTIVE, expires_at__lte=now)


class Reservation(Timestamped):
    """Boxes kept for somebody in one pharmacy, until they are collected or the time is up."""

    public_id = models.UUIDField(_("identifiant public"), default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="reservations",
        verbose_name=_("patient"),
        db_index=False,
    )
    pharmacy = models.ForeignKey(
        Pharmacy, on_delete=models.PROTECT, related_name="reservations", verbose_name=_("pharmacie"), db_index=False
    )
    status = models.CharField(_("état"), max_length=16, choices=Status)
    pickup_code = models.CharField(_("numéro de retrait"), max_length=8, unique=True)
    total = models.PositiveBigIntegerField(_("total"))
    currency = models.CharField(_("devise"), max_length=3, default=XAF)
    credits_charged = models.PositiveBigIntegerField(_("crédits consommés"), default=0)
    expires_at = models.DateTimeField(_("gardée jusqu'à"))
    paid_at = models.DateTimeField(_("payée le"), null=True, blank=True)
    reason = models.CharField(_("motif"), max_length=200, blank=True)

    objects = ReservationQuerySet.as_manager()

    class Meta:
        verbose_name = _("réservation")
        verbose_name_plural = _("réservations")
        permissions = [("cancel_reservation", "Can cancel a reservation for the patient")]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=Status.values), name="reservation_status_known"),
            models.CheckConstraint(
                condition=~Q(status=Status.COLLECTED) | Q(paid_at__isnull=False), name="reservation_collected_paid"
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-id"], name="reservation_user_newest"),
            models.Index(fields=["pharmacy", "status", "-id"], name="reservation_pharmacy_newest"),
            models.Index(fields=["expires_at"], condition=Q(status__in=ACTIVE), name="reservation_overdue"),
        ]

    def __str__(self) -> str:
        return self.pickup_code


class ReservationLine(Timestamped):
    """One product of a reservation as it was sold, whatever happens to the catalogue later.

    `held_until` is set while the line holds stock: availability is the stock's quantity less what is held. A line that
    EPG reserves has no stock: the pharmacy's own software counts those boxes.
    """

    reservation = models.ForeignKey(
        Reservation, on_delete=models.PROTECT, related_name="lines", verbose_name=_("réservation"), db_index=False
    )
    stock = models.ForeignKey(
        Stock, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("stock"), db_index=False
    )
    product_code = models.CharField(_("code"), max_length=13)
    label = models.TextField(_("libellé"))
    quantity = models.PositiveIntegerField(_("quantité"))
    unit_price = models.PositiveBigIntegerField(_("prix unitaire"))
    held_until = models.DateTimeField(_("retenu jusqu'à"), null=True, blank=True)

    class Meta:
        verbose_name = _("ligne de réservation")
        verbose_name_plural = _("lignes de réservation")
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="line_quantity_positive"),
            models.UniqueConstraint(fields=["reservation", "product_code"], name="line_product_once"),
        ]
        indexes = [
            models.Index(
                fields=["stock", "held_until"], condition=Q(held_until__isnull=False), name="line_holding_stock"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.label}"

    @property
    def total(self) -> int:
        return self.quantity * self.unit_price


class EpgRequest(Timestamped):
    """The reservation that we ask EPG for: asked once, because EPG cannot tell a repetition from a second order.

    `next_at` is when the sweep takes it over from a process that did not live to tell; `number` is EPG's own, `ttc`
    its total in whole francs; at `confirmed_at` the patient's time begins; `task` is what somebody has to settle by
    hand, since `task_since`.
    """

    reservation = models.OneToOneField(
        Reservation, on_delete=models.PROTECT, related_name="epg", verbose_name=_("réservation")
    )
    pharmacy = models.ForeignKey(
        Pharmacy, on_delete=models.PROTECT, related_name="+", verbose_name=_("pharmacie"), db_index=False
    )
    epg_id = models.CharField(_("identifiant EPG"), max_length=64)
    status = models.CharField(_("état"), max_length=16, choices=EpgStatus)
    number = models.CharField(_("numéro chez la pharmacie"), max_length=64, blank=True)
    ttc = models.PositiveBigIntegerField(_("total annoncé"), null=True, blank=True)
    answer = models.CharField(_("dernière réponse"), max_length=300, blank=True)
    called_at = models.DateTimeField(_("envoyée le"), null=True, blank=True)
    confirmed_at = models.DateTimeField(_("confirmée le"), null=True, blank=True)
    next_at = models.DateTimeField(_("reprise le"), null=True, blank=True)
    task = models.CharField(_("à faire"), max_length=16, choices=EpgTask, blank=True)
    task_since = models.DateTimeField(_("à faire depuis"), null=True, blank=True)

    class Meta:
        verbose_name = _("demande à EPG")
        verbose_name_plural = _("demandes à EPG")
        constraints = [
            models.CheckConstraint(condition=Q(status__in=EpgStatus.values), name="epgrequest_status_known"),
            models.CheckConstraint(
                condition=Q(status__in=EPG_OPEN, next_at__isnull=False) | ~Q(status__in=EPG_OPEN) & Q(next_at=None),
                name="epgrequest_open_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(status=EpgStatus.CONFIRMED) | ~Q(number=""), name="epgrequest_confirmed_numbered"
            ),
            models.CheckConstraint(
                condition=Q(task="", task_since=None)
                | Q(task__in=[task for task in EpgTask.values if task], task_since__isnull=False),
                name="epgrequest_task_since",
            ),
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="epgrequest_due"),
            models.Index(fields=["task_since"], condition=~Q(task=""), name="epgrequest_tasks"),
            models.Index(fields=["pharmacy", "-id"], name="epgrequest_pharmacy_newest"),
            models.Index(fields=["number"], condition=~Q(number=""), name="epgrequest_number"),
            models.Index(
                fields=["status", "-id"], condition=~Q(status=EpgStatus.CONFIRMED), name="epgrequest_status_newest"
            ),
        ]

    def __str__(self) -> str:
        return self.number or str(self.reservation_id)
