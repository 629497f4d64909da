"""The base classes of the admin."""

from typing import Any

import unfold.admin
import unfold.views
from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse

from common.admin.paginator import CappedPaginator
from common.admin.reading import list_read, list_was_read, page_was_read
from common.unit_of_work import unit_of_work

# Of a list's address: the number of the page, and what says nothing about anybody.
_PAGE, _PLAIN = "p", {"o", "e", "_popup", "_to_field"}


class ChangeList(unfold.views.ChangeList):
    """Says how many rows there are once, below the list, where the paginator knows whether it counted them all."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.full_result_count = self.result_count


class ModelAdmin(unfold.admin.ModelAdmin):
    """A list of 25 rows a page without a full count, searched by what the term looks like.

    Subclasses with a search bar set `search_fields` (Django shows the bar and allows autocompletion by it) and
    `search_help_text`, and say in `search_condition` which single, indexed condition a term stands for.
    """

    list_per_page = 25
    list_max_show_all = 100
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    paginator = CappedPaginator
    ordering = ("-pk",)
    # A column header that sorts a million rows by an unindexed column is a trap.
    sortable_by: tuple[str, ...] = ()
    list_filter_submit = True
    list_disable_select_all = True
    actions = None
    warn_unsaved_form = True
    empty_value_display = "–"
    # What to do about an empty list, where there is more to say than "add a row".
    empty_hint: Any = ""
    # Whose the rows are: the way from a row to the person's key, e.g. `payment.user_id`. Who reads them is an event.
    person_path = ""
    # Whether the list shows people, too, or only each row's page.
    lists_people = True

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ChangeList

    def person_of(self, obj: Any) -> int | None:
        """The key of the person whose row it is; None where nobody knows."""
        for name in self.person_path.split("."):
            obj = getattr(obj, name, None)
        return None if obj is None else int(obj)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        obj = super().get_object(request, object_id, from_field)
        request.looked_at = obj  # type: ignore[attr-defined]
        return obj

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        response: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        obj = getattr(request, "looked_at", None)
        if self.person_path and obj is not None:
            page_was_read(request, response, model=self.model, person=lambda: self.person_of(obj), obj=obj)
        return response

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        response: HttpResponse = super().changelist_view(request, extra_context)
        if self.person_path and self.lists_people:
            filters, personal = self._asked(request)
            list_was_read(request, response, model=self.model, filters=filters, personal=personal)
        return response

    def _asked(self, request: HttpRequest) -> tuple[dict[str, Any], dict[str, Any]]:
        """What the address narrows the list down to: by its own filters, and by what may name somebody."""
        own = [
            each[0] if isinstance(each, (tuple, list)) else getattr(each, "parameter_name", each)
            for each in self.get_list_filter(request)
        ]
        filters: dict[str, Any] = {}
        personal: dict[str, Any] = {}
        for name, values in request.GET.lists():
            value = values[0] if len(values) == 1 else values
            if name == _PAGE or name.split("__")[0] in own:
                filters[name] = value
            elif name not in _PLAIN and value:
                personal[name] = value
        return filters, personal

    def search_condition(self, term: str) -> Q:
        """What rows match a search term (stripped, not empty)."""
        raise NotImplementedError

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        match = getattr(request, "resolver_match", None)
        if self.person_path and match is not None and match.url_name == "autocomplete":
            # The site's own look-up behind select fields passes no list of ours: who reads people there is heard here.
            with unit_of_work():
                list_read.send(
                    self.model, page=self.model._meta.model_name, filters={"autocomplete": "1"}, personal={"q": term}
                )
        if not term or not self.search_fields:
            return queryset, False
        return queryset.filter(self.search_condition(term)), False

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only what the object's state and the person's rights allow."""
        actions: list[Any] = super().get_actions_detail(request, object_id)
        obj = self.get_object(request, unquote(str(object_id))) if actions else None
        if obj is None:
            return []
        return [action for action in actions if action.method.is_offered(self, request, obj)]

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> Any:
        # Rows of others are not found; who sees no row at all is told so.
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        return super()._get_obj_does_not_exist_redirect(request, opts, object_id)

    # The event log says who changed what; Django's own log would repeat it, with names that nobody erases.
    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:
        return None

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> None:
        return None

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        return None


class _Unchangeable:
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(_Unchangeable, ModelAdmin):
    """Rows that nobody adds, edits or deletes here, not even a superuser: only services change them."""


class ReadOnlyInline(_Unchangeable, unfold.admin.TabularInline):
    """The rows of another table that belong to the page's object; who may see the object sees them."""

    extra = 0
    max_num = 0
    can_delete = False
    hide_title = True
    ordering = ("-pk",)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True
