"""What schemathesis cannot guess: names of rows that exist. Half of the requests get them, the others stay odd.

Loaded by schemathesis itself (`SCHEMATHESIS_HOOKS`); `CONTRACT_KNOWN` is the JSON that `known.py` writes.
"""

import json
import os
from typing import Any
from urllib.parse import urlencode

import schemathesis

# A longer address the web server refuses itself, in words of its own (414), before the API hears of it.
_LONGEST_QUERY = 3_500
_KNOWN: dict[str, dict[str, list[Any]]] = json.loads(os.environ["CONTRACT_KNOWN"])


def _put_known(names: dict[str, list[Any]], given: Any) -> Any:
    """The same value with known names in it, the same ones for the same value."""
    if isinstance(given, list):
        return [_put_known(names, item) for item in given]
    if not isinstance(given, dict):
        return given
    chance = sum(repr(given).encode())
    if chance % 2:
        return given
    return {
        name: names[name][chance // 2 % len(names[name])] if name in names else _put_known(names, value)
        for name, value in given.items()
    }


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    for part, names in _KNOWN.items():
        if part in context.operation.path:
            path_parameters = _put_known(names, path_parameters)
    return path_parameters


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    return _put_known(_KNOWN["body"], body)


@schemathesis.hook
def map_headers(context: Any, headers: Any) -> Any:
    """A merchant who exists where one is asked for; the client's own headers stay."""
    return headers if headers is None else _put_known(_KNOWN["headers"], dict(headers))


@schemathesis.hook
def filter_query(context: Any, query: Any) -> bool:
    return not query or len(urlencode(dict(query), doseq=True)) <= _LONGEST_QUERY
