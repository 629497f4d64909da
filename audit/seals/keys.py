"""The keys of the seals: Ed25519 (RFC 8032), the private one from AUDIT_SEAL_KEY, known public ones by their id."""

import hashlib
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings


@lru_cache(maxsize=4)
def _private(secret: str) -> Ed25519PrivateKey:
    # Any long random secret makes a key: its SHA-256 is the seed.
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(secret.encode()).digest())


def public_key() -> str:
    """The current public key, 32 bytes in hex: what a verifier elsewhere is given."""
    return _private(settings.AUDIT_SEAL_KEY).public_key().public_bytes_raw().hex()


def sign(payload: bytes) -> str:
    """The signature, 64 bytes in hex."""
    return _private(settings.AUDIT_SEAL_KEY).sign(payload).hex()


def is_signed(payload: bytes, *, signature: str, key: str) -> bool:
    """Whether a key that we know (AUDIT_SEAL_KEY, AUDIT_SEAL_PUBLIC_KEYS) signed the payload."""
    if key not in (public_key(), *settings.AUDIT_SEAL_PUBLIC_KEYS):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), payload)
    except (InvalidSignature, ValueError):
        return False
    return True
