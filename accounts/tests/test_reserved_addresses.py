"""The domain of those who were erased is given to nobody, and what stands there cannot be foreseen."""

import re

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.exceptions import EmailReserved
from accounts.models import User
from accounts.selectors import is_anonymous
from accounts.services.anonymisation import anonymise_user
from accounts.services.profiles import change_email
from accounts.services.registration import add_person, register_openly
from accounts.services.roles import switch_user
from accounts.services.users import create_user
from accounts.tests.factories import PASSWORD, make_user
from backoffice.tests.pages import page
from common.tests.rows import contents
from marketplaces.tests.factories import make_merchant

pytestmark = pytest.mark.django_db

SPELLINGS = ["7@nobody.invalid", " Marie@NOBODY.Invalid "]


@pytest.fixture
def admin():
    return make_user(Role.ADMIN)


@pytest.mark.parametrize("address", SPELLINGS)
def test_nobody_registers_there(address):
    before = contents()

    answer = APIClient().post("/api/v1/auth/register/", {"email": address, "password": PASSWORD}, format="json")

    assert answer.status_code == 400
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [("email", "email_reserved")]
    assert contents() == before


@pytest.mark.parametrize("path, body", [("/auth/register", {}), ("/user/add", {"role": "USER"})])
def test_nobody_signs_up_there_on_the_old_sites(path, body):
    body = {"lastname": "Personne", "email": "7@nobody.invalid", "password": PASSWORD} | body

    answer = APIClient().post(path, body, format="json")

    assert answer.status_code == 400
    assert answer.json() == {"detail": "Cette adresse ne peut appartenir à personne. Donnez-en une autre."}
    assert User.objects.count() == 0


@pytest.mark.parametrize("address", SPELLINGS)
@pytest.mark.parametrize(
    "give",
    [
        lambda address, by: create_user(email=address, password=PASSWORD),
        lambda address, by: User.objects.create_superuser(address, PASSWORD),
        lambda address, by: add_person(email=address, password=None, role=Role.PATIENT, by=by),
        lambda address, by: change_email(by, address, by=by),
    ],
    ids=["create", "superuser", "add", "change"],
)
def test_nobody_is_given_an_address_there(admin, give, address):
    before = contents()

    with pytest.raises(EmailReserved) as refused:
        give(address, admin)

    assert [(error.field, error.code) for error in refused.value.errors] == [("email", "email_reserved")]
    assert contents() == before


def test_old_sign_up_is_refused_like_the_others():
    with pytest.raises(EmailReserved):
        register_openly(email="7@nobody.invalid", password=PASSWORD)
    assert User.objects.count() == 0


def test_form_of_the_back_office_says_so(admin):
    client = Client()
    client.force_login(admin)
    form = {"email": "7@nobody.invalid", "language": "fr", "role": "patient", "usable_password": "false"}

    answer = client.post(page(User, "add"), form)

    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors["email"].as_data()[0].code == "email_reserved"
    assert list(User.objects.all()) == [admin]


def test_nobody_is_invited_there(api):
    owner = make_user()
    merchant = make_merchant(owner=owner)
    client = api(owner)
    before = contents()

    url = f"/api/v1/merchants/{merchant.public_id}/members/"
    answer = client.post(url, {"email": "7@nobody.invalid", "role": "editor"}, format="json")

    assert answer.status_code == 400
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [("email", "email_reserved")]
    assert contents() == before


def _registered_before(address):
    """Somebody at an address that was not refused yet."""
    user = make_user()
    User.objects.filter(pk=user.pk).update(email=address)
    user.refresh_from_db()
    return user


def test_whoever_has_such_an_address_keeps_nobody_from_being_erased(admin):
    victim = make_user()
    squatter = _registered_before(f"{victim.pk}@nobody.invalid")

    anonymise_user(victim, by=admin)

    victim.refresh_from_db()
    assert is_anonymous(victim)
    assert re.fullmatch(rf"{victim.pk}-[0-9a-f]{{32}}@nobody\.invalid", victim.email)
    squatter.refresh_from_db()
    assert squatter.email == f"{victim.pk}@nobody.invalid"


def test_whoever_has_such_an_address_is_somebody_and_can_be_erased(admin):
    squatter = _registered_before("x@nobody.invalid")
    assert not is_anonymous(squatter)
    squatter = switch_user(squatter, is_active=False, by=admin)
    assert not is_anonymous(squatter)

    anonymise_user(squatter, by=admin)

    squatter.refresh_from_db()
    assert is_anonymous(squatter)
    assert squatter.email != "x@nobody.invalid"
