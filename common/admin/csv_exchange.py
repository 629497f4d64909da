"""A list's rows as a CSV file, and back: what a file would do is shown first and done on a second click."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action

from common import csv, csv_import
from common.errors import Invalid

# Of a preview, how many changes are named; refused lines are all named.
SHOWN = 100


class CsvExchangeMixin:
    """Two buttons above a list. Who may see it exports it, who may change it imports.

    Subclasses give `csv_name` (the file's), `csv_columns`, `csv_required` (of the columns, those an import needs),
    `csv_rows` and `csv_import_rows`.
    """

    actions_list = ("export_csv", "import_csv")
    csv_name = ""
    csv_columns: tuple[str, ...] = ()
    csv_required: tuple[str, ...] = ()

    def csv_rows(self) -> Iterable[Sequence[Any]]:
        """Every row, in the order of `csv_columns`."""
        raise NotImplementedError

    def csv_import_rows(self, lines: Iterator[csv_import.Line], *, dry_run: bool, by: Any) -> csv_import.Report:
        """Do, or only tell, what the lines say."""
        raise NotImplementedError

    @action(description=_("Exporter en CSV"), url_path="export-csv", icon="download", permissions=["view"])
    def export_csv(self, request: HttpRequest) -> StreamingHttpResponse:
        def rows() -> Iterator[Sequence[Any]]:
            yield self.csv_columns
            yield from self.csv_rows()

        # Spreadsheets know UTF-8 by its mark.
        answer = StreamingHttpResponse(_marked(csv.lines(rows())), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{self.csv_name}"'
        return answer

    @action(description=_("Importer un CSV"), url_path="import-csv", icon="upload", permissions=["change"])
    def import_csv(self: Any, request: HttpRequest) -> HttpResponse:
        page = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        context = {
            **self.admin_site.each_context(request),
            "title": _("Importer un CSV"),
            "opts": self.opts,
            "columns": self.csv_columns,
            "required": self.csv_required,
            "back": page,
        }
        if request.method == "POST":
            is_confirmed = "confirm" in request.POST
            try:
                text = request.POST.get("content", "") if is_confirmed else _uploaded(request)
                report = self.csv_import_rows(
                    csv_import.read(text, required=self.csv_required), dry_run=not is_confirmed, by=request.user
                )
            except Invalid as error:
                self.message_user(request, str(error.detail), messages.ERROR)
            else:
                if is_confirmed:
                    self.message_user(request, _done(report), messages.SUCCESS)
                    return HttpResponseRedirect(page)
                context |= {"report": report, "content": text, "changes": report.changes[:SHOWN]}
        return TemplateResponse(request, "admin/import_csv.html", context)


def _uploaded(request: HttpRequest) -> str:
    file = request.FILES.get("file")
    if file is None:
        raise Invalid(str(_("Choisissez un fichier.")), code="file_missing")
    return csv_import.decode(file.read(csv_import.LARGEST + 1))


def _marked(lines: Iterator[str]) -> Iterator[str]:
    yield "\ufeff"
    yield from lines


def _done(report: csv_import.Report) -> str:
    changed, refused = len(report.changes), len(report.refused)
    return " ".join(
        (
            ngettext("%(count)d changement fait.", "%(count)d changements faits.", changed) % {"count": changed},
            ngettext("%(count)d ligne refusée.", "%(count)d lignes refusées.", refused) % {"count": refused},
        )
    )
