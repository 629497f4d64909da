"""People who come many at once, with their credits, and are taken back."""

import pytest
from django.apps import apps
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.enums import ReviewReason, Role, SecretPurpose
from accounts.exceptions import PersonErased
from accounts.models import Account, AccountReview, CreditEntry, User
from accounts.services import approvals, arrivals, corrections, ledger, one_time
from accounts.services.arrivals import Arrival, Review, add_arrivals, take_back_arrivals, what_stands_on
from accounts.services.verification import verify_ledger
from accounts.tests.factories import make_user
from audit.models import Event
from common.bulk import take_ids
from common.models import FileImport
from common.tests.rows import contents
from marketplaces.models.base import TenantModel

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


def stands_on(user_ids):
    """What is seen without merchants' rows, which only their own app reads."""
    return what_stands_on(user_ids, apart=TenantModel)


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
    assert stands_on([one.user_id]) == []
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
    assert stands_on([user.pk]) == []
    take_back_arrivals([user.pk], note="Reprise annulée", source="test", batch=7)
    assert verify_ledger().findings == []


def test_what_stands_on_arrivals_is_named():
    signed_in, spent, named = arrive({}, {"openings": [(5, "t:1")]}, {})
    User.objects.filter(pk=signed_in.user_id).update(last_login=timezone.now())
    ledger.spend(spent.user_id, 1, reference="x")
    User.objects.get(pk=named.user_id).stock_alerts.create(product_code="3400930000001")

    assert stands_on([signed_in.user_id]) == ["people have signed in"]
    assert stands_on([spent.user_id]) == ["credits have moved"]
    assert stands_on([named.user_id]) == ["alertes de retour en stock name them"]


def _approval_about(person):
    corrections.grant_credits(person.account, credits=10_000, reason="geste", by=make_user(Role.STAFF))


def _approval_by(person):
    corrections.grant_credits(make_user().account, credits=10_000, reason="geste", by=person)


def _review_settled_by(person):
    review = AccountReview.objects.create(account=make_user().account, reason="negative", found=-1, explained=0)
    now = timezone.now()
    AccountReview.objects.filter(pk=review.pk).update(status="settled", settled_by=person, settled_at=now)


def _credits_given_by(person):
    corrections.grant_credits(make_user().account, credits=1, reason="geste", by=person)


def _file_of(person):
    FileImport.objects.create(resource="x", file_name="x.csv", requested_by=person)


@pytest.mark.parametrize(
    "act, name",
    [
        (_approval_about, "approbations"),
        (_approval_by, "approbations"),
        (_review_settled_by, "comptes à examiner"),
        (_credits_given_by, "écritures"),
        (_file_of, "imports de fichiers"),
    ],
)
def test_what_names_arrivals_with_no_way_back_is_named_too(act, name):
    (one,) = arrive({"role": Role.STAFF})
    act(User.objects.get(pk=one.user_id))

    assert stands_on([one.user_id]) == [f"{name} name them"]


@pytest.mark.parametrize("model", [User, Account])
def test_every_reference_to_arrivals_is_looked_at_or_is_what_they_are_made_of(model):
    """Whoever adds a table that names people need not think of imports."""
    found = {(each.model, each.name) for each in arrivals._pointing(model)}
    wanted = {
        (other, each.name)
        for other in apps.get_models(include_auto_created=True)
        for each in other._meta.fields
        if each.is_relation and each.related_model is model
    }
    assert found == wanted - arrivals._OURS


def test_link_that_somebody_had_mailed_stands_for_nothing_and_dies_with_them():
    (one,) = arrive({})
    user = User.objects.get(pk=one.user_id)
    token = one_time.issue_link_token(user, SecretPurpose.RESET_PASSWORD)

    assert stands_on([user.pk]) == []
    take_back_arrivals([user.pk], note="Reprise annulée", source="test", batch=7)
    assert one_time.find_link(SecretPurpose.RESET_PASSWORD, token) is None


def test_credits_for_who_was_taken_back_are_refused_whoever_agrees():
    (one,) = arrive({"openings": [(5, "t:1")]})
    account = Account.objects.get(pk=one.account_id)
    staff, admin = make_user(Role.STAFF), make_user(Role.ADMIN)
    waiting = corrections.grant_credits(account, credits=10_000, reason="geste", by=staff)
    take_back_arrivals([one.user_id], note="Reprise annulée", source="test", batch=7)
    before = contents()

    for act in (
        lambda: approvals.approve(waiting, by=admin),
        lambda: corrections.grant_credits(account, credits=1, reason="geste", by=admin),
        lambda: corrections.adjust_credits(account, credits=1, reason="geste", by=admin),
    ):
        with pytest.raises(PersonErased), transaction.atomic():
            act()
    assert contents() == before
    assert approvals.refuse(waiting, by=admin).status == "refused"
    assert verify_ledger().findings == []
