"""Reading JSON that strangers send: flat, unambiguous, storable."""

import json
import math
import re
from typing import Any

from django.utils.translation import gettext_lazy as _

from common.errors import Invalid

MAX_DEPTH = 32

# One that does not end reaches to the end of the text and never backtracks: the search stays linear.
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)


class MalformedJson(Invalid):
    code = "malformed_json"


def loads(raw: bytes) -> Any:
    """Parse a JSON body. Raises `MalformedJson` (400) with what is wrong with it."""
    if _depth(raw) > MAX_DEPTH:
        raise MalformedJson(_("Le JSON est imbriqué trop profondément."), code="json_too_deep")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise MalformedJson(_("Le corps doit être encodé en UTF-8.")) from error
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise MalformedJson(_("Le corps n'est pas du JSON valide.")) from error
    # Escapes are the only way in for characters that cannot be stored; plain text was checked by the decoder.
    if "\\u" in text or "\x00" in text:
        _check_characters(value)
    return value


def _depth(raw: bytes) -> int:
    """The deepest nesting, found without decoding: brackets inside strings do not count."""
    depth = deepest = 0
    for byte in _STRINGS.sub(b"", raw):
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise MalformedJson(_("Une clé apparaît deux fois dans le même objet."), code="duplicate_key")
    return result


def _refuse_constant(name: str) -> Any:
    raise MalformedJson(_("NaN et Infinity ne sont pas du JSON."))


def _finite(text: str) -> float:
    """`1e400` is JSON, but what it would become is not."""
    value = float(text)
    return value if math.isfinite(value) else _refuse_constant(text)


def _check_characters(value: Any) -> None:
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise MalformedJson(_("Le texte contient des caractères interdits."), code="forbidden_characters")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_characters(key)
            _check_characters(item)
    elif isinstance(value, list):
        for item in value:
            _check_characters(item)
