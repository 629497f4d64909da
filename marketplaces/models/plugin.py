"""What the merchant's own browser is asked to do, and the browsers that may ask for it."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from marketplaces.enums import Channel, StepState
from marketplaces.models.base import TenantForeignKey, TenantModel
from marketplaces.models.jobs import Job


class PluginDevice(TenantModel):
    """A browser with our extension. Its token was shown once; here is only its digest."""

    public_id = models.UUIDField(_("identifiant"), default=uuid.uuid4, editable=False)
    name = models.CharField(_("nom"), max_length=80)
    token_hash = models.BinaryField(_("empreinte du jeton"), max_length=32)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        related_name="+",
        verbose_name=_("ajouté par"),
        db_index=False,
    )
    last_seen_at = models.DateTimeField(_("vu le"), null=True)
    revoked_at = models.DateTimeField(_("révoqué le"), null=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("navigateur d'un marchand")
        verbose_name_plural = _("navigateurs des marchands")
        constraints = [
            models.UniqueConstraint(fields=["merchant", "public_id"], name="plugindevice_public_id"),
            models.UniqueConstraint(fields=["merchant", "token_hash"], name="plugindevice_token"),
            models.CheckConstraint(condition=~Q(name=""), name="plugindevice_named"),
        ]

    def __str__(self) -> str:
        return self.name


class PluginTask(TenantModel):
    """One request for the merchant's browser; what it contains is opaque to us.

    `lease_until` is when the browser that took it must have answered or said that it is still at it.
    """

    public_id = models.UUIDField(_("identifiant"), default=uuid.uuid4, editable=False)
    job = TenantForeignKey(Job, on_delete=models.CASCADE, related_name="plugin_tasks", verbose_name=_("tâche"))
    channel = models.CharField(_("canal"), max_length=8, choices=Channel)
    action = models.CharField(_("opération"), max_length=8)
    method = models.CharField(_("méthode HTTP"), max_length=8)
    path = models.CharField(_("chemin"), max_length=2000)
    params = models.JSONField(_("paramètres"), default=dict)
    payload = models.JSONField(_("contenu"), default=dict)
    state = models.CharField(_("état"), max_length=10, choices=StepState, default=StepState.PENDING)
    device = TenantForeignKey(
        PluginDevice, on_delete=models.PROTECT, null=True, related_name="tasks", verbose_name=_("navigateur")
    )
    lease_until = models.DateTimeField(_("réservée jusqu'à"), null=True)
    outcome = models.CharField(_("issue"), max_length=12, blank=True)
    reason = models.CharField(_("code de l'issue"), max_length=64, blank=True)
    detail = models.CharField(_("précision"), max_length=500, blank=True)
    late_answers = models.PositiveSmallIntegerField(_("réponses de trop"), default=0)
    finished_at = models.DateTimeField(_("terminée le"), null=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("tâche pour le navigateur")
        verbose_name_plural = _("tâches pour les navigateurs")
        constraints = [
            models.UniqueConstraint(fields=["merchant", "public_id"], name="plugintask_public_id"),
            models.UniqueConstraint(
                fields=["merchant", "job"],
                condition=Q(state__in=(StepState.PENDING, StepState.PROCESSING)),
                name="plugintask_one_open_of_job",
            ),
            models.CheckConstraint(
                condition=Q(state__in=StepState.values) & Q(channel__in=Channel.values), name="plugintask_valid"
            ),
            models.CheckConstraint(
                condition=Q(state=StepState.PROCESSING, lease_until__isnull=False, device__isnull=False)
                | (~Q(state=StepState.PROCESSING) & Q(lease_until__isnull=True)),
                name="plugintask_leased_while_processing",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "id"], condition=Q(state=StepState.PENDING), name="plugintask_waiting"),
            models.Index(fields=["merchant", "job", "id"], name="plugintask_job"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"
