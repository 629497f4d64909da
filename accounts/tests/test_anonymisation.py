"""Erasing a person: nothing names them any more, money and events stay and still prove themselves."""

import pytest
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from accounts.enums import ReviewReason, Role
from accounts.exceptions import AdministratorsOnly, LastAdministrator, PersonErased
from accounts.models import Account, AccountReview, Approval, CreditEntry, OneTimeSecret, TokenFamily, User
from accounts.selectors import is_anonymous
from accounts.services import approvals, roles
from accounts.services.anonymisation import anonymise_user
from accounts.services.corrections import grant_credits
from accounts.services.profiles import update_profile
from accounts.services.roles import change_role, switch_user
from accounts.services.verification import verify_ledger
from accounts.tests.factories import PASSWORD, make_user
from audit.models import Event, EventPersonal
from audit.tests.proof import proves
from backoffice.tests.pages import page_of
from catalog.models import PharmacyMember
from common.models import Mail
from common.tests.rows import contents
from payments.enums import RefundStatus, Status
from payments.models import Payment
from payments.tests.factories import make_payment, make_rate, make_refund
from reservations.services.handling import cancel
from reservations.tests.factories import make_pharmacist, make_pharmacy, make_reservation
from tests.threads import run_together

pytestmark = pytest.mark.django_db

MARIE = "marie@example.org"
PERSONAL = [MARIE, "Marie", "Obame", "74987654", "Mère de deux enfants"]


@pytest.fixture
def marie():
    return make_user(
        email=MARIE, first_name="Marie", last_name="Obame", phone="+24174987654", bio="Mère de deux enfants", credits=50
    )


@pytest.fixture
def admin():
    return make_user(Role.ADMIN)


def _delete(api, by, user):
    return api(by).delete(f"/api/v1/users/{user.pk}/")


def test_nothing_names_the_person_any_more_and_money_stays(api, admin, marie):
    reservation = make_reservation(user=marie)
    cancel(reservation, by=marie)
    payment = make_payment(Status.SUCCEEDED, user=marie, rate=make_rate(), phone="+24174987654")
    APIClient().post("/api/v1/auth/login/", {"email": MARIE, "password": PASSWORD}, format="json")
    APIClient().post("/api/v1/auth/login/", {"email": MARIE, "password": "wrong"}, format="json")
    APIClient().post("/api/v1/auth/register/", {"email": MARIE, "password": PASSWORD}, format="json")
    api(marie).patch("/api/v1/auth/me/", {"bio": "Mère de deux enfants, bientôt trois"}, format="json")
    events, findings = Event.objects.count(), verify_ledger().findings
    entries = list(CreditEntry.objects.values_list("pk", "amount", "balance_after"))

    assert _delete(api, admin, marie).status_code == 204

    user = User.objects.get(pk=marie.pk)
    assert (user.email.endswith("@nobody.invalid"), user.full_name, user.phone, user.bio) == (True, "", "", "")
    assert (user.is_active, user.is_verified, user.has_usable_password(), is_anonymous(user)) == (False,) * 3 + (True,)
    told = str(contents())
    assert [word for word in PERSONAL if word in told] == []
    assert list(CreditEntry.objects.values_list("pk", "amount", "balance_after")) == entries
    assert verify_ledger().findings == findings
    assert (Account.objects.get(user=user).credit, Account.objects.get(user=user).is_active) == (50, False)
    assert Payment.objects.get(pk=payment.pk).phone == "+241•••••654"
    assert (TokenFamily.objects.filter(user=user).count(), OneTimeSecret.objects.count(), Mail.objects.count()) == (
        0,
        0,
        0,
    )
    assert Event.objects.count() > events
    assert all(proves(event) for event in Event.objects.all())
    event = Event.objects.get(action="user.anonymised")
    assert (event.entity_id, event.actor_id) == (str(user.pk), str(admin.pk))
    theirs = Event.objects.filter(actor_id=str(user.pk)).values("commitment")
    assert EventPersonal.objects.filter(event__in=theirs).count() == 0


def test_sessions_end_and_the_address_is_free_again(api, admin, marie):
    client = api(marie)
    _delete(api, admin, marie)

    assert client.get("/api/v1/auth/me/").status_code == 401
    sign_in = APIClient().post("/api/v1/auth/login/", {"email": MARIE, "password": PASSWORD}, format="json")
    assert sign_in.json()["code"] == "invalid_credentials"
    again = APIClient().post("/api/v1/auth/register/", {"email": MARIE, "password": PASSWORD}, format="json")
    assert again.status_code == 201
    assert User.objects.filter(email=MARIE).exclude(pk=marie.pk).count() == 1


def test_second_time_changes_nothing(api, admin, marie):
    _delete(api, admin, marie)
    client = api(admin)
    before = contents()

    assert client.delete(f"/api/v1/users/{marie.pk}/").status_code == 204
    assert contents() == before


@pytest.mark.parametrize(
    "what, holder, needed_for",
    [
        (lambda user: make_reservation(user=user), "reservations", "annulez la réservation, ou attendez son retrait"),
        (lambda user: make_payment(Status.PENDING, user=user), "payments", "réglez-le d'abord"),
        (lambda user: make_payment(Status.HELD, user=user), "payments", "réglez-le d'abord"),
        (
            lambda user: make_refund(RefundStatus.DUE, make_payment(Status.SUCCEEDED, user=user)),
            "payments",
            "réglez-le d'abord",
        ),
        (lambda user: _ask_for_credits(user, reason="Geste"), "approvals", "faites-la décider, ou retirer"),
    ],
    ids=["reservation", "payment", "held payment", "refund", "approval"],
)
def test_who_is_still_needed_is_not_erased(api, admin, marie, what, holder, needed_for):
    what(marie)
    client = api(admin)
    before = contents()

    response = client.delete(f"/api/v1/users/{marie.pk}/")
    assert (response.status_code, response.json()["code"]) == (409, "still_needed")
    (error,) = response.json()["errors"]
    assert (error["field"], error["detail"].partition(" : ")[2]) == (holder, f"{needed_for}.")
    assert contents() == before


def _ask_for_credits(user, *, reason):
    return grant_credits(user.account, credits=10_000, reason=reason, by=make_user(Role.STAFF))


def test_what_was_typed_about_a_request_goes_with_who_gains(admin, marie):
    waits = _ask_for_credits(marie, reason="Marie Obame, 074 98 76 54")
    other = _ask_for_credits(make_user(), reason="Geste")
    for each in (waits, other):
        approvals.refuse(each, by=admin, note="Marie Obame: non" if each == waits else "Trop")

    anonymise_user(marie, by=admin)

    kept = Approval.objects.order_by("pk").values_list("reason", "note", "status", "amount")
    assert list(kept) == [("…", "", "refused", 10_000), ("Geste", "Trop", "refused", 10_000)]
    assert [word for word in PERSONAL if word in str(contents())] == []
    assert all(proves(event) for event in Event.objects.all())


def test_conclusion_about_an_account_goes_with_its_owner(admin, marie):
    AccountReview.objects.create(
        account=marie.account, reason=ReviewReason.choices[0][0], found=1, explained=0, note="Marie s'est trompée"
    )

    anonymise_user(marie, by=admin)

    assert AccountReview.objects.get().note == ""


def test_nobody_erases_themselves(api, admin):
    client = api(admin)
    before = contents()

    response = client.delete(f"/api/v1/users/{admin.pk}/")
    assert (response.status_code, response.json()["code"]) == (403, "own_access")
    assert contents() == before


@pytest.mark.parametrize("role", [Role.DOCTOR, Role.PHARMACIST, Role.PATIENT])
def test_only_the_team_erases(api, marie, role):
    client = api(make_user(role))
    before = contents()

    assert client.delete(f"/api/v1/users/{marie.pk}/").status_code == 403
    assert contents() == before


def test_pharmacist_leaves_their_pharmacies(api, admin):
    pharmacist = make_pharmacist(make_pharmacy())

    assert _delete(api, admin, pharmacist).status_code == 204
    assert PharmacyMember.objects.count() == 0
    user = User.objects.get(pk=pharmacist.pk)
    assert (user.role, user.is_staff, user.groups.count()) == ("patient", False, 0)


def test_erasure_succeeds_or_fails_as_a_whole(api, admin, marie, monkeypatch):
    client = api(admin)
    before = contents()

    def fail(*args, **kwargs):
        raise RuntimeError

    monkeypatch.setattr("audit.receivers.accounts.record", fail)
    assert client.delete(f"/api/v1/users/{marie.pk}/").status_code == 500
    assert contents() == before


def test_last_administrator_stays(admin, marie):
    clerk = make_user(Role.STAFF)
    clerk.is_superuser = True

    for remove in (
        lambda: anonymise_user(admin, by=clerk),
        lambda: change_role(admin, Role.PATIENT, by=clerk),
        lambda: switch_user(admin, is_active=False, by=clerk),
    ):
        with pytest.raises(LastAdministrator):
            remove()
    assert User.objects.get(pk=admin.pk).role == "admin"


def _remove_each_other():
    """Two administrators take each other's role at the same moment; how many are left."""
    pair = [make_user(Role.ADMIN), make_user(Role.ADMIN)]
    run_together(2, lambda number: change_role(pair[number], Role.PATIENT, by=pair[1 - number]))
    return User.objects.filter(role=Role.ADMIN, is_active=True).count()


@pytest.mark.django_db(transaction=True)
def test_two_administrators_cannot_remove_each_other_at_once():
    assert _remove_each_other() == 1


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: nothing races")
@pytest.mark.django_db(transaction=True)
def test_without_the_lock_they_can(monkeypatch):
    monkeypatch.setattr(roles, "require_other_administrator", lambda user: None)
    assert _remove_each_other() == 0


@pytest.mark.parametrize("body", [{"first_name": "Marie"}, {"role": "admin"}, {"is_active": True}])
def test_nobody_is_brought_back(api, admin, marie, body):
    """An erased row that has a name, or administers, would be somebody again; the last administrator counts them."""
    client = api(admin)
    anonymise_user(marie, by=admin)
    before = contents()

    refused = client.patch(f"/api/v1/users/{marie.pk}/", body, format="json")

    assert (refused.status_code, refused.json()["code"]) == (409, "person_erased")
    assert contents() == before


def test_change_under_way_writes_no_name_back(admin, marie):
    under_way = User.objects.get(pk=marie.pk)
    anonymise_user(marie, by=admin)

    with pytest.raises(PersonErased):
        update_profile(under_way, by=under_way, first_name="Marie-Claire")

    assert User.objects.get(pk=marie.pk).full_name == ""


@pytest.mark.parametrize("role", [Role.STAFF, Role.ADMIN])
def test_only_administrators_erase_the_team(admin, role):
    colleague, other = make_user(Role.STAFF), make_user(role)

    with pytest.raises(AdministratorsOnly):
        anonymise_user(other, by=colleague)

    assert not is_anonymous(User.objects.get(pk=other.pk))


def test_administrator_erases_in_the_back_office(admin, marie):
    client = Client()
    client.force_login(admin)
    address = page_of(marie, "anonymise_user")

    assert "effacés pour toujours" in client.get(address).content.decode()
    assert is_anonymous(User.objects.get(pk=marie.pk)) is False
    client.post(address, {"confirmed": "1"})
    assert is_anonymous(User.objects.get(pk=marie.pk)) is True
