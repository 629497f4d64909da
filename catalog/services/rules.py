"""What an import may replace: the new value of a column, once in SQL and once for documents."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """`sql` is an expression over `{old}` and `{new}`; `value(old, new)` is the same for documents."""

    sql: str
    value: Callable[[Values, Values], Any] | None = None


def keep_where_unknown(column: str) -> Rule:
    """A source that does not know leaves what is stored."""
    return Rule(
        f"coalesce({{new}}.{column}, {{old}}.{column})",
        lambda old, new: old[column] if new[column] is None else new[column],
    )


def real_price_stays(column: str) -> Rule:
    """An indicative or unknown price never replaces what a pharmacy really asks; for all columns of a price."""
    return Rule(
        f"CASE WHEN ({{new}}.price IS NULL OR {{new}}.price_is_indicative) AND {{old}}.price IS NOT NULL "
        f"AND NOT {{old}}.price_is_indicative THEN {{old}}.{column} ELSE {{new}}.{column} END",
        lambda old, new: old[column] if _asks_less(old, new) else new[column],
    )


def _asks_less(old: Values, new: Values) -> bool:
    vague = new["price"] is None or new["price_is_indicative"]
    return bool(vague and old["price"] is not None and not old["price_is_indicative"])


def own_source_only(column: str) -> Rule:
    """Rows that another source describes keep its description."""
    return Rule(
        f"CASE WHEN {{old}}.source = {{new}}.source THEN {{new}}.{column} ELSE {{old}}.{column} END",
        lambda old, new: new[column] if old["source"] == new["source"] else old[column],
    )


def keep_stored(column: str) -> Rule:
    """Only new rows take it."""
    return Rule(f"{{old}}.{column}", lambda old, new: old[column])


def keep_where_empty(column: str) -> Rule:
    """As `keep_where_unknown`, of texts."""
    return Rule(
        f"CASE WHEN {{new}}.{column} = '' THEN {{old}}.{column} ELSE {{new}}.{column} END",
        lambda old, new: new[column] or old[column],
    )
