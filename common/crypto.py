"""Encryption at rest with rotatable keys: the first of `ENCRYPTION_KEYS` encrypts, all of them decrypt."""

import base64
import hashlib
from functools import lru_cache

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    # A key is any long random string; Fernet wants 32 bytes in base64.
    return MultiFernet([Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest())) for key in keys])


def encrypt(plain: bytes) -> bytes:
    return _cipher(tuple(settings.ENCRYPTION_KEYS)).encrypt(plain)


def decrypt(token: bytes) -> bytes:
    """Raises `cryptography.fernet.InvalidToken` where no configured key fits."""
    return _cipher(tuple(settings.ENCRYPTION_KEYS)).decrypt(token)


def reencrypt(token: bytes) -> bytes:
    """The same content under the first key. Raises `cryptography.fernet.InvalidToken` where no configured key fits."""
    return _cipher(tuple(settings.ENCRYPTION_KEYS)).rotate(token)
