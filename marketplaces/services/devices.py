"""The browsers that may ask for a merchant's work: each as long as whoever added it may act for the merchant.

Who leaves, or may only look from now on, takes theirs along; while an account is switched off, its are refused.
"""

import hashlib
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts.models import User
from common.unit_of_work import unit_of_work
from marketplaces.enums import JobState, MemberRole, StepState
from marketplaces.exceptions import DeviceRevoked, MerchantInactive
from marketplaces.models import Job, Membership, Merchant, PluginDevice, PluginTask
from marketplaces.services.jobs.queue import wake
from marketplaces.signals import device_added, device_revoked
from marketplaces.tenancy import merchant_scope, person_scope, require_merchant

PREFIX = "ttp"
# What a browser does is what an editor may do.
NEEDED = MemberRole.EDITOR
_MAY_ACT = [role for role in MemberRole if role.allows(NEEDED)]


@dataclass(frozen=True)
class Caller:
    """A browser that has shown its token."""

    merchant_id: int
    device_id: int


def add_device(name: str, *, by: User) -> tuple[PluginDevice, str]:
    """A browser of the present merchant's and its token, which nobody can read again."""
    merchant_id = require_merchant()
    token = f"{PREFIX}_{merchant_id}_{secrets.token_urlsafe(32)}"
    device = PluginDevice.objects.create(merchant_id=merchant_id, name=name, token_hash=_digest(token), created_by=by)
    device_added.send(PluginDevice, device=device, by=by)
    return device, token


def revoke_device(device: PluginDevice, *, by: User | None) -> None:
    """It is answered 401 from now on; what it had in hand is in doubt at once, for another one to look at."""
    with unit_of_work():
        device = PluginDevice.objects.select_for_update(no_key=True).get(pk=device.pk)
        if device.revoked_at is not None:
            return
        device.revoked_at = timezone.now()
        device.save(update_fields=["revoked_at", "updated_at"])
        device_revoked.send(PluginDevice, device=device, by=by)
        if lease(PluginTask.objects.filter(device_id=device.pk), until=device.revoked_at):
            wake(device.revoked_at)


def follow(user_id: int, role: MemberRole | None, *, by: User | None) -> None:
    """Somebody has another rank at the merchant of the block, or none: their browsers go with the right to act."""
    if role is not None and role.allows(NEEDED):
        return
    for device in PluginDevice.objects.filter(created_by_id=user_id, revoked_at=None).order_by("pk"):
        revoke_device(device, by=by)


def let_go(user_id: int) -> None:
    """An account was switched off: what its browsers had in hand, for whatever merchant, is in doubt at once. They are
    its own again when it is switched on. Begins the merchants' blocks itself."""
    now = timezone.now()
    with person_scope(user_id):
        merchant_ids = list(Membership.objects.order_by("merchant_id").values_list("merchant_id", flat=True))
    for merchant_id in merchant_ids:
        with merchant_scope(merchant_id):
            theirs = PluginDevice.objects.filter(created_by_id=user_id).values("pk")
            if lease(PluginTask.objects.filter(device_id__in=theirs), until=now):
                wake(now)


def recognise(token: str) -> Caller | None:
    """Whose browser shows this token; None for nobody's. It names the merchant, whose rows alone are looked at."""
    prefix, _, rest = token.partition("_")
    number, _, secret = rest.partition("_")
    if prefix != PREFIX or not secret or not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    with merchant_scope(int(number)):
        device = _trusted().filter(token_hash=_digest(token)).first()
        return Caller(device.merchant_id, device.pk) if device is not None else None


def note_seen(caller: Caller, now: datetime) -> None:
    """It asks for work, in the merchant's block. Raises `DeviceRevoked`, `MerchantInactive` (403)."""
    if not _trusted().filter(pk=caller.device_id).update(last_seen_at=now):
        raise DeviceRevoked
    if not Merchant.objects.filter(pk=caller.merchant_id, is_active=True).exists():
        raise MerchantInactive


def renew(caller: Caller, task_ids: Iterable[uuid.UUID], *, until: datetime) -> int:
    """The leases of its tasks last until then; how many of them are still its own."""
    return lease(PluginTask.objects.filter(public_id__in=list(task_ids), device_id=caller.device_id), until=until)


def lease(tasks: Any, *, until: datetime) -> int:
    """Let those of these tasks that are in somebody's hand be theirs until then, and their jobs with them; how many."""
    mine = tasks.filter(state=StepState.PROCESSING)
    count = 0
    for job_id in list(mine.order_by("job_id").values_list("job_id", flat=True)):
        job = Job.objects.select_for_update(no_key=True).filter(pk=job_id, state=JobState.RUNNING).first()
        if job is not None and mine.filter(job_id=job_id).update(lease_until=until, updated_at=timezone.now()):
            job.lease_until = job.next_at = until
            job.save(update_fields=["lease_until", "next_at", "updated_at"])
            count += 1
    return count


def _trusted() -> Any:
    acting = Membership.objects.filter(user_id=OuterRef("created_by_id"), role__in=_MAY_ACT, user__is_active=True)
    return PluginDevice.objects.filter(Exists(acting), revoked_at=None)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
