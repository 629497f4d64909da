"""People in the admin: created and changed by the services, without a password's hash in sight."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.models import User
from accounts.tests.factories import PASSWORD, balance, make_user
from audit.models import Event
from backoffice.tests.pages import page, page_of, said

pytestmark = pytest.mark.django_db

SignedIn = Callable[[User | None], Client]

NEW = {
    "email": " Nouvelle.Personne@Example.ORG ",
    "first_name": "Nadia",
    "last_name": "Exemple",
    "phone": "077 12 34 56",
    "language": "fr",
    "role": "patient",
    "is_verified": "on",
    "usable_password": "true",
    "password1": "Un-secret-bien-long-7",
    "password2": "Un-secret-bien-long-7",
}


def _user_manager() -> User:
    """Somebody who may manage people without being an administrator."""
    user = make_user(Role.STAFF)
    user.user_permissions.set(
        Permission.objects.filter(codename__in=["view_user", "add_user", "change_user", "manage_access"])
    )
    return user


def test_a_new_person_has_an_account_welcome_credits_and_an_event(signed_in: SignedIn, settings: Any) -> None:
    settings.WELCOME_CREDITS = 10
    by = make_user(Role.ADMIN)

    response = signed_in(by).post(page(User, "add"), NEW)

    user = User.objects.get(email="nouvelle.personne@example.org")
    assert (response.status_code, response.url) == (302, page(User, "changelist"))
    assert (user.phone, user.is_verified, user.is_staff) == ("+24177123456", True, False)
    assert user.check_password("Un-secret-bien-long-7")
    assert balance(user) == 10
    event = Event.objects.get(action="user.created", entity_id=str(user.pk))
    assert (event.actor_kind, event.actor_id) == ("user", str(by.pk))


def test_a_new_member_of_staff_gets_the_rights_of_the_role(signed_in: SignedIn) -> None:
    signed_in(make_user(Role.ADMIN)).post(page(User, "add"), {**NEW, "role": "staff"})

    user = User.objects.get(email="nouvelle.personne@example.org")
    assert (user.is_staff, user.is_superuser) == (True, False)
    assert [group.name for group in user.groups.all()] == ["staff"]


def test_a_new_person_without_a_password_signs_in_nowhere(signed_in: SignedIn) -> None:
    without = {**NEW, "usable_password": "false", "password1": "", "password2": ""}

    signed_in(make_user(Role.ADMIN)).post(page(User, "add"), without)

    assert not User.objects.get(email="nouvelle.personne@example.org").has_usable_password()


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "DEJA@example.org"},
        {"email": "pas une adresse"},
        {"phone": "12"},
        {"role": "king"},
        {"password1": "12345678", "password2": "12345678"},
        {"password2": "Un-autre-secret-8"},
        {"first_name": "x" * 151},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_person_who_cannot_be_created_leaves_nothing(signed_in: SignedIn, wrong: dict[str, str]) -> None:
    make_user(email="deja@example.org")
    client = signed_in(make_user(Role.ADMIN))
    people, events = User.objects.count(), Event.objects.count()

    assert client.post(page(User, "add"), {**NEW, **wrong}).status_code == 200

    assert (User.objects.count(), Event.objects.count()) == (people, events)


def test_a_profile_is_edited_and_the_event_keeps_the_values_apart(signed_in: SignedIn) -> None:
    by, user = make_user(Role.ADMIN), make_user(first_name="Ada", phone="+24177000001")

    response = signed_in(by).post(
        page_of(user), {"first_name": "Ida", "last_name": "", "phone": "066 11 22 33", "language": "fr", "bio": ""}
    )

    assert response.status_code == 302
    user.refresh_from_db()
    assert (user.first_name, user.phone) == ("Ida", "+24166112233")
    event = Event.objects.get(action="user.profile_changed")
    assert event.changes == {"fields": ["first_name", "phone"]}
    assert event.actor_id == str(by.pk)


def test_access_is_not_edited_with_the_profile(signed_in: SignedIn) -> None:
    user = make_user()
    before = User.objects.values().get(pk=user.pk)
    forged = {
        "email": "autre@example.org",
        "role": "admin",
        "is_staff": "on",
        "is_superuser": "on",
        "is_active": "",
        "is_verified": "",
        "password": "x",
        "token_version": "9",
        "groups": "1",
        "first_name": "",
        "last_name": "",
        "phone": "",
        "language": "fr",
        "bio": "",
    }

    signed_in(make_user(Role.ADMIN)).post(page_of(user), forged)

    assert User.objects.values().get(pk=user.pk) == before


def test_no_page_shows_a_passwords_hash(signed_in: SignedIn) -> None:
    user = make_user(Role.ADMIN)
    client = signed_in(user)
    pages = [client.get(address).content.decode() for address in (page(User, "changelist"), page_of(user))]

    assert user.password.startswith("md5$")
    for content in pages:
        assert user.password not in content
        assert user.password.split("$")[-1][:8] not in content


def test_nobody_sets_somebody_elses_password_here(signed_in: SignedIn) -> None:
    user = make_user()

    response = signed_in(make_user(Role.ADMIN)).post(
        f"/admin/accounts/user/{user.pk}/password/", {"password1": "Un-secret-bien-long-7", "password2": "x"}
    )

    user.refresh_from_db()
    assert response.status_code in (302, 404)
    assert user.check_password(PASSWORD)


def test_people_are_never_deleted_here(signed_in: SignedIn) -> None:
    user = make_user()

    assert signed_in(make_user(Role.ADMIN)).post(page_of(user, "delete"), {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=user.pk).exists()


def test_a_change_of_role_changes_rights_ends_sessions_and_is_an_event(
    signed_in: SignedIn, api: Callable[..., APIClient]
) -> None:
    by, user = make_user(Role.ADMIN), make_user(Role.STAFF)
    phone = api(user)
    assert phone.get("/api/v1/auth/me/").status_code == 200

    response = signed_in(by).post(page_of(user, "change_role"), {"role": "pharmacist"})

    assert said(response) == ["Le rôle est changé."]
    user = User.objects.get(pk=user.pk)
    assert (user.role, user.is_staff, user.is_superuser) == ("pharmacist", True, False)
    assert [group.name for group in user.groups.all()] == ["pharmacist"]
    assert phone.get("/api/v1/auth/me/").status_code == 401
    event = Event.objects.get(action="user.role_changed")
    assert (event.entity_id, event.actor_id) == (str(user.pk), str(by.pk))
    assert event.changes == {"old": "staff", "new": "pharmacist"}


def test_nobody_changes_their_own_role_or_disables_themselves(signed_in: SignedIn) -> None:
    user = make_user(Role.ADMIN)
    client = signed_in(user)

    for action, given in (("change_role", {"role": "staff"}), ("disable_user", {})):
        response = client.post(page_of(user, action), given)
        assert said(response)[-1] == (
            "Vous ne pouvez pas changer votre propre rôle, vos fonctions, ni vous désactiver."
        )

    user.refresh_from_db()
    assert (user.role, user.is_active) == ("admin", True)


def test_only_administrators_make_or_unmake_administrators(signed_in: SignedIn) -> None:
    client = signed_in(_user_manager())
    patient, boss = make_user(), make_user(Role.ADMIN)

    assert client.post(page_of(patient, "change_role"), {"role": "admin"}).status_code == 200
    assert client.post(page(User, "add"), {**NEW, "role": "admin"}).status_code == 200
    for action, given in (("change_role", {"role": "patient"}), ("disable_user", {})):
        response = client.post(page_of(boss, action), given)
        assert said(response)[-1] == "Seul un administrateur décide de qui est administrateur."

    assert User.objects.get(pk=patient.pk).role == "patient"
    assert not User.objects.filter(email="nouvelle.personne@example.org").exists()
    boss.refresh_from_db()
    assert (boss.role, boss.is_active) == ("admin", True)


def test_staff_correct_people_and_decide_about_none(signed_in: SignedIn) -> None:
    client, user, boss = signed_in(make_user(Role.STAFF)), make_user(), make_user(Role.ADMIN)
    profile = {"first_name": "Ida", "last_name": "", "phone": "", "language": "fr", "bio": ""}

    assert client.post(page_of(user), {**profile, "role": "staff", "is_active": ""}).status_code == 302
    assert client.get(page_of(boss)).status_code == 200
    assert client.get(page(User, "add")).status_code == 403
    actions = ("change_role", "disable_user", "enable_user")
    for address in (page_of(boss), page(User, "add"), *(page_of(user, action) for action in actions)):
        assert client.post(address, {**NEW, **profile, "role": "staff"}).status_code == 403

    user.refresh_from_db()
    assert (user.role, user.is_active, user.first_name) == ("patient", True, "Ida")
    boss.refresh_from_db()
    assert boss.first_name == ""


def test_a_disabled_person_is_signed_out_everywhere_and_comes_back(
    signed_in: SignedIn, api: Callable[..., APIClient]
) -> None:
    user = make_user(Role.STAFF)
    phone, browser, by = api(user), signed_in(user), signed_in(make_user(Role.ADMIN))

    by.post(page_of(user, "disable_user"))
    assert phone.get("/api/v1/auth/me/").status_code == 401
    assert browser.get("/admin/").status_code == 302
    login = {"email": user.email, "password": PASSWORD}
    assert phone.post("/api/v1/auth/login/", login, format="json").status_code == 401

    by.post(page_of(user, "enable_user"))
    assert APIClient().post("/api/v1/auth/login/", login, format="json").status_code == 200
    actions = Event.objects.filter(action__in=["user.disabled", "user.enabled"]).order_by("id")
    assert list(actions.values_list("action", flat=True)) == ["user.disabled", "user.enabled"]


@pytest.mark.parametrize("term", ["AICHA.mba@ex", "Mba", "aïc", "+24177123456", "077 12 34 56", "07 12 34 56", "2345"])
def test_a_person_is_found_by_what_staff_know(signed_in: SignedIn, term: str) -> None:
    found = make_user(email="aicha.mba@example.org", first_name="Aïcha", last_name="Mba", phone="+24177123456")
    make_user(phone="+24166000000")

    listed = signed_in(make_user(Role.STAFF)).get(page(User, "changelist"), {"q": term}).context_data["cl"]

    assert [user.pk for user in listed.result_list] == [found.pk]


def test_duties_are_given_on_the_persons_page(signed_in: SignedIn) -> None:
    user, by = make_user(Role.STAFF), make_user(Role.ADMIN)
    client = signed_in(by)

    asked = client.get(page_of(user, "change_duties")).content.decode()
    response = client.post(page_of(user, "change_duties"), {"duties": ["support", "cashier"]})

    assert re.findall(r'<input[^>]*value="(\w+)"[^>]* checked(?![:\w-])', asked) == ["staff"]
    assert said(response) == ["Les fonctions sont changées."]
    assert sorted(group.name for group in user.groups.all()) == ["cashier", "support"]
    assert "Caisse, Assistance aux patients" in client.get(page_of(user)).content.decode()
    event = Event.objects.get(action="user.duties_changed")
    assert (event.actor_kind, event.actor_id) == ("user", str(by.pk))


@pytest.mark.parametrize("given", [["auditor", "cashier"], ["king"]])
def test_duties_that_do_not_go_together_are_not_given(signed_in: SignedIn, given: list[str]) -> None:
    user = make_user(Role.STAFF)

    response = signed_in(make_user(Role.ADMIN)).post(page_of(user, "change_duties"), {"duties": given})

    assert response.status_code == 200
    assert [group.name for group in user.groups.all()] == ["staff"]
