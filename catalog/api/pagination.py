from typing import Any

from rest_framework.response import Response

from catalog.search import SUGGESTIONS
from common.api.pagination import EnvelopePagePagination


class SearchResults:
    """One page of search results that a paginator can be told about: the rows of this page, the count of all."""

    def __init__(self, rows: list[Any], count: int) -> None:
        self._rows, self._count = rows, count

    def count(self) -> int:
        return self._count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, page: slice) -> list[Any]:
        return self._rows


class ProductPagination(EnvelopePagePagination):
    """A search says in `meta` what it corrected, and whether there are more matches than it counted."""

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        envelope = super().get_paginated_response_schema(schema)
        envelope["properties"]["meta"]["properties"] |= {
            "corrected": {"type": "string", "nullable": True, "description": "the query that was answered instead"},
            "facets": {"type": "object", "description": "with `facets=true`: form and category → value, count"},
            "count_is_capped": {"type": "boolean", "description": "there are more matches than `count`"},
        }
        return envelope


class SuggestionPagination(EnvelopePagePagination):
    """The envelope of a list that is never longer than its page."""

    def respond(self, rows: list[Any], corrected: str | None) -> Response:
        meta = {"page": 1, "limit": SUGGESTIONS, "count": len(rows), "corrected": corrected}
        return Response({"results": rows, "next": None, "previous": None, "meta": meta})
