"""Members are invited by mail: whoever asks is told the same of every address."""

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import mail

from accounts.enums import Role
from accounts.services.anonymisation import anonymise_user
from accounts.tests.factories import make_user
from audit.models import Event
from common.mail import delivery
from common.models import Mail
from marketplaces.enums import MemberRole
from marketplaces.models import Membership
from marketplaces.services import invitations
from marketplaces.services.members import change_role, remove_member
from marketplaces.services.merchants import update_merchant
from marketplaces.tenancy import merchant_scope
from marketplaces.tests.factories import make_member, make_merchant

pytestmark = pytest.mark.django_db

JOIN = "/api/v1/merchants/join/"


class World:
    def __init__(self, api):
        self.api = api
        self.owner = make_user()
        self.merchant = make_merchant(owner=self.owner)
        self.colleague = make_member(self.merchant, MemberRole.EDITOR)
        self.guest = make_user()
        self.url = f"/api/v1/merchants/{self.merchant.public_id}/members/"

    def invite(self, email, role="editor", by=None):
        return self.api(by or self.owner).post(self.url, {"email": email, "role": role}, format="json")

    def accept(self, token, by=None):
        return self.api(by or self.guest).post(JOIN, {"token": token}, format="json")

    def roles(self):
        with merchant_scope(self.merchant.pk):
            return dict(Membership.objects.values_list("user_id", "role"))

    def remove(self, user):
        with merchant_scope(self.merchant.pk):
            remove_member(Membership.objects.get(user=user), by=self.owner)


@pytest.fixture
def world(api):
    return World(api)


@pytest.fixture
def token(world):
    """Of an invitation for the guest, as they find it in their mail."""

    def invited(role="editor", by=None):
        mail.outbox.clear()
        assert world.invite(world.guest.email, role, by=by).status_code == 202
        delivery.deliver_due()
        (message,) = mail.outbox
        assert message.to == [world.guest.email]
        return parse_qs(urlsplit(re.search(r"https?://\S+", message.body)[0]).query)["token"][0]

    return invited


def test_invited_person_becomes_a_member_by_accepting(world, token):
    link = token("editor")
    assert world.guest.pk not in world.roles()

    answer = world.accept(link)

    assert (answer.status_code, answer.json()["role"]) == (200, "editor")
    assert answer.json()["id"] == str(world.merchant.public_id)
    assert world.roles()[world.guest.pk] == "editor"
    told = Event.objects.filter(action__startswith="merchant.member").order_by("pk")
    assert [(event.action, event.actor_id) for event in told] == [
        ("merchant.member_invited", str(world.owner.pk)),
        ("merchant.member_changed", str(world.guest.pk)),
    ]
    assert "guest" not in str(told[0].changes)
    again = world.accept(link)
    assert (again.status_code, again.json()["code"]) == (409, "already_member")


@pytest.mark.parametrize("who", ["somebody", "unverified", "switched off", "nobody"])
def test_answer_is_the_same_for_every_address(world, who):
    kinds = {"somebody": {}, "unverified": {"is_verified": False}, "switched off": {"is_active": False}}
    address = make_user(**kinds[who]).email if who in kinds else "nobody@example.org"

    answer = world.invite(address, "viewer")

    body = answer.json()
    assert (answer.status_code, set(body)) == (202, {"email", "role", "expires_at"})
    assert (body["email"], body["role"]) == (address, "viewer")
    assert list(Mail.objects.values_list("to", "template", "language")) == [(address, "merchant_invitation", "fr")]
    assert set(world.roles()) == {world.owner.pk, world.colleague.pk}


def test_members_are_no_secret_of_their_owners(world):
    answer = world.invite(world.colleague.email.upper())
    assert (answer.status_code, answer.json()["code"]) == (409, "already_member")
    assert not Mail.objects.exists()


def test_only_owners_invite(world):
    assert world.invite("nobody@example.org", by=world.colleague).status_code == 403
    assert world.invite("nobody@example.org", by=world.guest).status_code == 404
    assert not Mail.objects.exists()


def test_invitation_is_for_the_address_it_was_mailed_to(world, token):
    answer = world.accept(token(), by=make_user())
    assert (answer.status_code, answer.json()["code"]) == (403, "invitation_for_another")
    assert len(world.roles()) == 2


def _demoted(world):
    second = make_member(world.merchant, MemberRole.OWNER)
    with merchant_scope(world.merchant.pk):
        change_role(Membership.objects.get(user=world.owner), MemberRole.VIEWER, by=second)


def _somebody_left(world):
    world.remove(world.colleague)


@pytest.mark.parametrize("then", [_demoted, _somebody_left])
def test_invitation_ends(world, token, then):
    link = token()
    then(world)

    answer = world.accept(link)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_invitation")
    assert world.guest.pk not in world.roles()


def test_who_left_does_not_come_back_by_the_old_link_but_by_a_new_one(world, token):
    old = token("owner")
    world.accept(old)
    world.remove(world.guest)

    assert world.accept(old).json()["code"] == "invalid_invitation"
    assert world.accept(token("viewer")).status_code == 200
    assert world.roles()[world.guest.pk] == "viewer"


def test_invitation_of_a_merchant_who_is_switched_off(world, token):
    link = token()
    with merchant_scope(world.merchant.pk):
        update_merchant(world.merchant, is_active=False, by=world.owner)
    answer = world.accept(link)
    assert (answer.status_code, answer.json()["code"]) == (403, "merchant_inactive")


@pytest.mark.parametrize("made_up", ["", "x", "a:b:c"])
def test_token_that_is_none(world, made_up):
    assert world.accept(made_up).status_code == 400


def test_old_or_changed_token_is_over(world, token, monkeypatch):
    link = token()
    assert world.accept(link[:-1] + ("A" if link[-1] != "A" else "B")).json()["code"] == "invalid_invitation"
    monkeypatch.setattr(invitations, "LASTS", timedelta(seconds=-1))
    assert world.accept(link).json()["code"] == "invalid_invitation"
    assert world.guest.pk not in world.roles()


def test_nobody_is_pestered(world):
    assert [world.invite("guest@example.org").status_code for _mail in range(6)] == [202] * 5 + [429]
    assert Mail.objects.count() == 5
    answers = [world.invite(f"guest{number}@example.org").status_code for number in range(16)]
    assert answers == [202] * 15 + [429]


def test_erased_member_does_not_come_back_by_the_link_they_accepted(world, token):
    old = token()
    assert world.accept(old).status_code == 200
    address = world.guest.email
    anonymise_user(world.guest, by=make_user(Role.ADMIN))

    answer = world.accept(old, by=make_user(email=address))

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_invitation")
    assert world.roles() == {world.owner.pk: "owner", world.colleague.pk: "editor"}
