"""Encryption at rest with rotatable keys: the first of `ENCRYPTION_KEYS`, or of `keys`, encrypts, all decrypt."""

import base64
import hashlib
from collections.abc import Sequence
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


def _of(keys: Sequence[str] | None) -> MultiFernet:
    return _cipher(tuple(settings.ENCRYPTION_KEYS if keys is None else keys))
