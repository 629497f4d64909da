import uuid

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from common.models import Timestamped
from common.money import XAF
from payments.enums import Network, RefundStatus, Status, Verdict


class Payment(Timestamped):
    """Money that somebody is asked for, once, for one purpose."""

    public_id = models.UUIDField(_("numéro"), default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="payments", verbose_name=_("payeur")
    )
    purpose = models.CharField(_("objet"), max_length=16)
    purpose_id = models.CharField(_("référence de l'objet"), max_length=36)
    label = models.CharField(_("libellé"), max_length=200)
    amount = models.PositiveBigIntegerField(_("montant"))
    currency = models.CharField(_("devise"), max_length=3, default=XAF)
    # What the purpose needs to grant exactly what was quoted, whatever changes meanwhile.
    terms = models.JSONField(_("conditions"), default=dict, encoder=DjangoJSONEncoder)
    provider = models.CharField(_("prestataire"), max_length=16)
    network = models.CharField(_("réseau"), max_length=2, choices=Network, blank=True)
    phone = models.CharField(_("téléphone"), max_length=16, blank=True)
    status = models.CharField(_("état"), max_length=16, choices=Status, default=Status.CREATED)
    reason = models.CharField(_("motif"), max_length=64, blank=True)
    checkout_url = models.URLField(_("page de paiement"), max_length=500, blank=True)
    blocks = models.BooleanField(_("bloque un autre paiement"), default=True)
    expires_at = models.DateTimeField(_("bloque jusqu'à"))
    asked = models.PositiveSmallIntegerField(_("demandes faites"), default=0)
    next_at = models.DateTimeField(_("prochaine étape"), null=True, blank=True)
    settled_at = models.DateTimeField(_("réglé le"), null=True, blank=True)

    class Meta:
        verbose_name = _("paiement")
        verbose_name_plural = _("paiements")
        permissions = [("exceed_cashier_limit", "Can decide alone about more money than a cashier")]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_amount_positive"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="payment_status_known"),
            models.CheckConstraint(
                condition=~Q(status=Status.SUCCEEDED) | Q(settled_at__isnull=False), name="payment_success_dated"
            ),
            # One open payment per purpose; after fifteen minutes it no longer blocks.
            models.UniqueConstraint(
                fields=["user", "purpose", "purpose_id"], condition=Q(blocks=True), name="payment_one_open"
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-id"], name="payment_user_newest"),
            models.Index(fields=["purpose", "purpose_id"], name="payment_purpose"),
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="payment_due"),
            models.Index(fields=["status", "-id"], name="payment_status_newest"),
            models.Index(fields=["phone"], name="payment_phone"),
            models.Index(fields=["provider", "-id"], name="payment_provider_newest"),
            # And on `created_at` of these tables by migration: BRIN on PostgreSQL; there trigrams of `phone` besides.
        ]

    def __str__(self) -> str:
        return f"{self.label}, {number_format(self.amount, force_grouping=True)} {self.currency}"


class PaymentAttempt(Timestamped):
    """One request to a gateway, under a reference that is never used again."""

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="attempts", verbose_name=_("paiement"))
    provider = models.CharField(_("prestataire"), max_length=16)
    # Exactly 32 hexadecimal digits: MyPayGa's hash has no separators between its fields.
    reference = models.CharField(_("référence"), max_length=32, unique=True)
    provider_id = models.CharField(_("identifiant chez le prestataire"), max_length=128, blank=True)
    outcome = models.CharField(_("issue"), max_length=16, blank=True)
    request = models.JSONField(_("demande"), default=dict, encoder=DjangoJSONEncoder)
    response = models.JSONField(_("réponse"), default=dict, encoder=DjangoJSONEncoder)
    # Money came in under this reference; `is_surplus` where another attempt had settled the payment before.
    paid_at = models.DateTimeField(_("payée le"), null=True, blank=True)
    is_surplus = models.BooleanField(_("payée en trop"), default=False)

    class Meta:
        verbose_name = _("tentative de paiement")
        verbose_name_plural = _("tentatives de paiement")
        constraints = [
            models.UniqueConstraint(
                fields=["payment"], condition=Q(paid_at__isnull=False, is_surplus=False), name="attempt_one_paid"
            ),
            models.UniqueConstraint(
                fields=["provider", "provider_id"], condition=~Q(provider_id=""), name="attempt_provider_id"
            ),
        ]
        indexes = [models.Index(fields=["provider", "-id"], name="attempt_provider_newest")]

    def __str__(self) -> str:
        return self.reference


class CallbackMessage(Timestamped):
    """A gateway's call, stored as it came before anything is believed."""

    provider = models.CharField(_("prestataire"), max_length=16)
    digest = models.CharField(_("empreinte"), max_length=64)
    content_type = models.CharField(_("type de contenu"), max_length=100, blank=True)
    body = models.BinaryField(_("corps"))
    attempt = models.ForeignKey(
        PaymentAttempt,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="callbacks",
        verbose_name=_("tentative"),
    )
    verdict = models.CharField(_("suite"), max_length=16, choices=Verdict, default=Verdict.WAITING)
    reason = models.CharField(_("motif"), max_length=64, blank=True)
    next_at = models.DateTimeField(_("à traiter à partir de"), null=True, blank=True)

    class Meta:
        verbose_name = _("notification de paiement")
        verbose_name_plural = _("notifications de paiement")
        constraints = [models.UniqueConstraint(fields=["provider", "digest"], name="callback_once")]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(verdict=Verdict.WAITING), name="callback_waiting"),
            models.Index(
                fields=["verdict", "-id"], condition=~Q(verdict=Verdict.SETTLED), name="callback_verdict_newest"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.digest[:12]}"


class Refund(Timestamped):
    """Money to give back. Staff carry it out at the gateway and note its reference there."""

    public_id = models.UUIDField(_("numéro"), default=uuid.uuid4, unique=True, editable=False)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds", verbose_name=_("paiement"))
    # The payment's: the gateway gives its references.
    provider = models.CharField(_("prestataire"), max_length=16, default="")
    amount = models.PositiveBigIntegerField(_("montant"))
    currency = models.CharField(_("devise"), max_length=3, default=XAF)
    status = models.CharField(_("état"), max_length=16, choices=RefundStatus)
    reason = models.CharField(_("motif"), max_length=200)
    external_reference = models.CharField(_("référence chez le prestataire"), max_length=100, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("demandé par"),
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("approuvé par"),
    )

    class Meta:
        verbose_name = _("remboursement")
        verbose_name_plural = _("remboursements")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_amount_positive"),
            models.CheckConstraint(condition=Q(status__in=RefundStatus.values), name="refund_status_known"),
            models.CheckConstraint(
                condition=~Q(status__in=[RefundStatus.SENT, RefundStatus.DONE]) | ~Q(external_reference=""),
                name="refund_sent_with_reference",
            ),
            models.UniqueConstraint(
                fields=["provider", "external_reference"],
                condition=~Q(external_reference=""),
                name="refund_external_reference",
            ),
        ]
        indexes = [models.Index(fields=["status", "-id"], name="refund_status_newest")]

    def __str__(self) -> str:
        return f"{number_format(self.amount, force_grouping=True)} {self.currency}"
