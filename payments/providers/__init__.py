"""Payment gateways: one folder each behind the interface of `base`, found by the setting PAYMENT_PROVIDERS."""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from common.errors import FieldError
from payments.exceptions import UnknownProvider
from payments.providers.base import Provider


@cache
def _load(path: str) -> Provider:
    provider: Provider = import_string(path)()
    return provider


def get_provider(name: str) -> Provider:
    """Raises `UnknownProvider` (400)."""
    provider = find_provider(name)
    if provider is None:
        raise UnknownProvider(errors=[FieldError("provider", UnknownProvider.code, UnknownProvider.detail)])
    return provider


def find_provider(name: str) -> Provider | None:
    """The same for what is written of a gateway already; None where it is not configured any more."""
    path = settings.PAYMENT_PROVIDERS.get(name)
    return None if path is None else _load(path)
