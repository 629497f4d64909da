"""Accounts that somebody has to look at; whoever did so says what came of it."""

from django.utils import timezone

from accounts.enums import ReviewStatus
from accounts.models import AccountReview, User
from accounts.services.approvals import require_reason
from accounts.signals import account_reviewed
from common.errors import Forbidden
from common.states import IllegalMove
from common.unit_of_work import unit_of_work

SETTLE = "accounts.adjust_credits"


def settle_review(review: AccountReview, *, note: str, by: User) -> AccountReview:
    """Write down what came of it; credits are corrected by `corrections.adjust_credits` before, where they have to be.

    Raises `Forbidden` without `accounts.adjust_credits`, `Invalid` (400) without a note, `IllegalMove` (409) where
    somebody has settled it already.
    """
    if not by.has_perm(SETTLE):
        raise Forbidden
    note = require_reason(note)[:200]
    with unit_of_work():
        now = timezone.now()
        changes = {"status": ReviewStatus.SETTLED, "note": note, "settled_by": by, "settled_at": now, "updated_at": now}
        if not AccountReview.objects.filter(pk=review.pk, status=ReviewStatus.OPEN).update(**changes):
            raise IllegalMove
        review.refresh_from_db()
        account_reviewed.send(AccountReview, review=review, by=by)
    return review
