from typing import Any

from django.core.paginator import Page, Paginator
from django.utils.functional import cached_property


class CappedPaginator(Paginator[Any]):
    """Looks up to `CAP` rows and no further: `COUNT(*)` over a million rows costs more than the page itself.

    The last page is the one the cap falls on; who looks for something older narrows the list down. The keys are read
    once, in the order of the list, and tell both how many there are and which rows a page has: nothing is joined to
    rows that are only passed over.
    """

    CAP = 500
    template_name = "admin/capped_pagination.html"

    @cached_property
    def count(self) -> int:
        return min(len(self._keys), self.CAP)

    @property
    def is_capped(self) -> bool:
        """Whether there are more rows than `count` says."""
        return len(self._keys) > self.CAP

    def page(self, number: int | str) -> Page[Any]:
        page = super().page(number)
        first = page.start_index() - 1 if self.count else 0
        rows: Any = self.object_list
        page.object_list = rows.filter(pk__in=self._keys[first : page.end_index()])
        return page

    @cached_property
    def _keys(self) -> list[Any]:
        rows: Any = self.object_list
        return list(rows.values_list("pk", flat=True)[: self.CAP + 1])
