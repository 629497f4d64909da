"""The base classes of the admin."""

from typing import Any

import unfold.admin
import unfold.views
from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from common.admin.paginator import CappedPaginator


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

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ChangeList

    def search_condition(self, term: str) -> Q:
        """What rows match a search term (stripped, not empty)."""
        raise NotImplementedError

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
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
