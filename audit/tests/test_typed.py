"""What was typed of a person beside events about nobody goes with them, and nothing else does."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.models import User
from accounts.services.anonymisation import anonymise_user
from accounts.services.profiles import update_profile
from accounts.tests.factories import make_user
from audit.enums import Action
from audit.models import Event, EventPersonal
from audit.services import record
from audit.tests.proof import proves
from audit.typed import Names
from backoffice.tests.pages import page
from common.tests.rows import contents

pytestmark = pytest.mark.django_db


@pytest.fixture
def amie() -> User:
    return make_user(email="amie.ba@example.org", first_name="Aïcha", last_name="Ba Moussavou", phone="+24177123456")


@pytest.mark.parametrize(
    "term",
    [
        *("Aïcha", "aicha", "AIC", "aichatou", "ba", "Moussa", "moussavou aicha", "Mme Moussavou, 3e étage"),
        *("amie.ba@example.org", "amie", "amie.ba@"),
        *(
            "077 12 34 56",
            "+241 77 12 34 56",
            "07123456",
            "77123456",
            "7712",
            "tél. 077123456 (Aline)",
            "0024177123456",
        ),
    ],
)
def test_term_that_finds_or_names_somebody_means_them(amie: User, term: str) -> None:
    assert Names(amie).are_meant_by(term)


@pytest.mark.parametrize(
    "term",
    ["", "Bernard", "ai", "b", "example.org", "@example.org", "0000", "077 98 76 54", "712", "77", "R-2031", "3400935"],
)
def test_term_of_others_does_not(amie: User, term: str) -> None:
    assert not Names(amie).are_meant_by(term)


def test_person_without_names_is_meant_by_their_address_alone() -> None:
    nobody = make_user(email="x@example.org")
    assert not Names(nobody).are_meant_by("Aïcha")
    assert Names(nobody).are_meant_by("x@example.org")


def _typed(**values: Any) -> None:
    record(Action.LIST_READ, entity="user", changes={"filters": {"p": "1"}}, personal=values)


def test_what_was_typed_goes_with_who_is_named(amie: User) -> None:
    admin = make_user(Role.ADMIN)
    for values in ({"q": "Moussavou"}, {"email__startswith": ["amie", "x"]}, {"q": "077123456"}, {"q": "Bernard"}, {}):
        _typed(**values)
    APIClient().post("/api/v1/auth/login/", {"email": "aicha@example.com", "password": "wrong"}, format="json")
    record(Action.MERCHANT_MEMBER_INVITED, entity="merchant", entity_id=1, personal={"email": "amie.ba@example.org"})
    record(Action.MERCHANT_MEMBER_INVITED, entity="merchant", entity_id=1, personal={"email": "bernard@example.org"})
    events = Event.objects.count()

    anonymise_user(amie, by=admin)

    left = EventPersonal.objects.filter(event__action__in=["page.listed", "merchant.member_invited"])
    assert list(left.order_by("event__id").values_list("values", flat=True)) == [
        {"q": "Bernard"},
        {},
        {"email": "bernard@example.org"},
    ]
    assert EventPersonal.objects.get(event__action="user.sign_in_failed").values == {"email": "aicha@example.com"}
    assert Event.objects.count() > events
    assert all(proves(event) for event in Event.objects.all())


def test_what_they_were_called_before_counts(amie: User) -> None:
    update_profile(amie, by=amie, last_name="Ondo", phone="+24166000111")
    for term in ("Moussavou", "077123456", "Ondo", "066 00 01 11", "Bernard"):
        _typed(q=term)

    anonymise_user(amie, by=make_user(Role.ADMIN))

    left = EventPersonal.objects.filter(event__action="page.listed").values_list("values", flat=True)
    assert list(left) == [{"q": "Bernard"}]
    assert [word for word in ("Moussavou", "Ondo", "77123456") if word in str(contents())] == []


def test_what_staff_search_in_the_back_office_is_erased(client: Any, amie: User) -> None:
    admin = make_user(Role.ADMIN)
    client.force_login(make_user(Role.STAFF))
    assert client.get(page(User, "changelist"), {"q": "Moussavou"}).status_code == 200
    assert EventPersonal.objects.get(event__action="page.listed").values == {"q": "Moussavou"}

    anonymise_user(amie, by=admin)

    assert Event.objects.filter(action="page.listed").count() == 1
    assert not EventPersonal.objects.filter(event__action="page.listed").exists()
