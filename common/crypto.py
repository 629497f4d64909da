"""Encryption at rest with rotatable keys: the first of `ENCRYPTION_KEYS`, or of `keys`, encrypts, all decrypt."""

import base64
import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    # A key is any long random string; Fernet wants 32 bytes in base64.
    return MultiFernet([Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest())) for key in keys])


def encrypt(plain: bytes, *, keys: Sequence[str] | None = None) -> bytes:
    return _of(keys).encrypt(plain)


def decrypt(token: bytes, *, keys: Sequence[str] | None = None) -> bytes:
    """Raises `cryptography.fernet.InvalidToken` where no configured key fits."""
    return _of(keys).decrypt(token)


def reencrypt(token: bytes, *, keys: Sequence[str] | None = None) -> bytes:
    """The same content under the first key. Raises `cryptography.fernet.InvalidToken` where no configured key fits."""
    return _of(keys).rotate(token)


# What is kept for good under `ENCRYPTION_KEYS`: name → a function that puts it under the first of them, and counts.
_kept: dict[str, Callable[[], int]] = {}


def register_kept(name: str, function: Callable[[], int]) -> None:
    """Have `manage.py reencrypt` call `function`. What is forgotten within seven days need not."""
    _kept[name] = function


def reencrypt_kept() -> dict[str, int]:
    """Put everything that is kept under the first of `ENCRYPTION_KEYS`, so that older keys can go; how many of each."""
    return {name: function() for name, function in _kept.items()}


def _of(keys: Sequence[str] | None) -> MultiFernet:
    return _cipher(tuple(settings.ENCRYPTION_KEYS if keys is None else keys))
