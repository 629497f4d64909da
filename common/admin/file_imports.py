"""Files that staff bring in: what each would do, how far it is, what came of it."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from common.admin.actions import service_action
from common.admin.base import ReadOnlyAdmin
from common.admin.display import badge, moment
from common.admin.filters import period_filter
from common.enums import FILE_IMPORT_MOVES, FileImportState
from common.exchange import jobs, resources
from common.models import FileImport

_COLOURS = {
    FileImportState.CHECKING: "info",
    FileImportState.READY: "warning",
    FileImportState.APPLYING: "info",
    FileImportState.DONE: "success",
    FileImportState.FAILED: "danger",
}
_RUNNING = (FileImportState.CHECKING, FileImportState.APPLYING)
_SECONDS = 2


@admin.register(FileImport)
class FileImportAdmin(ReadOnlyAdmin):
    """While a worker is at it, the page asks anew every two seconds."""

    list_display = (moment("created_at", _("créé le")), "file_name", "title", "requested_by", "state_badge", "progress")
    list_select_related = ("requested_by",)
    list_filter = (("state", ChoicesDropdownFilter), period_filter("created_at"))
    empty_hint = _("Les fichiers importés depuis les listes (produits, stock, pharmacies, gardes) apparaissent ici.")
    fields = (
        "file_name",
        "title",
        "state_badge",
        "progress",
        "counts",
        "error",
        "refusals_shown",
        "changes_shown",
        "requested_by",
        "created_at",
        "finished_at",
    )
    actions_detail = ("confirm", "abandon")

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        answer = super().change_view(request, object_id, *args, **kwargs)
        job = FileImport.objects.filter(pk=object_id).first() if object_id.isascii() and object_id.isdigit() else None
        if job is not None and job.state in _RUNNING and answer.status_code == 200:
            answer["Refresh"] = str(_SECONDS)
        return answer

    def has_change_file_permission(self, request: HttpRequest, job: FileImport) -> bool:
        return jobs.may_change(job, request.user)

    def has_confirm_permission(self, request: HttpRequest, job: FileImport) -> bool:
        return job.requested_by_id == request.user.pk and self.has_change_file_permission(request, job)

    @display(description=_("contenu"))
    def title(self, job: FileImport) -> Any:
        resource = resources.find(job.resource)
        return resource.title if resource else job.resource

    @display(description=_("état"))
    def state_badge(self, job: FileImport) -> str:
        return badge(job.get_state_display(), _COLOURS.get(FileImportState(job.state), ""))

    @display(description=_("avancement"))
    def progress(self, job: FileImport) -> str:
        return _("%(done)d lignes sur %(total)s (%(percent)d %%)") % {
            "done": job.done,
            "total": "…" if job.total is None else job.total,
            "percent": jobs.percent(job),
        }

    @display(description=_("bilan"))
    def counts(self, job: FileImport) -> str:
        return _(
            "ajoutées : %(created)d, modifiées : %(updated)d, inchangées : %(unchanged)d, refusées : %(refused)d"
        ) % {
            "created": job.created,
            "updated": job.updated,
            "unchanged": job.unchanged,
            "refused": job.refused,
        }

    @display(description=_("lignes refusées"))
    def refusals_shown(self, job: FileImport) -> str:
        lines = ((_("Ligne %(line)d : %(reason)s") % {"line": line, "reason": why},) for line, why in job.refusals)
        return _listed(lines, more=job.refused - len(job.refusals))

    @display(description=_("changements"))
    def changes_shown(self, job: FileImport) -> str:
        return _listed(((each,) for each in job.changes), more=job.created + job.updated - len(job.changes))

    @service_action(
        description=_("Appliquer"),
        question=_("Les lignes sont écrites comme l'aperçu le dit ; celles qui sont refusées sont laissées de côté."),
        done=_("L'import est en route."),
        permission="confirm",
        offered=lambda job: FILE_IMPORT_MOVES.allows(job.state, FileImportState.APPLYING),
        icon="check",
        variant=ActionVariant.PRIMARY,
    )
    def confirm(self, request: Any, job: FileImport) -> None:
        jobs.confirm(job, by=request.user)

    @service_action(
        description=_("Abandonner"),
        question=_("Rien de ce fichier n'est écrit."),
        done=_("L'import est abandonné."),
        permission="change_file",
        offered=lambda job: FILE_IMPORT_MOVES.allows(job.state, FileImportState.ABANDONED),
        icon="close",
        variant=ActionVariant.DANGER,
    )
    def abandon(self, request: Any, job: FileImport) -> None:
        jobs.abandon(job, by=request.user)


def _listed(lines: Any, *, more: int) -> str:
    items = format_html_join("", "<li>{}</li>", lines)
    if not items:
        return "–"
    rest = format_html("<li>{}</li>", _("et %(count)d autres") % {"count": more}) if more > 0 else ""
    return format_html("<ul>{}{}</ul>", items, rest)
