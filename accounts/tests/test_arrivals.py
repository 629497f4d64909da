"""People who come many at once, with their credits, and are taken back."""

import pytest
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.enums import ReviewReason, Role
from accounts.models import Account, AccountReview, CreditEntry, User
from accounts.services import ledger
from accounts.services.arrivals import Arrival, Review, add_arrivals, take_back_arrivals, what_stands_on
from accounts.services.verification import verify_ledger
from accounts.tests.factories import make_user
from audit.models import Event
from common.bulk import take_ids

pytestmark = pytest.mark.django_db


def arrive(*people, **fields):
    """Arrivals with new ids; each is a dict of what differs."""
    with transaction.atomic():
        ids = zip(take_ids("accounts_user", len(people)), take_ids("accounts_account", len(people)), strict=True)
        now = timezone.now()
        rows = [
            Arrival(
                user_id=user_id,
                account_id=account_id,
                password=make_password("Ancien-1"),
                created_at=now,
                updated_at=now,
                **{"email": f"a{user_id}@example.org", **person},
            )
            for (user_id, account_id), person in zip(ids, people, strict=True)
        ]
        add_arrivals(rows, label="Solde repris", source="test")
    return rows


def test_arrivals_have_their_account_entries_groups_and_reviews():
    review = Review(ReviewReason.UNEXPLAINED, 12, 10)
    one, two = arrive(
        {"openings": [(5, "t:1"), (7, "t:2")], "reviews": [review], "is_verified": True},
        {"role": Role.STAFF, "account_is_active": False},
    )

    first, second = User.objects.get(pk=one.user_id), User.objects.get(pk=two.user_id)
    assert (first.account.credit, second.account.credit) == (12, 0)
    assert (first.is_staff, second.is_staff, second.is_superuser) == (False, True, False)
    assert [group.name for group in second.groups.all()] == ["staff"]
    assert first.check_password("Ancien-1")
    assert list(CreditEntry.objects.values_list("amount", "balance_after", "kind", "reference")) == [
        (5, 5, "opening", "t:1"),
        (7, 12, "opening", "t:2"),
    ]
    assert AccountReview.objects.get().account_id == one.account_id
    assert not second.account.is_active
    assert verify_ledger().findings == []
    event = Event.objects.get(action="import.rows")
    assert event.changes == {"source": "test", "people": 2, "credits": 12, "reviews": 1}


def test_people_made_after_arrivals_get_ids_of_their_own():
    (arrived,) = arrive({})
    assert make_user().pk > arrived.user_id


def test_arrival_with_a_taken_address_brings_nobody():
    taken = make_user().email
    with pytest.raises(IntegrityError), transaction.atomic():
        arrive({}, {"email": taken})

    assert User.objects.count() == 1
    assert not Event.objects.filter(action="import.rows").exists()


def test_arrivals_taken_back_are_nobody_and_their_credits_are_reversed():
    (one,) = arrive({"openings": [(5, "t:1")], "first_name": "Marie", "phone": "+24177123456"})
    assert what_stands_on([one.user_id]) == []
    take_back_arrivals([one.user_id], note="Reprise annulée", source="test", batch=7)

    user = User.objects.get()
    assert (user.email, user.first_name, user.phone) == (f"{user.pk}@nobody.invalid", "", "")
    assert not user.is_active
    assert not user.has_usable_password()
    assert list(CreditEntry.objects.values_list("amount", "balance_after", "kind")) == [
        (5, 5, "opening"),
        (-5, 0, "adjust"),
    ]
    assert Account.objects.get().credit == 0
    assert verify_ledger().findings == []
    assert Event.objects.get(action="import.undone").changes == {
        "source": "test",
        "people": 1,
        "credits": 5,
        "rates": 0,
        "prices": [],
    }


def test_arrivals_come_again_after_they_were_taken_back():
    (one,) = arrive({"openings": [(5, "t:1")]})
    take_back_arrivals([one.user_id], note="Reprise annulée", source="test", batch=7)
    again = Arrival(
        **{
            **{name: getattr(one, name) for name in Arrival.__dataclass_fields__},
            "openings": [(5, "t:2")],
        }
    )
    add_arrivals([again], label="Solde repris", source="test")

    user = User.objects.get()
    assert (user.email, user.is_active, user.account.credit) == (one.email, True, 5)
    assert what_stands_on([user.pk]) == []
    take_back_arrivals([user.pk], note="Reprise annulée", source="test", batch=7)
    assert verify_ledger().findings == []


def test_what_stands_on_arrivals_is_named():
    signed_in, spent, named = arrive({}, {"openings": [(5, "t:1")]}, {})
    User.objects.filter(pk=signed_in.user_id).update(last_login=timezone.now())
    ledger.spend(spent.user_id, 1, reference="x")
    User.objects.get(pk=named.user_id).stock_alerts.create(product_code="3400930000001")

    assert what_stands_on([signed_in.user_id]) == ["people have signed in"]
    assert what_stands_on([spent.user_id]) == ["credits have moved"]
    assert what_stands_on([named.user_id]) == ["alertes de retour en stock name them"]
