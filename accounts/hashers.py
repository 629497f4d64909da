"""Password hashes of the systems that this one replaces."""

from typing import Any

import bcrypt
from django.contrib.auth.hashers import BasePasswordHasher, mask_hash
from django.utils.crypto import constant_time_compare

# bcrypt looks at so many bytes and no more; bcrypt 5 raises where passlib cut.
MAX_BYTES = 72


class PasslibBcryptHasher(BasePasswordHasher):
    """passlib's bcrypt, stored as `bcrypt_passlib$$2b$12$…`: what it made still verifies, cut at 72 bytes as it did.

    Never the preferred hasher: whoever signs in is hashed anew, and then every byte of the password counts.
    """

    algorithm = "bcrypt_passlib"
    rounds = 12

    def salt(self) -> str:
        return bcrypt.gensalt(self.rounds).decode()

    def encode(self, password: str, salt: str) -> str:
        return f"{self.algorithm}${bcrypt.hashpw(_cut(password), salt.encode()).decode()}"

    def decode(self, encoded: str) -> dict[str, Any]:
        algorithm, _empty, version, rounds, data = encoded.split("$", 4)
        return {
            "algorithm": algorithm,
            "algostr": version,
            "work_factor": int(rounds),
            "salt": data[:22],
            "checksum": data[22:],
        }

    def verify(self, password: str, encoded: str) -> bool:
        _algorithm, stored = encoded.split("$", 1)
        try:
            computed = bcrypt.hashpw(_cut(password), stored.encode())
        except ValueError:
            return False  # No hash of bcrypt's.
        return constant_time_compare(stored, computed.decode())

    def safe_summary(self, encoded: str) -> Any:
        decoded = self.decode(encoded)
        return {
            "algorithm": decoded["algorithm"],
            "work factor": decoded["work_factor"],
            "salt": mask_hash(decoded["salt"]),
            "checksum": mask_hash(decoded["checksum"]),
        }

    def harden_runtime(self, password: str, encoded: str) -> None:
        """The number of rounds is in the hash: nothing to make up for."""


def _cut(password: str) -> bytes:
    return password.encode()[:MAX_BYTES]
