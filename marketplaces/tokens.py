"""Merchants' tokens at the channels, encrypted at rest under `CHANNEL_KEYS`: the first key encrypts, all decrypt.

What is encrypted names its owner: a row's secret that was copied into another merchant's row opens nothing there.
"""

import json

from cryptography.fernet import InvalidToken
from django.conf import settings

from common.crypto import decrypt, encrypt, reencrypt


class Unreadable(Exception):
    """No configured key fits, or the secret belongs to another row."""


def seal(values: dict[str, str], *, merchant_id: int, channel: str) -> bytes:
    plain = {**values, "merchant": merchant_id, "channel": channel}
    return encrypt(json.dumps(plain).encode(), keys=settings.CHANNEL_KEYS)


def unseal(sealed: bytes, *, merchant_id: int, channel: str) -> dict[str, str]:
    """Raises `Unreadable`."""
    try:
        plain = json.loads(decrypt(bytes(sealed), keys=settings.CHANNEL_KEYS))
    except InvalidToken as error:
        raise Unreadable("no key of CHANNEL_KEYS fits") from error
    if (plain.pop("merchant", None), plain.pop("channel", None)) != (merchant_id, channel):
        raise Unreadable("the secret of another row")
    return {str(name): str(value) for name, value in plain.items()}


def reseal(sealed: bytes) -> bytes:
    """The same under the first key. Raises `Unreadable`."""
    try:
        return reencrypt(bytes(sealed), keys=settings.CHANNEL_KEYS)
    except InvalidToken as error:
        raise Unreadable("no key of CHANNEL_KEYS fits") from error
