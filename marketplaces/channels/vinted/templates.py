"""Requests of Vinted's site as an operator describes them in `VINTED_ACTIONS`: what they contain is opaque to us.

    {"publish": {"method": "POST", "path": "/api/…", "payload": {"item": {"title": "{title}", "price": "{price}"}},
                 "external_id": "item.id", "url": "item.url"},
     "orders": {"method": "GET", "path": "/api/…", "rows": "orders", "fields": {"external_id": "id", …}}}

A text that is one placeholder becomes the value itself, a number stays a number; within a longer text it is written
out. `external_id`, `url`, `rows`, `cursor` and the `fields` of a row are paths into the answer.
"""

import re
from collections.abc import Mapping
from typing import Any

from marketplaces.channels.calls import segment

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def filled(template: Any, values: Mapping[str, Any]) -> Any:
    """The template with its placeholders replaced; those that nobody knows become empty."""
    if isinstance(template, Mapping):
        return {str(name): filled(each, values) for name, each in template.items()}
    if isinstance(template, list):
        return [filled(each, values) for each in template]
    if not isinstance(template, str):
        return template
    if whole := _PLACEHOLDER.fullmatch(template):
        return values.get(whole[1], "")
    return _PLACEHOLDER.sub(lambda found: str(values.get(found[1], "")), template)


def filled_path(template: str, values: Mapping[str, Any]) -> str:
    """As `filled`, for an address: values are parts of the path and nothing else."""
    return _PLACEHOLDER.sub(lambda found: segment(str(values.get(found[1], ""))), template)


def at(path: str, value: Any) -> Any:
    """What stands at a dotted path of an answer, None where nothing does; an empty path is the answer itself."""
    for part in filter(None, path.split(".")):
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value
