from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import User
from backoffice.home.cards import may_see
from backoffice.people.search import SHORTEST, search
from backoffice.people.sheet import sheet_of
from common.admin.reading import list_was_read, page_was_read


@require_safe
def person(request: HttpRequest, pk: int) -> HttpResponse:
    """The page of a person, for those who may see people."""
    if not may_see(request, "accounts.user"):
        raise PermissionDenied
    user = get_object_or_404(User, pk=pk)
    context = {
        **admin.site.each_context(request),
        "title": user.get_full_name(),
        "sheet": sheet_of(request, user),
    }
    response = TemplateResponse(request, "admin/people/person.html", context)
    page_was_read(request, response, model=User, person=lambda: user.pk, obj=user)
    return response


@require_safe
def find(request: HttpRequest) -> HttpResponse:
    """What a term finds; straight to its page where that is one thing only."""
    term = request.GET.get("q", "").strip()[:254]
    found = search(request, term) if len(term) >= SHORTEST else []
    hits = [hit for group in found for hit in group.hits]
    context = {
        **admin.site.each_context(request),
        "title": _("Recherche"),
        "term": term,
        "found": found,
        "is_too_short": len(term) < SHORTEST,
        "shortest": SHORTEST,
    }
    response: HttpResponse = TemplateResponse(request, "admin/people/found.html", context)
    if term:
        list_was_read(request, response, model=User, page="search", filters={}, personal={"q": term})
    # The page that follows is an event of its own.
    return HttpResponseRedirect(hits[0].url) if len(hits) == 1 else response
