import pytest

from accounts.enums import BACK_OFFICE_ROLES, Role
from accounts.exceptions import AdministratorsOnly, OwnAccess
from accounts.models import User
from accounts.services.roles import change_role, switch_user
from accounts.signals import role_changed, user_switched
from accounts.tests.factories import make_user
from common.errors import Forbidden

pytestmark = pytest.mark.django_db


@pytest.fixture
def announced() -> list[str]:
    """What the services have announced so far."""
    heard: list[str] = []

    def on_role(user: User, old: Role, **kwargs: object) -> None:
        heard.append(f"{old} → {user.role}")

    def on_switch(user: User, is_active: bool, **kwargs: object) -> None:
        heard.append("enabled" if is_active else "disabled")

    role_changed.connect(on_role, weak=False)
    user_switched.connect(on_switch, weak=False)
    yield heard
    role_changed.disconnect(on_role)
    user_switched.disconnect(on_switch)


@pytest.mark.parametrize("old", Role)
@pytest.mark.parametrize("new", Role)
def test_a_role_brings_exactly_its_rights(old: Role, new: Role, announced: list[str]) -> None:
    user, admin = make_user(old), make_user(Role.ADMIN)

    change_role(user, new, by=admin)

    user = User.objects.get(pk=user.pk)
    assert (user.role, user.is_staff, user.is_superuser) == (new, new in BACK_OFFICE_ROLES, new == Role.ADMIN)
    kept = {"staff"} if (old, new) == (Role.STAFF, Role.ADMIN) else set()
    assert {group.name for group in user.groups.all()} == {new} | kept
    assert announced == ([] if old == new else [f"{old} → {new}"])
    assert user.token_version == (1 if old == new else 2)


@pytest.mark.parametrize(
    "role, by_role, error",
    [
        (Role.PATIENT, Role.STAFF, Forbidden),
        (Role.PATIENT, Role.PATIENT, Forbidden),
        (Role.PATIENT, Role.PHARMACIST, Forbidden),
        (Role.ADMIN, Role.STAFF, Forbidden),
    ],
)
def test_who_may_not_change_people_changes_nothing(
    role: Role, by_role: Role, error: type[Exception], announced: list[str]
) -> None:
    user, by = make_user(role), make_user(by_role)
    before = User.objects.values().get(pk=user.pk)

    with pytest.raises(error):
        change_role(user, Role.STAFF, by=by)
    with pytest.raises(error):
        switch_user(user, is_active=False, by=by)

    assert User.objects.values().get(pk=user.pk) == before
    assert announced == []


def test_nobody_changes_their_own_access(announced: list[str]) -> None:
    admin = make_user(Role.ADMIN)

    with pytest.raises(OwnAccess):
        change_role(admin, Role.PATIENT, by=admin)
    with pytest.raises(OwnAccess):
        switch_user(admin, is_active=False, by=admin)

    assert (User.objects.get(pk=admin.pk).role, announced) == ("admin", [])


def test_only_administrators_decide_about_administrators(announced: list[str]) -> None:
    from django.contrib.auth.models import Permission

    clerk = make_user(Role.STAFF)
    clerk.user_permissions.add(Permission.objects.get(codename="manage_access"))
    patient, admin = make_user(), make_user(Role.ADMIN)

    with pytest.raises(AdministratorsOnly):
        change_role(patient, Role.ADMIN, by=clerk)
    with pytest.raises(AdministratorsOnly):
        change_role(admin, Role.PATIENT, by=clerk)
    with pytest.raises(AdministratorsOnly):
        switch_user(admin, is_active=False, by=clerk)

    assert announced == []
    change_role(patient, Role.PHARMACIST, by=clerk)
    assert announced == ["patient → pharmacist"]


def test_switching_announces_only_what_changes(announced: list[str]) -> None:
    user, admin = make_user(), make_user(Role.ADMIN)

    switch_user(user, is_active=True, by=admin)
    assert announced == []
    switch_user(user, is_active=False, by=admin)
    switch_user(user, is_active=False, by=admin)

    user = User.objects.get(pk=user.pk)
    assert (user.is_active, user.token_version, announced) == (False, 2, ["disabled"])


def test_a_change_and_its_event_succeed_or_fail_together() -> None:
    user, admin = make_user(), make_user(Role.ADMIN)

    def refuse(**kwargs: object) -> None:
        raise RuntimeError("no event")

    role_changed.connect(refuse, weak=False)
    try:
        with pytest.raises(RuntimeError):
            change_role(user, Role.STAFF, by=admin)
    finally:
        role_changed.disconnect(refuse)

    assert User.objects.get(pk=user.pk).role == "patient"
