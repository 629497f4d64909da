import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from common.models import Timestamped
from marketplaces.enums import MemberRole, QuotaKind
from marketplaces.exceptions import NoMerchant
from marketplaces.models.base import TenantManager, TenantModel
from marketplaces.tenancy import current_scope


def default_currency() -> str:
    return str(settings.CURRENCY)


class Plan(Timestamped):
    """What a merchant subscribed to: a name, and quotas."""

    code = models.SlugField(_("code"), max_length=32, unique=True)
    name = models.CharField(_("nom"), max_length=80)
    is_default = models.BooleanField(_("formule des nouveaux marchands"), default=False)

    class Meta:
        verbose_name = _("formule")
        verbose_name_plural = _("formules")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(condition=~Q(code="") & ~Q(name=""), name="plan_named"),
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="plan_one_default"),
        ]

    def __str__(self) -> str:
        return self.name


class SubscriptionQuota(Timestamped):
    """The most of one kind that a plan allows; a kind without a row has no limit."""

    plan = models.ForeignKey(
        Plan, on_delete=models.CASCADE, related_name="quotas", verbose_name=_("formule"), db_index=False
    )
    kind = models.CharField(_("quoi"), max_length=16, choices=QuotaKind)
    limit = models.PositiveIntegerField(_("au plus"))

    class Meta:
        verbose_name = _("quota")
        verbose_name_plural = _("quotas")
        constraints = [
            models.UniqueConstraint(fields=["plan", "kind"], name="quota_plan_kind"),
            models.CheckConstraint(condition=Q(kind__in=QuotaKind.values), name="quota_kind_valid"),
        ]

    def __str__(self) -> str:
        return f"{self.plan} · {self.get_kind_display()} ≤ {self.limit}"


class MerchantManager(models.Manager["Merchant"]):
    """The merchant who is set; in `person_scope` those whom the person belongs to; all of them in `crossing`."""

    def get_queryset(self) -> "models.QuerySet[Merchant]":
        scope = current_scope()
        if scope is None:
            raise NoMerchant("marketplaces.Merchant: no merchant and no person is set (marketplaces.tenancy)")
        rows = super().get_queryset()
        if scope.merchant_id is not None:
            return rows.filter(pk=scope.merchant_id)
        return rows if scope.crosses else rows.filter(memberships__user=scope.user_id)


class Merchant(Timestamped):
    """A pharmacy or shop that sells: the tenant whose `id` every other row carries.

    PostgreSQL shows it to its own block, to its members and to staff only. Prices are in the smallest unit of
    `currency`, and stay in it.
    """

    public_id = models.UUIDField(_("identifiant"), default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("nom"), max_length=200)
    pharmacy = models.OneToOneField(
        "catalog.Pharmacy",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="merchant",
        verbose_name=_("pharmacie"),
    )
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="merchants", verbose_name=_("formule"))
    currency = models.CharField(_("devise"), max_length=3, default=default_currency, help_text=_("code ISO 4217"))
    is_active = models.BooleanField(_("actif"), default=True)
    # Whoever left with an invitation still in their letter-box does not come back by it.
    invited_since = models.DateTimeField(_("invitations valables depuis"), null=True, editable=False)

    objects = MerchantManager()

    class Meta:
        verbose_name = _("marchand")
        verbose_name_plural = _("marchands")
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="merchant_named"),
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="merchant_currency_valid"),
        ]

    def __str__(self) -> str:
        return self.name


class MembershipManager(TenantManager):
    def get_queryset(self) -> models.QuerySet["Membership"]:
        """In `person_scope` the person's own."""
        scope = current_scope()
        if scope is not None and scope.user_id is not None:
            return models.Manager.get_queryset(self).filter(user_id=scope.user_id)
        return super().get_queryset()


class Membership(TenantModel):
    """Who may act for a merchant, and how far. A person finds their own by `person_scope`."""

    merchant = models.ForeignKey(
        Merchant,
        on_delete=models.PROTECT,
        related_name="memberships",
        verbose_name=_("marchand"),
        db_index=False,
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        # Nobody is deleted, only erased (`erasure.py`); the database refuses where somebody tries.
        on_delete=models.DO_NOTHING,
        related_name="+",
        verbose_name=_("utilisateur"),
        db_index=False,
    )
    role = models.CharField(_("rôle"), max_length=8, choices=MemberRole)

    objects: models.Manager[Any] = MembershipManager()

    class Meta(TenantModel.Meta):
        verbose_name = _("membre d'un marchand")
        verbose_name_plural = _("membres des marchands")
        constraints = [
            models.UniqueConstraint(fields=["merchant", "user"], name="membership_merchant_user"),
            models.CheckConstraint(condition=Q(role__in=MemberRole.values), name="membership_role_valid"),
        ]
        # The only way into a tenant's rows that does not begin with the tenant: whose am I?
        indexes = [models.Index(fields=["user", "merchant"], name="membership_user_merchant")]

    def __str__(self) -> str:
        return f"{self.user} · {self.merchant}"
