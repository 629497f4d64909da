"""Two pairs of eyes: one person asks with a reason, another one decides, and deciding carries it out."""

from collections.abc import Collection, Mapping
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext

from accounts import approvals
from accounts.enums import APPROVAL_MOVES, ApprovalStatus
from accounts.exceptions import ApprovalPending, NotOwnApproval, OwnApproval
from accounts.models import Approval, User
from accounts.signals import approval_moved
from common.errors import FieldError, Forbidden, Invalid
from common.unit_of_work import unit_of_work

DECIDE = "accounts.decide_approval"


def require_reason(reason: str) -> str:
    """The reason without the space around it. Raises `Invalid` (400 `required`) where there is none."""
    if not reason.strip():
        raise Invalid(errors=[FieldError("reason", "required", Invalid.detail)])
    return reason.strip()


def request_approval(
    kind: str,
    *,
    subject: str,
    beneficiary_id: int,
    amount: int,
    currency: str = "",
    parameters: Mapping[str, Any],
    reason: str,
    by: User,
) -> Approval:
    """Write down what `by` wants, for somebody else to decide. The caller holds the lock of the subject's row.

    `amount` in whole units of `currency`, or credits without one. Raises `ApprovalPending` (409) while another request
    about the same subject waits, `Invalid` (400) without a reason.
    """
    reason = require_reason(reason)
    with unit_of_work():
        # The unique index has the last word; asking first spares the deciding transaction, which holds the other
        # request and wants our subject, a deadlock.
        if Approval.objects.filter(subject=subject, status=ApprovalStatus.REQUESTED).exists():
            raise ApprovalPending
        approval = Approval.objects.create(
            kind=kind,
            subject=subject,
            beneficiary_id=beneficiary_id,
            amount=amount,
            currency=currency,
            parameters=dict(parameters),
            reason=reason[:200],
            requested_by=by,
        )
        approval_moved.send(Approval, approval=approval, by=by)
    return approval


def approve(approval: Approval, *, by: User) -> Approval:
    """Decide in favour and carry it out, in one transaction.

    Raises `OwnApproval` and `Forbidden` (403), `IllegalMove` (409) for one that is decided, and whatever carrying it
    out raises where the world has moved on: the request then still waits.
    """
    with unit_of_work():
        locked = _decide(approval, ApprovalStatus.APPROVED, by=by)
        approvals.get(locked.kind).execute(locked, by)
        approval_moved.send(Approval, approval=locked, by=by)
    return locked


def refuse(approval: Approval, *, by: User, note: str = "") -> Approval:
    """Decide against it: nothing happens, and it may be asked for again. Raises as `approve` does."""
    with unit_of_work():
        locked = _decide(approval, ApprovalStatus.REFUSED, by=by, note=note)
        approval_moved.send(Approval, approval=locked, by=by)
    return locked


def withdraw(approval: Approval, *, by: User) -> Approval:
    """Take one's own request back: nothing happens, and anybody may ask for it again.

    Raises `NotOwnApproval` (403), `IllegalMove` (409) for one that is decided.
    """
    with unit_of_work():
        locked = _lock(approval)
        if locked.requested_by_id != by.pk:
            raise NotOwnApproval
        _end(locked, ApprovalStatus.WITHDRAWN, by=by)
        approval_moved.send(Approval, approval=locked, by=by)
    return locked


def lock_waiting(subject: str, kinds: Collection[str]) -> Approval | None:
    """The request of these kinds about it that waits, locked. Before the subject's row, as deciding locks them."""
    waiting = Approval.objects.filter(subject=subject, kind__in=kinds, status=ApprovalStatus.REQUESTED)
    return waiting.select_for_update(no_key=True).first()


def overtake(waiting: Approval, *, by: User) -> None:
    """End a locked request whose matter `by` has just decided without it; their own is withdrawn.

    It could not be carried out any more, and kept others about the same subject out.
    """
    if waiting.requested_by_id == by.pk:
        _end(waiting, ApprovalStatus.WITHDRAWN, by=by)
    else:
        _end(waiting, ApprovalStatus.REFUSED, by=by, note=gettext("Décidé entre-temps sans cette demande."))
    approval_moved.send(Approval, approval=waiting, by=by)


def may_decide(approval: Approval, user: User) -> bool:
    """Whether this person's rights and part in the matter let them decide."""
    return _is_other(approval, user) and _is_entitled(approval, user)


def _decide(approval: Approval, status: ApprovalStatus, *, by: User, note: str = "") -> Approval:
    locked = _lock(approval)
    if not _is_entitled(locked, by):
        raise Forbidden
    if not _is_other(locked, by):
        raise OwnApproval
    _end(locked, status, by=by, note=note)
    return locked


def _lock(approval: Approval) -> Approval:
    return Approval.objects.select_for_update(no_key=True).get(pk=approval.pk)


def _end(locked: Approval, status: ApprovalStatus, *, by: User, note: str = "") -> None:
    APPROVAL_MOVES.check(locked.status, status)
    locked.status, locked.decided_by, locked.decided_at, locked.note = status, by, timezone.now(), note.strip()[:200]
    locked.save(update_fields=["status", "decided_by", "decided_at", "note", "updated_at"])


def _is_other(approval: Approval, user: User) -> bool:
    return user.pk not in (approval.requested_by_id, approval.beneficiary_id)


def _is_entitled(approval: Approval, user: User) -> bool:
    return user.has_perm(DECIDE) and user.has_perm(approvals.get(approval.kind).permission)
