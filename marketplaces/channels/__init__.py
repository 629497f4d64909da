"""Sales channels: one folder each behind the interface of `base`, found by the setting MARKETPLACE_CHANNELS."""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from marketplaces.channels.base import Channel
from marketplaces.channels.exceptions import UnknownChannel


@cache
def _load(path: str) -> Channel:
    channel: Channel = import_string(path)()
    return channel


def open_channels() -> list[Channel]:
    """Every channel that is switched on."""
    return [_load(path) for path in settings.MARKETPLACE_CHANNELS.values()]


def get_channel(name: str) -> Channel:
    """A channel that is switched on. Raises `UnknownChannel` (404)."""
    path = settings.MARKETPLACE_CHANNELS.get(name)
    if path is None:
        raise UnknownChannel
    return _load(path)
