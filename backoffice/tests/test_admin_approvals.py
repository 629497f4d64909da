"""Two pairs of eyes in the admin: asked for on one page, decided on another, never by the same person."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.enums import Role
from accounts.models import Account, Approval, User
from accounts.tests.factories import balance, make_user
from audit.models import Event
from backoffice.tests.pages import page, page_of, said
from backoffice.tests.world import make_approval

pytestmark = pytest.mark.django_db

SignedIn = Callable[[User | None], Client]
WAITS = "La demande attend la décision d'une seconde personne."


@pytest.mark.parametrize("action", ["grant_credits", "adjust_credits"])
def test_small_move_is_done_and_a_large_one_waits(signed_in: SignedIn, action: str) -> None:
    staff, patient = make_user(Role.STAFF), make_user(credits=10)
    client = signed_in(staff)

    client.post(page_of(patient.account, action), {"credits": 20, "reason": "geste"})
    assert balance(patient) == 30
    answer = client.post(page_of(patient.account, action), {"credits": 501, "reason": "geste"})

    assert said(answer)[-1] == WAITS
    assert balance(patient) == 30
    assert Approval.objects.get().requested_by == staff


@pytest.mark.parametrize("given", [{}, {"credits": 0, "reason": "r"}, {"credits": 5}, {"credits": 5, "reason": " "}])
def test_move_without_credits_or_reason_is_asked_again(signed_in: SignedIn, given: dict[str, object]) -> None:
    patient = make_user(credits=10)
    client = signed_in(make_user(Role.STAFF))

    for action in ("grant_credits", "adjust_credits"):
        assert client.post(page_of(patient.account, action), given).status_code == 200

    assert balance(patient) == 10


def test_another_person_approves(signed_in: SignedIn) -> None:
    patient, other = make_user(credits=10), make_user(Role.STAFF)
    approval = make_approval(patient)

    listed = signed_in(other).get(page(Approval, "changelist")).content.decode()
    answer = signed_in(other).post(page_of(approval, "approve"))

    assert patient.email in listed
    assert said(answer) == ["La demande est approuvée et exécutée."]
    assert balance(patient) == 100_010
    assert Event.objects.get(action="credits.grant", amount=100_000).actor_id == str(other.pk)


def test_another_person_refuses_with_a_note(signed_in: SignedIn) -> None:
    patient = make_user(credits=10)
    approval = make_approval(patient)

    signed_in(make_user(Role.STAFF)).post(page_of(approval, "refuse"), {"note": "doublon"})

    approval.refresh_from_db()
    assert (approval.status, approval.note, balance(patient)) == ("refused", "doublon", 10)


@pytest.mark.parametrize("role", [Role.STAFF, Role.ADMIN])
def test_who_asked_is_told_that_somebody_else_decides(signed_in: SignedIn, role: Role) -> None:
    asker = make_user(role)
    approval = make_approval(by=asker)
    events = Event.objects.count()

    for action in ("approve", "refuse"):
        answer = signed_in(asker).post(page_of(approval, action))
        assert said(answer) == ["Une autre personne doit en décider : c'est votre demande, ou c'est à votre profit."]

    approval.refresh_from_db()
    assert (approval.status, Event.objects.count()) == ("requested", events)


def test_who_asked_withdraws_and_nobody_else_is_offered_it(signed_in: SignedIn) -> None:
    asker, patient = make_user(Role.STAFF), make_user(credits=10)
    approval = make_approval(patient, by=asker)
    button = "Retirer ma demande"

    other = signed_in(make_user(Role.STAFF))
    assert button not in other.get(page_of(approval)).content.decode()
    assert other.post(page_of(approval, "withdraw")).status_code == 403
    approval.refresh_from_db()
    assert approval.status == "requested"
    client = signed_in(asker)
    assert button in client.get(page_of(approval)).content.decode()
    answer = client.post(page_of(approval, "withdraw"))

    assert said(answer) == ["Votre demande est retirée."]
    approval.refresh_from_db()
    assert (approval.status, balance(patient)) == ("withdrawn", 10)
    assert Event.objects.get(action="approval.withdrawn").actor_id == str(asker.pk)


def test_seeing_is_neither_asking_nor_deciding(signed_in: SignedIn) -> None:
    auditor = make_user(Role.STAFF)
    auditor.groups.clear()
    auditor.user_permissions.set(Permission.objects.filter(codename__in=["view_approval", "view_account"]))
    patient = make_user(credits=10)
    approval = make_approval(patient)
    client = signed_in(auditor)

    assert client.get(page_of(approval)).status_code == 200
    for action in ("approve", "refuse", "withdraw"):
        assert client.post(page_of(approval, action)).status_code == 403
    for action in ("grant_credits", "adjust_credits"):
        assert client.post(page_of(patient.account, action), {"credits": 5, "reason": "r"}).status_code == 403
    assert Account.objects.get(user=patient).credit == 10
    approval.refresh_from_db()
    assert approval.status == "requested"
