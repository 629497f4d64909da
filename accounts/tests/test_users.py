"""People: made in one place, with an account, a group and what their role allows."""

import pytest
from django.db import IntegrityError, transaction

from accounts.enums import Role
from accounts.models import Account, User
from accounts.services.users import create_user
from accounts.tests.factories import balance, make_user
from audit.models import Event
from common.context import acting
from common.tests.rows import contents

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "role, is_staff, is_superuser",
    [
        (Role.PATIENT, False, False),
        (Role.DOCTOR, False, False),
        (Role.PHARMACIST, True, False),
        (Role.STAFF, True, False),
        (Role.ADMIN, True, True),
    ],
)
def test_role_decides_group_and_back_office(role, is_staff, is_superuser):
    user = create_user(email=" X@Example.org", password="pw", role=role, first_name="X")

    stored = User.objects.get()
    assert stored == user
    assert stored.email == "x@example.org"
    assert (stored.role, stored.is_staff, stored.is_superuser, stored.is_verified) == (
        role,
        is_staff,
        is_superuser,
        False,
    )
    assert list(stored.groups.values_list("name", flat=True)) == [role]
    assert stored.check_password("pw")
    assert Account.objects.get().user == stored


def test_without_a_password_nobody_signs_in():
    assert not create_user(email="x@example.org", password=None).has_usable_password()


def test_superuser_of_the_command_line():
    user = User.objects.create_superuser("root@example.org", "pw")

    assert (user.role, user.is_superuser, user.is_staff, user.is_verified) == (Role.ADMIN, True, True, True)
    assert balance(user) == 10


def test_address_that_is_taken_changes_nothing():
    make_user(email="x@example.org")
    before = contents()

    with pytest.raises(IntegrityError), transaction.atomic():
        create_user(email="X@EXAMPLE.org", password="pw")

    assert contents() == before


def test_creation_is_an_event_without_the_address_for_ever():
    with acting("command", "createsuperuser", request_id="r-1"):
        user = make_user(email="x@example.org")

    event = Event.objects.get(action="user.created")
    assert (event.entity, event.entity_id, event.changes) == ("user", str(user.pk), {"role": "patient"})
    assert (event.actor_kind, event.actor_id, event.request_id) == ("command", "createsuperuser", "r-1")
    assert event.personal.values == {"email": "x@example.org"}


@pytest.mark.parametrize(
    "fields",
    [
        {"role": "king"},
        {"phone": "077123456"},
        {"is_staff": True},
    ],
)
def test_database_refuses_the_impossible(fields):
    make_user()
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.update(**fields)


def test_names():
    assert make_user(email="a@example.org").get_full_name() == "a@example.org"
    user = make_user(first_name="Marie")
    assert (user.full_name, user.get_full_name(), user.get_short_name()) == ("Marie", "Marie", "Marie")


def test_natural_key_is_the_address_in_any_spelling():
    user = make_user(email="hélène@example.org")

    assert User.objects.get_by_natural_key("HÉLÈNE@Example.org ") == user
    with pytest.raises(User.DoesNotExist):
        User.objects.get_by_natural_key(None)
