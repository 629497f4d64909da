"""Other people's models in the house's own clothes."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from django_tasks_db.models import DBTaskResult
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from common.admin import ReadOnlyAdmin, json_block, moment, period_filter, text_block

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
