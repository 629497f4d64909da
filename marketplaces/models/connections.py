import uuid

from django.conf import settings as project_settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from marketplaces.enums import Channel, ConnectionState
from marketplaces.models.base import TenantModel


class ChannelConnection(TenantModel):
    """A merchant's access to a channel; one row however often they connect anew.

    `tokens` is what `marketplaces.tokens` encrypts, empty where there are none. `version` counts the pairs of tokens:
    whoever replaces one names the version that they saw, so that no older answer overwrites a newer one.
    `lease_until` is how long the one who refreshes may take, or how long nobody tries after a failure.
    """

    public_id = models.UUIDField(_("identifiant"), default=uuid.uuid4, editable=False)
    channel = models.CharField(_("canal"), max_length=8, choices=Channel)
    state = models.CharField(_("état"), max_length=12, choices=ConnectionState)
    reason = models.CharField(_("raison"), max_length=40, blank=True)
    account_id = models.CharField(_("compte ou boutique"), max_length=40, blank=True)
    settings = models.JSONField(_("réglages"), default=dict, blank=True)
    tokens = models.BinaryField(_("jetons"), default=bytes, editable=False)
    version = models.PositiveIntegerField(_("version"), default=0, editable=False)
    expires_at = models.DateTimeField(_("jeton d'accès valable jusqu'au"), null=True, editable=False)
    refresh_expires_at = models.DateTimeField(_("accès valable jusqu'au"), null=True, editable=False)
    lease_until = models.DateTimeField(_("renouvellement réservé jusqu'au"), null=True, editable=False)
    connected_at = models.DateTimeField(_("connecté le"), null=True, editable=False)
    connected_by = models.ForeignKey(
        project_settings.AUTH_USER_MODEL,
        # Nobody is deleted, only erased.
        on_delete=models.DO_NOTHING,
        null=True,
        related_name="+",
        verbose_name=_("connecté par"),
        editable=False,
        db_index=False,
    )

    class Meta(TenantModel.Meta):
        verbose_name = _("connexion à un canal")
        verbose_name_plural = _("connexions aux canaux")
        constraints = [
            models.UniqueConstraint(fields=["merchant", "channel"], name="connection_channel"),
            models.CheckConstraint(
                condition=Q(channel__in=Channel.values) & Q(state__in=ConnectionState.values), name="connection_valid"
            ),
            models.CheckConstraint(
                condition=Q(state=ConnectionState.CONNECTED) | Q(tokens=b""), name="connection_over_has_no_tokens"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} · {self.get_state_display()}"


class ChannelAuthorization(TenantModel):
    """A consent that was asked for and has not come back: good once, for ten minutes, the last one a person asked for.

    `digest` is the hash of the state's secret, `verifier` the encrypted PKCE verifier.
    """

    channel = models.CharField(_("canal"), max_length=8, choices=Channel)
    user = models.ForeignKey(
        project_settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        related_name="+",
        verbose_name=_("demandé par"),
        db_index=False,
    )
    digest = models.CharField(_("empreinte"), max_length=64, editable=False)
    verifier = models.BinaryField(_("secret"), editable=False)
    expires_at = models.DateTimeField(_("valable jusqu'au"))

    class Meta(TenantModel.Meta):
        verbose_name = _("autorisation demandée")
        verbose_name_plural = _("autorisations demandées")
        constraints = [
            models.UniqueConstraint(fields=["merchant", "user", "channel"], name="authorization_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} · {self.user_id}"  # type: ignore[attr-defined]
