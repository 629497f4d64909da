from typing import Any

from django.core.paginator import Paginator
from django.utils.functional import cached_property


class CappedPaginator(Paginator[Any]):
    """Counts up to `CAP` rows and no further: `COUNT(*)` over a million rows costs more than the page itself.

    The last page is the one the cap falls on; who looks for something older narrows the list down.
    """

    CAP = 1_000
    template_name = "admin/capped_pagination.html"

    @cached_property
    def count(self) -> int:
        return min(self._seen, self.CAP)

    @property
    def is_capped(self) -> bool:
        """Whether there are more rows than `count` says."""
        return self._seen > self.CAP

    @cached_property
    def _seen(self) -> int:
        rows: Any = self.object_list
        # Without its order the database may stop at the first rows it finds.
        found: int = rows.order_by()[: self.CAP + 1].count()
        return found
