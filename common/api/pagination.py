"""The envelope of every list: `{results, next, previous, meta}`; at most 100 rows a page."""

from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination, PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response

DEFAULT_LIMIT = 20
MAX_LIMIT = 100


def clamp_limit(request: Request) -> int:
    """`?limit=` as 1 to 100; anything that is no plain number is the default."""
    limit = _plain_number(request.query_params.get("limit", ""))
    return DEFAULT_LIMIT if limit is None else min(max(limit, 1), MAX_LIMIT)


def _plain_number(raw: str, *, digits: int = 9) -> int | None:
    """What `int` alone would not tell apart: `1_000`, ` 1`, `+1` and digits of other scripts are no plain numbers."""
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) <= digits else None


def _envelope_schema(results: dict[str, Any], meta: dict[str, Any]) -> dict[str, Any]:
    link = {"type": "string", "format": "uri", "nullable": True}
    return {
        "type": "object",
        "required": ["results", "next", "previous", "meta"],
        "properties": {
            "results": results,
            "next": link,
            "previous": link,
            "meta": {"type": "object", "properties": meta},
        },
    }


class EnvelopeCursorPagination(CursorPagination):
    """For lists that grow for ever: newest first, no count, stable while rows arrive."""

    ordering = "-id"
    max_page_size = MAX_LIMIT
    page_size_query_param = "limit"

    def get_page_size(self, request: Request) -> int:
        return clamp_limit(request)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
        self.limit = self.get_page_size(request)
        return super().paginate_queryset(queryset, request, view)

    def decode_cursor(self, request: Request) -> Cursor | None:
        """The position goes into a comparison with `id`: anything else is a cursor that we did not give out."""
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None and _plain_number(cursor.position, digits=19) is None:
            raise NotFound(self.invalid_cursor_message)
        return cursor

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {
                "results": data,
                "next": self.get_next_link(),
                "previous": self.get_previous_link(),
                "meta": {"limit": self.limit},
            }
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return _envelope_schema(schema, {"limit": {"type": "integer"}})


class EnvelopePagePagination(PageNumberPagination):
    """For lists of a known size: the catalogue, rates, pharmacies."""

    page_size = DEFAULT_LIMIT
    page_size_query_param = "limit"

    def get_page_size(self, request: Request) -> int:
        return clamp_limit(request)

    def get_page_number(self, request: Request, paginator: Any) -> int:
        """`?page=`; 0, which no list has, for anything that is no plain number."""
        return _plain_number(request.query_params.get(self.page_query_param) or "1") or 0

    def get_paginated_response(self, data: Any, **meta: Any) -> Response:
        assert self.page is not None
        assert self.request is not None
        return Response(
            {
                "results": data,
                "next": self.get_next_link(),
                "previous": self.get_previous_link(),
                "meta": {
                    "page": self.page.number,
                    "limit": self.get_page_size(self.request),
                    "count": self.page.paginator.count,
                    **meta,
                },
            }
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        integer = {"type": "integer"}
        return _envelope_schema(schema, {"page": integer, "limit": integer, "count": integer})
