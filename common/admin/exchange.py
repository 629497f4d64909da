"""Two buttons above a list: its rows as a file, and files that become rows."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from common.errors import DomainError, Invalid
from common.exchange import files, jobs, resources


class ExchangeMixin:
    """Subclasses name their resources in `exchanges`; those say who may take and who may bring."""

    actions_list = ("export_file", "import_file")
    exchanges: tuple[str, ...] = ()

    def has_export_file_permission(self, request: HttpRequest) -> bool:
        return any(request.user.has_perm(resources.get(name).view_permission) for name in self.exchanges)

    def has_import_file_permission(self, request: HttpRequest) -> bool:
        return any(jobs.may_import(resources.get(name), request.user) for name in self.exchanges)

    @action(description=_("Exporter"), url_path="export-file", icon="download", permissions=["export_file"])
    def export_file(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        name, kind = request.GET.get("resource", ""), request.GET.get("format", "")
        if name not in self.exchanges or kind not in files.FORMATS:
            return self._choose(request, title=_("Exporter"), template="admin/exchange_export.html")
        resource = resources.get(name)
        if not request.user.has_perm(resource.view_permission):
            raise PermissionDenied
        content = files.write(kind, resource.columns, resource.exported())
        answer = StreamingHttpResponse(content, content_type=files.FORMATS[kind])
        answer["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
        return answer

    @action(description=_("Importer"), url_path="import-file", icon="upload", permissions=["import_file"])
    def import_file(self: Any, request: HttpRequest) -> HttpResponse:
        if request.method == "POST":
            try:
                job = self._received(request)
            except DomainError as error:
                self.message_user(request, str(error.detail), messages.ERROR)
            else:
                return HttpResponseRedirect(reverse("admin:common_fileimport_change", args=(job.pk,)))
        return self._choose(request, title=_("Importer"), template="admin/exchange.html")

    def _received(self, request: HttpRequest) -> Any:
        name, file = request.POST.get("resource", ""), request.FILES.get("file")
        if name not in self.exchanges or file is None:
            raise Invalid(str(_("Choisissez un fichier.")), code="file_missing")
        return jobs.receive(name, file_name=file.name or "", raw=file.read(jobs.largest() + 1), by=request.user)

    def _choose(self: Any, request: HttpRequest, *, title: Any, template: str) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "resources": [resources.get(name) for name in self.exchanges],
            "formats": sorted(files.FORMATS),
            "back": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"),
        }
        return TemplateResponse(request, template, context)
