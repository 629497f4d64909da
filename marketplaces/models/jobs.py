"""Jobs: what is to be done on the channels. The job's row is the queue; everything else only finds it quickly."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from marketplaces.enums import DEAD_LETTER, OF_A_LISTING, OPEN_JOB, Channel, JobKind, JobState, StepState, StopReason
from marketplaces.models.base import TenantForeignKey, TenantModel
from marketplaces.models.listings import Listing

# Priorities: 0 goes first.
PRIORITIES = 4


class Job(TenantModel):
    """One operation on one channel.

    `next_at` says when an open job is due; while somebody works on it, when their lease ends (`lease_until`, the same
    moment). `attempts` counts how often it was taken, so that whoever was too slow is known by their number;
    `failures` those in a row, which decide about the pause and about giving up. `memo` is what its own steps have to
    remember; `again` that it was asked for once more meanwhile. `total` is null where nobody knows it. `retries` is how
    often members tried it again on the day `retried_on`, which counts for their plan.
    """

    public_id = models.UUIDField(_("identifiant"), default=uuid.uuid4, editable=False)
    kind = models.CharField(_("nature"), max_length=8, choices=JobKind)
    channel = models.CharField(_("canal"), max_length=8, choices=Channel)
    listing = TenantForeignKey(
        Listing, on_delete=models.PROTECT, null=True, blank=True, related_name="jobs", verbose_name=_("annonce")
    )
    state = models.CharField(_("état"), max_length=9, choices=JobState, default=JobState.PENDING)
    priority = models.PositiveSmallIntegerField(_("priorité"))
    next_at = models.DateTimeField(_("prochaine tentative"), null=True)
    lease_until = models.DateTimeField(_("réservée jusqu'à"), null=True)
    expires_at = models.DateTimeField(_("inutile après"))
    attempts = models.PositiveIntegerField(_("prises en charge"), default=0)
    failures = models.PositiveSmallIntegerField(_("échecs de suite"), default=0)
    again = models.BooleanField(_("redemandée entre-temps"), default=False)
    done = models.PositiveIntegerField(_("faits"), default=0)
    total = models.PositiveIntegerField(_("en tout"), null=True)
    memo = models.JSONField(_("avancement interne"), default=dict)
    result = models.JSONField(_("résultat"), default=dict)
    last_error = models.TextField(_("dernière erreur"), blank=True, max_length=2000)
    last_error_code = models.CharField(_("code de l'erreur"), max_length=64, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        null=True,
        related_name="+",
        verbose_name=_("demandée par"),
        db_index=False,
    )
    finished_at = models.DateTimeField(_("terminée le"), null=True)
    retried_on = models.DateField(_("relancée le"), null=True)
    retries = models.PositiveSmallIntegerField(_("relances ce jour-là"), null=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("tâche d'un canal")
        verbose_name_plural = _("tâches des canaux")
        constraints = [
            models.UniqueConstraint(fields=["merchant", "public_id"], name="job_public_id"),
            models.UniqueConstraint(
                fields=["merchant", "listing", "kind"],
                condition=Q(state__in=OPEN_JOB, listing__isnull=False),
                name="job_one_open_of_listing",
            ),
            models.UniqueConstraint(
                fields=["merchant", "channel", "kind"],
                condition=Q(state__in=OPEN_JOB, listing__isnull=True),
                name="job_one_open_of_channel",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=JobKind.values)
                & Q(channel__in=Channel.values)
                & Q(state__in=JobState.values)
                & Q(priority__lt=PRIORITIES),
                name="job_valid",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=OF_A_LISTING, listing__isnull=False)
                | (~Q(kind__in=OF_A_LISTING) & Q(listing__isnull=True)),
                name="job_listing_where_due",
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN_JOB, next_at__isnull=False, finished_at__isnull=True)
                | (~Q(state__in=OPEN_JOB) & Q(next_at__isnull=True, finished_at__isnull=False)),
                name="job_due_while_open",
            ),
            models.CheckConstraint(
                condition=Q(state=JobState.RUNNING, lease_until__isnull=False)
                | (~Q(state=JobState.RUNNING) & Q(lease_until__isnull=True)),
                name="job_leased_while_running",
            ),
            models.CheckConstraint(
                condition=Q(total__isnull=True) | Q(done__lte=models.F("total")), name="job_progress_valid"
            ),
        ]
        indexes = [
            # The first due one of each channel and priority is one step into this index, however many wait.
            models.Index(
                fields=["merchant", "channel", "priority", "next_at", "id"],
                condition=Q(state__in=OPEN_JOB),
                name="job_due",
            ),
            # Whether a sister about the same listing runs: few do, whatever waits.
            models.Index(fields=["merchant", "listing"], condition=Q(state=JobState.RUNNING), name="job_running"),
            models.Index(fields=["merchant", "-id"], name="job_newest"),
            models.Index(fields=["merchant", "listing", "-id"], name="job_of_listing"),
            models.Index(fields=["merchant", "created_at"], name="job_created"),
            models.Index(fields=["merchant", "retried_on"], condition=Q(retried_on__isnull=False), name="job_retried"),
            # Staff look at every merchant's.
            models.Index(fields=["id"], condition=Q(state__in=DEAD_LETTER), name="job_dead_letters"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.get_channel_display()}"


class JobTurn(TenantModel):
    """When a merchant's turn comes, null where nothing is open; who was served goes to the end of those who are due.

    One row a merchant: a worker finds whose turn it is without looking at any job.
    """

    turn_at = models.DateTimeField(_("à son tour le"), null=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("tour d'un marchand")
        verbose_name_plural = _("tours des marchands")
        constraints = [models.UniqueConstraint(fields=["merchant"], name="jobturn_one_per_merchant")]
        indexes = [models.Index(fields=["turn_at"], condition=Q(turn_at__isnull=False), name="jobturn_due")]

    def __str__(self) -> str:
        return str(self.turn_at)


class ChannelQueue(TenantModel):
    """A merchant's queue for one channel: whether it stands still, and how far its orders and messages were read.

    `not_before` is when the channel will listen again (it said so); `stopped_at` since when the merchant is asked.
    """

    channel = models.CharField(_("canal"), max_length=8, choices=Channel)
    not_before = models.DateTimeField(_("pas avant"), null=True)
    stopped_at = models.DateTimeField(_("arrêtée le"), null=True)
    stop_reason = models.CharField(_("raison de l'arrêt"), max_length=12, choices=StopReason, blank=True)
    orders_at = models.DateTimeField(_("prochaine relève des commandes"), null=True)
    orders_cursor = models.CharField(_("commandes lues jusqu'à"), max_length=200, blank=True)
    messages_cursor = models.CharField(_("messages lus jusqu'à"), max_length=200, blank=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("file d'un canal")
        verbose_name_plural = _("files des canaux")
        constraints = [
            models.UniqueConstraint(fields=["merchant", "channel"], name="channelqueue_merchant_channel"),
            models.CheckConstraint(condition=Q(channel__in=Channel.values), name="channelqueue_valid"),
            models.CheckConstraint(
                condition=Q(stopped_at__isnull=True, stop_reason="")
                | Q(stopped_at__isnull=False, stop_reason__in=StopReason.values),
                name="channelqueue_stopped_for_a_reason",
            ),
        ]
        indexes = [
            models.Index(
                fields=["orders_at"],
                condition=Q(orders_at__isnull=False, stopped_at__isnull=True),
                name="channelqueue_orders",
            )
        ]

    def __str__(self) -> str:
        return self.get_channel_display()


class ChannelCall(TenantModel):
    """One call of a job to its channel, written before it is made: what was begun is known, whoever dies."""

    job = TenantForeignKey(Job, on_delete=models.CASCADE, related_name="calls", verbose_name=_("tâche"))
    action = models.CharField(_("opération"), max_length=8)
    state = models.CharField(_("état"), max_length=10, choices=StepState, default=StepState.PENDING)
    outcome = models.CharField(_("issue"), max_length=12, blank=True)
    reason = models.CharField(_("code de l'issue"), max_length=64, blank=True)
    detail = models.CharField(_("précision"), max_length=500, blank=True)
    finished_at = models.DateTimeField(_("terminé le"), null=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("appel d'un canal")
        verbose_name_plural = _("appels des canaux")
        constraints = [
            models.CheckConstraint(condition=Q(state__in=StepState.values), name="channelcall_valid"),
        ]
        indexes = [models.Index(fields=["merchant", "job", "id"], name="channelcall_job")]

    def __str__(self) -> str:
        return self.action
