"""The input gate for bodies: small, and JSON flat, unambiguous, storable."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser, FormParser, MultiPartParser

from common.errors import TooLarge
from common.strict_json import loads

MAX_BYTES = 256 * 1024


class StrictJSONParser(BaseParser):
    """UTF-8, at most 256 kB and 32 levels deep; no duplicate keys, NaN, NUL or lone surrogates."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        raw = stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise TooLarge
        return loads(raw)


class SmallFormParser(FormParser):
    """An HTML form of at most 256 kB."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        _require_small(parser_context)
        return super().parse(stream, media_type, parser_context)


class SmallMultiPartParser(MultiPartParser):
    """A multipart form of at most 256 kB, refused before anything of it is read."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        _require_small(parser_context)
        return super().parse(stream, media_type, parser_context)


def _require_small(parser_context: Any) -> None:
    """No more than the declared length is ever read, and a body without one is empty to WSGI."""
    if int(parser_context["request"].META.get("CONTENT_LENGTH") or 0) > MAX_BYTES:
        raise TooLarge
