"""The number a patient shows at the counter."""

import secrets

# No 0 O 1 I L: they are read aloud and copied by hand.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH = 8


def new_pickup_code() -> str:
    """Eight unambiguous characters out of 31⁸ possibilities."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def normalize_pickup_code(code: str) -> str:
    """`ab3d-ef9h ` → `AB3DEF9H`."""
    return "".join(code.split()).replace("-", "").upper()
