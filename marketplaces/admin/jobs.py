"""Jobs of the channels, as staff see them: state, age, progress, the last error, and two buttons."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesCheckboxFilter, ChoicesDropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from common.admin import ReadOnlyInline, moment, service_action
from common.admin.search import as_uuid
from marketplaces.admin.base import StateShown, TenantAdmin, TroubleShown
from marketplaces.enums import DEAD_LETTER, OPEN_JOB
from marketplaces.models import ChannelCall, ChannelQueue, Job, PluginTask
from marketplaces.services.jobs import requests
from marketplaces.tenancy import merchant_scope


class CallInline(ReadOnlyInline):
    model = ChannelCall
    fields = ("action", "state", "outcome", "reason", "detail", "created_at", "finished_at")
    readonly_fields = fields


class TaskInline(ReadOnlyInline):
    model = PluginTask
    fields = ("action", "state", "outcome", "reason", "detail", "device", "late_answers", "created_at", "finished_at")
    readonly_fields = fields


@admin.register(Job)
class JobAdmin(StateShown, TroubleShown, TenantAdmin):
    list_display = (
        "kind",
        "channel",
        "merchant",
        "state_badge",
        "progress",
        "attempts",
        "trouble",
        moment("created_at", _("demandée le")),
        moment("next_at", _("prochaine tentative")),
    )
    list_select_related = ("merchant",)
    list_filter = (
        ("state", ChoicesCheckboxFilter),
        ("kind", ChoicesDropdownFilter),
        ("channel", ChoicesDropdownFilter),
    )
    search_fields = ("public_id",)
    search_help_text = _("Identifiant de la tâche")
    fields = (
        *("merchant", "kind", "channel", "listing", "state_badge", "priority", "progress", "attempts", "failures"),
        *("next_at", "lease_until", "expires_at", "finished_at", "trouble", "last_error_code", "result"),
        *("requested_by", "public_id", "created_at", "updated_at"),
    )
    readonly_fields = ("state_badge", "progress", "trouble")
    inlines = (CallInline, TaskInline)
    actions_detail = ("retry", "cancel")
    empty_hint = _("Les tâches naissent de ce que les marchands publient et vendent.")

    def search_condition(self, term: str) -> Q:
        number = as_uuid(term)
        return Q(pk__in=()) if number is None else Q(public_id=number)

    @display(description=_("avancement"))
    def progress(self, job: Job) -> str:
        return f"{job.done} / {'?' if job.total is None else job.total}"

    @service_action(
        description=_("Réessayer"),
        question=_("La tâche est reprise depuis le début."),
        done=_("La tâche attend son tour."),
        permission="marketplaces.change_job",
        offered=lambda job: job.state in DEAD_LETTER,
        icon="replay",
    )
    def retry(self, request: HttpRequest, job: Job) -> None:
        self._do(requests.retry, request, job)

    @service_action(
        description=_("Annuler"),
        question=_("La tâche ne sera pas faite."),
        done=_("La tâche est annulée."),
        permission="marketplaces.change_job",
        offered=lambda job: job.state in (*DEAD_LETTER, *OPEN_JOB),
        icon="block",
        variant=ActionVariant.DANGER,
    )
    def cancel(self, request: HttpRequest, job: Job) -> None:
        self._do(requests.cancel, request, job)

    def _do(self, service: Any, request: Any, job: Job) -> None:
        with merchant_scope(job.merchant_id):
            service(job, by=request.user)


@admin.register(ChannelQueue)
class ChannelQueueAdmin(TenantAdmin):
    """Each merchant's queue for each channel: whether it stands still, and why."""

    list_display = (
        "merchant",
        "channel",
        "stop_reason",
        moment("stopped_at", _("arrêtée le")),
        moment("not_before", _("pas avant")),
        moment("orders_at", _("prochaine relève des commandes")),
    )
    list_select_related = ("merchant",)
    list_filter = (("channel", ChoicesDropdownFilter), ("stop_reason", ChoicesDropdownFilter))
    fields = ("merchant", "channel", "stopped_at", "stop_reason", "not_before", "orders_at", "created_at", "updated_at")
    empty_hint = _("Une file naît avec la première tâche d'un canal.")
