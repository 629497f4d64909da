"""The input gate for JSON bodies: small, flat, unambiguous, storable."""

from collections.abc import Mapping
from typing import IO, Any

from django.utils.translation import gettext_lazy as _
from rest_framework.parsers import BaseParser

from common.errors import DomainError
from common.strict_json import loads

MAX_BYTES = 256 * 1024


class TooLarge(DomainError):
    code = "payload_too_large"
    status = 413
    detail = _("Le corps de la requête dépasse 256 ko.")


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
