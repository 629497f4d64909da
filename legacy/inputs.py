"""Reading what the old sites send: forms or JSON whatever they call it, numbers also as strings."""

import datetime
import re
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from django.http import QueryDict
from rest_framework.parsers import BaseParser, DataAndFiles
from rest_framework.request import Request

from common.api.parsers import MAX_BYTES, SmallFormParser, SmallMultiPartParser, StrictJSONParser
from common.money import MAX_CREDITS
from legacy.errors import Malformed

_INTEGER = re.compile(r"([+-]?[0-9]{1,30})", re.ASCII)
_WHOLE = re.compile(r"([+-]?[0-9]{1,30})(?:\.0{1,9})?", re.ASCII)
_LONGEST = 10_000


class AnyBody(BaseParser):
    """A form where it says so, else JSON; nothing at all is an empty object."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        kind = (media_type or "").lower()
        if kind.startswith("multipart/form-data"):
            parsed = SmallMultiPartParser().parse(stream, media_type, parser_context)
            return parsed.data if isinstance(parsed, DataAndFiles) else parsed
        if kind.startswith("application/x-www-form-urlencoded"):
            return SmallFormParser().parse(stream, media_type, parser_context)
        return StrictJSONParser().parse(BytesIO(_body(stream)), media_type, parser_context)


def _body(stream: Any) -> bytes:
    """At most what is too much; nothing but space is an empty object."""
    raw: bytes = stream.read(MAX_BYTES + 1)
    return raw if raw.strip() else b"{}"


class Fields:
    """The fields of one request, read one by one; `check` then raises `Malformed` with all that could not be read.

    Unknown fields are ignored. What is missing, or null, is None, unless it is required.
    """

    def __init__(self, source: Any, place: str) -> None:
        self._place = place
        self._faults: list[dict[str, Any]] = []
        self._values: Mapping[str, Any] = {}
        if isinstance(source, QueryDict):
            self._values = source.dict()
        elif isinstance(source, Mapping):
            self._values = source
        else:
            self._faults.append({"loc": [place], "msg": "value is not a valid dict", "type": "type_error.dict"})

    def text(self, name: str, *, required: bool = False, most: int = _LONGEST) -> str | None:
        value = self._get(name, required)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            self._fault(name, "str type expected", "type_error.str")
        elif len(str(value)) > most:
            self._fault(name, f"ensure this value has at most {most} characters", "value_error.any_str.max_length")
        return str(value)

    def integer(
        self, name: str, *, required: bool = False, least: int = 0, most: int = MAX_CREDITS, decimals: bool = False
    ) -> int | None:
        """A whole number, also as a string; with `decimals` also one written `700.0`."""
        value = self._get(name, required)
        if value is None:
            return None
        written = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
        match = (_WHOLE if decimals else _INTEGER).fullmatch(written.strip())
        number = int(match[1]) if match else least
        if match is None:
            self._fault(name, "value is not a valid integer", "type_error.integer")
        elif number < least:
            self._fault(name, f"ensure this value is at least {least}", "value_error.number.not_ge")
        elif number > most:
            self._fault(name, f"ensure this value is at most {most}", "value_error.number.not_le")
        return number

    def rows(self, name: str, *, most: int) -> list[Any]:
        value = self._get(name, required=True)
        if value is not None and not (isinstance(value, list) and 0 < len(value) <= most):
            self._fault(name, f"a list of 1 to {most} is expected", "type_error.list")
        return value if isinstance(value, list) else []

    def check(self) -> None:
        if self._faults:
            raise Malformed(self._faults)

    def faults_of(self, other: "Fields", *path: Any) -> None:
        """Take over what a nested object got wrong."""
        self._faults += [{**fault, "loc": [self._place, *path, *fault["loc"][1:]]} for fault in other._faults]

    def _get(self, name: str, required: bool) -> Any:
        value = self._values.get(name)
        if value is None and required:
            self._fault(name, "field required", "value_error.missing")
        return value

    def _fault(self, name: str, message: str, kind: str) -> None:
        self._faults.append({"loc": [self._place, name], "msg": message, "type": kind})


def body(request: Request) -> Fields:
    return Fields(request.data, "body")


def query(request: Request) -> Fields:
    return Fields(request.query_params, "query")


def day(written: str, name: str) -> datetime.date:
    """`YYYY-MM-DD`; anything else is malformed, `Invalid date` included."""
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", written, re.ASCII):
            raise ValueError
        return datetime.date.fromisoformat(written)
    except ValueError as error:
        raise Malformed([{"loc": ["path", name], "msg": "invalid date format", "type": "value_error.date"}]) from error
