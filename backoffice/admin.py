"""Other people's models in the house's own clothes."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django_tasks_db.models import DBTaskResult
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from accounts.models import User
from common.admin import ReadOnlyAdmin, badge, json_block, moment, period_filter, text_block
from common.enums import ImportState, MailState
from common.models import ImportBatch, Mail

_TIMES = (
    moment("enqueued_at", _("demandée le")),
    moment("started_at", _("commencée le")),
    moment("finished_at", _("terminée le")),
)

admin.site.index_title = _("Accueil")

# The library gives its application an English name that cannot be translated.
apps.get_app_config("django_tasks_database").verbose_name = _("Tâches de fond")

admin.site.unregister(DBTaskResult)


@admin.register(DBTaskResult)
class TaskAdmin(ReadOnlyAdmin):
    """Wake-up calls of the queue; the truth is the row they point at, so nothing is lost with one."""

    list_display = ("task_path", "state", *_TIMES)
    list_filter = (("status", ChoicesDropdownFilter), period_filter("enqueued_at"))
    ordering = ("-enqueued_at",)
    fields = ("task_path", "state", *_TIMES, "arguments", "error")

    @display(description=_("état"))
    def state(self, task: Any) -> str:
        return str(task.get_status_display())

    @display(description=_("arguments"))
    def arguments(self, task: Any) -> str:
        return json_block(task.args_kwargs)

    @display(description=_("erreur"))
    def error(self, task: Any) -> str:
        return text_block(task.traceback) if task.traceback else "–"


@admin.register(Mail)
class MailAdmin(ReadOnlyAdmin):
    """What was written to whom, and what could not be: never what it says."""

    person_path = "to"
    list_display = (
        "to",
        "template",
        "state_badge",
        "attempts",
        moment("created_at", _("créé le")),
        moment("next_at", _("prochaine tentative")),
    )
    list_filter = (("state", ChoicesDropdownFilter), period_filter("created_at"))
    search_fields = ("to",)
    search_help_text = _("Adresse du destinataire")
    fields = ("to", "template", "language", "state_badge", "attempts", "error", "next_at", "expires_at", "created_at")

    @display(description=_("état"))
    def state_badge(self, mail: Mail) -> str:
        colours = {MailState.FAILED: "danger", MailState.SENT: "success"}
        return badge(mail.get_state_display(), colours.get(MailState(mail.state), ""))

    def person_of(self, obj: Mail) -> int | None:
        return User.objects.filter(email=obj.to).values_list("pk", flat=True).first()

    def search_condition(self, term: str) -> Q:
        return Q(to=term.casefold())


@admin.register(ImportBatch)
class ImportBatchAdmin(ReadOnlyAdmin):
    """What was brought over from another system, and can be taken back by the command that brought it."""

    list_display = (
        "id",
        "source",
        "state_badge",
        moment("created_at", _("créé le")),
        moment("finished_at", _("terminée le")),
    )
    fields = ("id", "source", "state_badge", "progress_shown", "created_at", "finished_at", "undone_at")

    @display(description=_("état"))
    def state_badge(self, batch: ImportBatch) -> str:
        colours = {ImportState.DONE: "success", ImportState.RUNNING: "info"}
        return badge(batch.get_state_display(), colours.get(ImportState(batch.state), ""))

    @display(description=_("avancement"))
    def progress_shown(self, batch: ImportBatch) -> str:
        return json_block(batch.progress)
