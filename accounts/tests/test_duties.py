"""What staff are there for: given by somebody else, never more than they have, and kept as long as they are staff."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission

from accounts.enums import Duty, Role
from accounts.exceptions import AdministratorsOnly, MoreThanOwn, NotOfTheTeam, OwnAccess
from accounts.models import User
from accounts.services.duties import change_duties, duties_of
from accounts.services.profiles import change_email, correct_profile
from accounts.services.registration import add_person
from accounts.services.resending import resend
from accounts.services.roles import change_role
from accounts.tests.factories import make_user
from audit.models import Event
from common.errors import Forbidden, Invalid
from common.models import Mail
from common.states import IllegalMove

pytestmark = pytest.mark.django_db


def make_staff(*duties: Duty) -> User:
    user = make_user(Role.STAFF)
    change_duties(user, duties, by=make_user(Role.ADMIN))
    return User.objects.get(pk=user.pk)


def _manager(*duties: Duty) -> User:
    """Who manages access without being an administrator."""
    user = make_staff(*duties)
    user.user_permissions.set(Permission.objects.filter(codename="manage_access"))
    return User.objects.get(pk=user.pk)


def test_new_staff_have_the_rights_that_staff_always_had() -> None:
    user = make_user(Role.STAFF)

    assert duties_of(user) == {Duty.GENERAL}
    assert user.has_perm("reservations.change_reservation")


def test_duties_replace_each_other_and_are_an_event() -> None:
    user, by = make_user(Role.STAFF), make_user(Role.ADMIN)
    before = user.token_version

    change_duties(user, [Duty.CASHIER, Duty.SUPPORT], by=by)

    user = User.objects.get(pk=user.pk)
    assert duties_of(user) == {Duty.CASHIER, Duty.SUPPORT}
    assert user.has_perms(["payments.change_payment", "accounts.change_user"])
    assert not user.has_perm("catalog.change_product")
    assert user.token_version == before
    event = Event.objects.get(action="user.duties_changed")
    assert (event.entity_id, event.changes) == (str(user.pk), {"old": ["staff"], "new": ["cashier", "support"]})


def test_the_same_duties_again_are_no_event() -> None:
    user, by = make_staff(Duty.CASHIER), make_user(Role.ADMIN)
    events = Event.objects.count()

    change_duties(user, [Duty.CASHIER], by=by)

    assert Event.objects.count() == events


def test_no_duty_at_all_is_no_right_at_all() -> None:
    assert make_staff().get_all_permissions() == set()


@pytest.mark.parametrize(
    "role, by, duties, error",
    [
        (Role.STAFF, Role.STAFF, [Duty.CASHIER], Forbidden),
        (Role.STAFF, Role.PATIENT, [Duty.CASHIER], Forbidden),
        (Role.STAFF, Role.ADMIN, [Duty.AUDITOR, Duty.CASHIER], Invalid),
        (Role.PATIENT, Role.ADMIN, [Duty.CASHIER], NotOfTheTeam),
        (Role.PHARMACIST, Role.ADMIN, [Duty.CASHIER], NotOfTheTeam),
        (Role.ADMIN, Role.ADMIN, [Duty.CASHIER], NotOfTheTeam),
    ],
)
def test_duties_that_cannot_be_given_change_nothing(role: Role, by: Role, duties: Any, error: Any) -> None:
    user, giver = make_user(role), make_user(by)
    groups, events = set(user.groups.all()), Event.objects.count()

    with pytest.raises(error):
        change_duties(user, duties, by=giver)

    assert (set(user.groups.all()), Event.objects.count()) == (groups, events)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.STAFF])
def test_nobody_gives_themselves_duties(role: Role) -> None:
    user = make_user(role)
    with pytest.raises(OwnAccess):
        change_duties(user, list(Duty), by=user)


def test_nobody_gives_more_than_they_have() -> None:
    user, by = make_staff(), _manager(Duty.SUPPORT)

    for duty in (Duty.GENERAL, Duty.CASHIER, Duty.CATALOGUE, Duty.MEDICAL_SECRETARY, Duty.AUDITOR):
        with pytest.raises(MoreThanOwn):
            change_duties(user, [Duty.SUPPORT, duty] if duty != Duty.AUDITOR else [duty], by=by)
    with pytest.raises(MoreThanOwn):
        change_role(make_user(), Role.STAFF, by=by)
    with pytest.raises(AdministratorsOnly):
        change_role(make_user(), Role.ADMIN, by=by)
    with pytest.raises(MoreThanOwn):
        add_person(email="new@example.org", password=None, role=Role.STAFF, by=by)

    assert duties_of(user) == set()
    assert not User.objects.filter(email="new@example.org").exists()
    change_duties(user, [Duty.SUPPORT], by=by)
    assert duties_of(user) == {Duty.SUPPORT}


@pytest.mark.parametrize("through", [Role.ADMIN, Role.STAFF])
def test_duties_are_kept_as_long_as_one_is_of_the_team(through: Role) -> None:
    user, admin = make_staff(Duty.MEDICAL_SECRETARY), make_user(Role.ADMIN)

    change_role(user, through, by=admin)
    change_role(User.objects.get(pk=user.pk), Role.STAFF, by=admin)

    assert duties_of(user) == {Duty.MEDICAL_SECRETARY}
    assert not User.objects.get(pk=user.pk).has_perm("payments.change_payment")


@pytest.mark.parametrize("role", [Role.PATIENT, Role.DOCTOR, Role.PHARMACIST])
def test_duties_end_with_the_team_and_the_event_says_so(role: Role) -> None:
    user, admin = make_staff(Duty.MEDICAL_SECRETARY), make_user(Role.ADMIN)

    change_role(user, role, by=admin)

    assert User.objects.get(pk=user.pk).get_all_permissions() == set()
    event = Event.objects.filter(action="user.duties_changed").latest("id")
    assert event.changes == {"old": ["medical_secretary"], "new": []}


def test_support_corrects_patients_but_no_colleague_with_other_rights() -> None:
    support, patient = make_staff(Duty.SUPPORT), make_user(first_name="Ada")
    colleague = make_user(Role.STAFF, first_name="Ada")

    correct_profile(patient, by=support, first_name="Ida")
    with pytest.raises(MoreThanOwn):
        correct_profile(colleague, by=support, first_name="Ida")
    with pytest.raises(Forbidden):
        change_email(patient, "mine@example.org", by=support)

    names = dict(User.objects.filter(pk__in=[patient.pk, colleague.pk]).values_list("pk", "first_name"))
    assert names == {patient.pk: "Ida", colleague.pk: "Ada"}
    assert not User.objects.filter(email="mine@example.org").exists()


@pytest.mark.parametrize("is_verified, kind", [(False, "code"), (True, "link")])
def test_a_code_is_mailed_again_for_whoever_waits_for_it(is_verified: bool, kind: str) -> None:
    support, patient = make_staff(Duty.SUPPORT), make_user(is_verified=is_verified)

    resend(patient, by=support)

    mail = Mail.objects.get(to=patient.email)
    assert mail.template == {"code": "verify_email", "link": "reset_password"}[kind]
    event = Event.objects.get(action="user.code_resent")
    assert (event.entity_id, event.changes) == (str(patient.pk), {"kind": kind})


def test_nobody_else_has_codes_mailed() -> None:
    patient, disabled = make_user(), make_user(is_active=False)

    with pytest.raises(Forbidden):
        resend(patient, by=make_staff(Duty.CASHIER))
    with pytest.raises(IllegalMove):
        resend(disabled, by=make_staff(Duty.SUPPORT))

    assert Mail.objects.count() == 0
    assert not Event.objects.filter(action="user.code_resent").exists()
