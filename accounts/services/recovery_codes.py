"""The codes for the day the phone is lost: ten at a time, shown once, each good once."""

import base64
import hashlib
import secrets

from django.utils import timezone

from accounts.models import RecoveryCode, SecondFactor

HOW_MANY = 10
_BYTES = 10
_CHARACTERS = _BYTES * 8 // 5
_GROUP = 4


def replace_codes(factor: SecondFactor) -> list[str]:
    """New codes in place of all older ones, as their owner writes them down: `abcd-efgh-ijkl-mnop`."""
    codes = [base64.b32encode(secrets.token_bytes(_BYTES)).decode().lower() for _ in range(HOW_MANY)]
    RecoveryCode.objects.filter(factor=factor).delete()
    RecoveryCode.objects.bulk_create(RecoveryCode(factor=factor, digest=_digest(factor, code)) for code in codes)
    return ["-".join(code[at : at + _GROUP] for at in range(0, _CHARACTERS, _GROUP)) for code in codes]


def use_code(factor: SecondFactor, code: str) -> bool:
    """Whether `code` (without spaces and dashes, in lower case) is one that was good until now. The row count decides.

    80 random bits cannot be guessed from their digest, so a fast one is enough.
    """
    if len(code) != _CHARACTERS:
        return False
    unused = RecoveryCode.objects.filter(factor=factor, digest=_digest(factor, code), used_at__isnull=True)
    now = timezone.now()
    return unused.update(used_at=now, updated_at=now) == 1


def codes_left(factor: SecondFactor) -> int:
    return RecoveryCode.objects.filter(factor=factor, used_at__isnull=True).count()


def _digest(factor: SecondFactor, code: str) -> bytes:
    return hashlib.sha256(f"{factor.pk}:{code}".encode("utf-8", "surrogateescape")).digest()
