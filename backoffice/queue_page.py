"""A queue's rows with their age, what was last heard, and the buttons that settle them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from backoffice import duty_gaps
from backoffice.buttons import Button, buttons_of
from backoffice.queues import named
from common.admin.reading import list_was_read

SHOWN = 25


@dataclass(frozen=True)
class Row:
    title: str
    url: str
    since: datetime
    answer: Any
    buttons: list[Button]


@require_safe
def queue_page(request: HttpRequest, name: str) -> HttpResponse:
    """The oldest rows of a queue, for those who may see them."""
    if name == "duty-gaps":
        return _gaps(request)
    queue = named(name)
    if queue is None:
        raise Http404
    if not queue.model_admin.has_view_permission(request):
        raise PermissionDenied
    back = reverse("queue", args=(name,))
    with queue.reading():
        rows = [
            Row(
                str(row),
                reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=(row.pk,)),
                getattr(row, queue.since),
                queue.answer(row) or "–",
                buttons_of(request, row, back),
            )
            for row in queue.rows(request).select_related(*queue.related)[: SHOWN + 1]
        ]
    context = {
        **admin.site.each_context(request),
        "title": queue.title,
        "queue": queue,
        "rows": rows[:SHOWN],
        "has_more": len(rows) > SHOWN,
        "list_url": queue.list_url,
    }
    response = TemplateResponse(request, "admin/queue.html", context)
    if getattr(queue.model_admin, "person_path", ""):
        list_was_read(request, response, model=queue.model_admin.model, filters={"queue": name}, personal={})
    return response


def _gaps(request: HttpRequest) -> HttpResponse:
    if not duty_gaps.may_see(request):
        raise PermissionDenied
    context = {
        **admin.site.each_context(request),
        "title": duty_gaps.QUEUE.title,
        "queue": duty_gaps.QUEUE,
        "gaps": duty_gaps.gaps(),
        "may_add": request.user.has_perm("catalog.add_dutyperiod"),  # type: ignore[union-attr]
        "list_url": reverse("admin:catalog_dutyperiod_changelist"),
    }
    return TemplateResponse(request, "admin/queue.html", context)
