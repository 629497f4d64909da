"""The keys that sign tokens: one signs, that one and the previous ones verify.

A key decides its algorithm, in the settings: what a token's header says about that is never read. `kid` is a digest of
the key, so that nobody has to number keys.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ALGORITHMS = ("HS256", "RS256", "ES256")
_PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----", re.DOTALL)
_P256_BYTES = 32
_SMALLEST_RSA = 2048


@dataclass(frozen=True)
class Key:
    """`private` signs (None where only the public half is known), `public` verifies; both are the secret of HS256."""

    id: str
    algorithm: str
    private: Any
    public: Any

    def jwk(self) -> dict[str, Any] | None:
        """The public half as RFC 7517 writes it; None for a shared secret."""
        if self.algorithm == "HS256":
            return None
        kind = RSAAlgorithm if self.algorithm == "RS256" else ECAlgorithm
        numbers = kind.to_jwk(self.public, as_dict=True)
        return {name: numbers[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in numbers} | {
            "kid": self.id,
            "alg": self.algorithm,
            "use": "sig",
        }


def signing_key() -> Key:
    return _configured()[0]


def verifying_key(key_id: object) -> Key | None:
    """The key of that `kid`, current or previous."""
    return next((key for key in _configured() if key.id == key_id), None)


def jwks() -> dict[str, list[dict[str, Any]]]:
    """What others need to verify our tokens; empty where they are signed with a secret."""
    return {"keys": [jwk for key in _configured() if (jwk := key.jwk())]}


def _configured() -> tuple[Key, ...]:
    return load_keys(settings.JWT_ALGORITHM, settings.JWT_SIGNING_KEY, settings.JWT_PREVIOUS_KEYS)


@lru_cache(maxsize=8)
def load_keys(algorithm: str, signing_key: str, previous_keys: str) -> tuple[Key, ...]:
    """The signing key first. Raises `ImproperlyConfigured` with what to do where a key does not fit.

    `previous_keys` are secrets with commas between them, or PEM blocks one after the other, public or private.
    """
    if algorithm not in ALGORITHMS:
        raise ImproperlyConfigured(f"JWT_ALGORITHM must be one of {', '.join(ALGORITHMS)}.")
    current = _load(signing_key)
    if current.algorithm != algorithm or current.private is None:
        wanted = {"HS256": "a secret", "RS256": "an RSA private key (PEM)", "ES256": "a P-256 private key (PEM)"}
        raise ImproperlyConfigured(f"JWT_SIGNING_KEY must be {wanted[algorithm]} while JWT_ALGORITHM is {algorithm}.")
    blocks = [match[0] for match in _PEM.finditer(previous_keys)]
    secrets = [part.strip() for part in _PEM.sub("", previous_keys).split(",") if part.strip()]
    return (current, *(_load(text) for text in [*blocks, *secrets]))


def _load(text: str) -> Key:
    if not _PEM.search(text):
        secret = text.encode()
        return Key(hmac.new(secret, b"kid", hashlib.sha256).hexdigest()[:16], "HS256", secret, secret)
    private: Any = None
    try:
        if "PRIVATE KEY" in text:
            private = serialization.load_pem_private_key(text.encode(), password=None)
            public: Any = private.public_key()
        else:
            public = serialization.load_pem_public_key(text.encode())
    except (ValueError, TypeError) as error:
        raise ImproperlyConfigured(f"JWT_SIGNING_KEY or JWT_PREVIOUS_KEYS cannot be read: {error}") from error
    if isinstance(public, rsa.RSAPublicKey) and public.key_size >= _SMALLEST_RSA:
        algorithm = "RS256"
    elif isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1):
        algorithm = "ES256"
    else:
        raise ImproperlyConfigured("Tokens are signed with RSA keys of at least 2048 bits or with P-256 keys only.")
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return Key(hashlib.sha256(der).hexdigest()[:16], algorithm, private, public)


class DeterministicES256(ECAlgorithm):
    """ES256 whose signature depends on message and key alone (RFC 6979): a pair that is derived again is the same."""

    def __init__(self) -> None:
        super().__init__(ECAlgorithm.SHA256)

    def sign(self, msg: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
        r, s = decode_dss_signature(key.sign(msg, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)))
        return r.to_bytes(_P256_BYTES, "big") + s.to_bytes(_P256_BYTES, "big")
