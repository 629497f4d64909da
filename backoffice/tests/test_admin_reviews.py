"""Accounts to look at, in the admin."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.enums import ReviewStatus, Role
from accounts.models import AccountReview, User
from accounts.tests.factories import make_user
from backoffice.tests.pages import page, page_of, said
from backoffice.tests.world import make_review

pytestmark = pytest.mark.django_db

SignedIn = Callable[[User | None], Client]


def test_staff_look_at_an_account_and_settle_it(signed_in: SignedIn) -> None:
    review, staff = make_review(), make_user(Role.STAFF)
    client = signed_in(staff)

    listed = client.get(page(AccountReview, "changelist")).content.decode()
    answer = client.post(page_of(review, "settle"), {"note": "vu avec le titulaire"})

    assert review.account.user.email in listed
    assert said(answer) == ["Le compte est classé."]
    review.refresh_from_db()
    assert (review.status, review.settled_by) == (ReviewStatus.SETTLED, staff)


def test_pharmacists_do_not_settle(signed_in: SignedIn) -> None:
    review = make_review()

    assert signed_in(make_user(Role.PHARMACIST)).post(page_of(review, "settle"), {"note": "x"}).status_code == 403
    assert AccountReview.objects.get().status == ReviewStatus.OPEN
