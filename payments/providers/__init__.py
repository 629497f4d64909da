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
    path = settings.PAYMENT_PROVIDERS.get(name)
    if path is None:
        raise UnknownProvider(errors=[FieldError("provider", UnknownProvider.code, UnknownProvider.detail)])
    return _load(path)
