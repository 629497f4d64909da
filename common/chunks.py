"""Large tables, a piece at a time."""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet


def by_pk(rows: QuerySet[Any], *, size: int = 2_000) -> Iterator[list[Any]]:
    """The rows in the order of their primary keys, at most `size` in memory, without a cursor that stays open."""
    chunk = list(rows.order_by("pk")[:size])
    while chunk:
        yield chunk
        chunk = list(rows.filter(pk__gt=chunk[-1].pk).order_by("pk")[:size]) if len(chunk) == size else []
