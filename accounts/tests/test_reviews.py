"""Accounts that somebody has to look at: who may settle one, and that it is settled once."""

import pytest

from accounts.enums import ReviewStatus, Role
from accounts.models import AccountReview
from accounts.services.reviews import settle_review
from accounts.tests.factories import balance, make_user
from audit.models import Event, EventPersonal
from common.errors import Forbidden, Invalid
from common.states import IllegalMove

pytestmark = pytest.mark.django_db


@pytest.fixture
def review():
    account = make_user(credits=40).account
    return AccountReview.objects.create(account=account, reason="unexplained", found=40, explained=10)


def test_staff_settle_a_review_with_a_note(review):
    staff = make_user(Role.STAFF)
    settle_review(review, note=" reçu vu ", by=staff)

    review.refresh_from_db()
    assert (review.status, review.note, review.settled_by) == (ReviewStatus.SETTLED, "reçu vu", staff)
    assert review.settled_at is not None
    assert balance(review.account.user) == 40
    event = Event.objects.get(action="account.reviewed")
    assert event.entity_id == str(review.account_id)
    assert event.changes == {"reason": "unexplained", "found": 40, "explained": 10}
    assert EventPersonal.objects.get(event=event).values == {"note": "reçu vu"}


def test_review_is_settled_once(review):
    settle_review(review, note="vu", by=make_user(Role.STAFF))
    with pytest.raises(IllegalMove):
        settle_review(AccountReview.objects.get(), note="encore", by=make_user(Role.STAFF))

    assert AccountReview.objects.get().note == "vu"


@pytest.mark.parametrize("note", ["", "  "])
def test_review_without_a_conclusion_stays_open(review, note):
    with pytest.raises(Invalid):
        settle_review(review, note=note, by=make_user(Role.STAFF))

    assert AccountReview.objects.get().status == ReviewStatus.OPEN


@pytest.mark.parametrize("who", ["owner", "stranger", "pharmacist"])
def test_people_without_the_right_settle_nothing(review, who):
    people = {"owner": review.account.user, "stranger": make_user(), "pharmacist": make_user(Role.PHARMACIST)}
    with pytest.raises(Forbidden):
        settle_review(review, note="vu", by=people[who])

    assert AccountReview.objects.get().status == ReviewStatus.OPEN
    assert not Event.objects.filter(action="account.reviewed").exists()
