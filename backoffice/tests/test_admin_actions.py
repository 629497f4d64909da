"""What staff decide in the admin: through the services, asked first, refused with a sentence and without a trace."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from accounts.enums import Role
from accounts.models import Account, User
from accounts.tests.factories import balance, make_user
from audit.models import Event
from backoffice.tests.pages import page, page_of, said
from backoffice.tests.world import make_approval, make_payment, make_rate_payment, make_refund, make_review
from payments.enums import RefundStatus, Status
from payments.models import Payment, Refund
from payments.services.starting import create_payment, submit
from reservations.enums import EpgStatus, EpgTask
from reservations.enums import Status as ReservationStatus
from reservations.models import EpgRequest, Reservation
from reservations.tests.factories import (
    make_epg_request,
    make_pharmacist,
    make_pharmacy,
    make_reservation,
    make_stock,
    pay,
)
from simulators.server import SimulatorServer

pytestmark = pytest.mark.django_db

SignedIn = Callable[[User | None], Client]


def someone_with(*names: str) -> User:
    """A member of staff who holds these named permissions and no other."""
    user = make_user(Role.STAFF)
    user.groups.clear()
    codenames = [name.split(".")[1] for name in names]
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def last_event() -> Event:
    return Event.objects.latest("id")


def value_of(obj: Model, field: str) -> object:
    return type(obj)._default_manager.values_list(field, flat=True).get(pk=obj.pk)


def test_a_refund_goes_its_whole_way_and_every_step_names_its_actor(signed_in: SignedIn) -> None:
    staff = make_user(Role.STAFF)
    client, refund = signed_in(staff), make_refund()

    for step, given, status in (
        ("approve", {}, "approved"),
        ("mark_sent", {"external_reference": " GW-77 "}, "sent"),
        ("mark_done", {}, "done"),
    ):
        response = client.post(page_of(refund, step), given)
        assert (response.status_code, response.url) == (302, page_of(refund))
        assert value_of(refund, "status") == status
        event = last_event()
        assert (event.action, event.actor_kind, event.actor_id) == (f"refund.{status}", "user", str(staff.pk))

    refund.refresh_from_db()
    assert (refund.approved_by, refund.external_reference) == (staff, "GW-77")


def test_asking_changes_nothing(signed_in: SignedIn) -> None:
    client, refund = signed_in(make_user(Role.STAFF)), make_refund()
    events = Event.objects.count()

    response = client.get(page_of(refund, "approve"))

    assert response.status_code == 200
    assert "Le remboursement peut ensuite être exécuté" in response.content.decode()
    assert value_of(refund, "status") == "due"
    assert Event.objects.count() == events


def test_a_step_that_comes_too_late_is_told_and_leaves_no_trace(signed_in: SignedIn) -> None:
    client, refund = signed_in(make_user(Role.STAFF)), make_refund(RefundStatus.DONE)
    events = Event.objects.count()

    for step in ("approve", "mark_sent", "mark_done", "mark_failed"):
        response = client.post(page_of(refund, step), {"external_reference": "GW-2"})
        assert (response.status_code, response.url) == (302, page_of(refund))
        assert said(response)[-1] == "Cette action n'est pas possible dans l'état actuel."

    assert value_of(refund, "status") == "done"
    assert Event.objects.count() == events


def test_a_refund_is_not_sent_without_the_gateways_reference(signed_in: SignedIn) -> None:
    client, refund = signed_in(make_user(Role.STAFF)), make_refund(RefundStatus.APPROVED)

    for missing in ({}, {"external_reference": ""}, {"external_reference": "   "}, {"external_reference": "x" * 101}):
        assert client.post(page_of(refund, "mark_sent"), missing).status_code == 200

    assert value_of(refund, "status") == "approved"


def test_only_what_the_state_allows_is_offered(signed_in: SignedIn) -> None:
    client = signed_in(make_user(Role.STAFF))
    due, sent = make_refund(), make_refund(RefundStatus.SENT)

    offered = {
        refund.pk: {
            step
            for step in ("approve", "mark_sent", "mark_done", "mark_failed")
            if page_of(refund, step) in client.get(page_of(refund)).content.decode()
        }
        for refund in (due, sent)
    }

    assert offered == {due.pk: {"approve"}, sent.pk: {"mark_done", "mark_failed"}}


@pytest.mark.parametrize("action", ["approve", "mark_sent", "mark_done", "mark_failed"])
def test_seeing_refunds_is_not_deciding_about_them(signed_in: SignedIn, action: str) -> None:
    client = signed_in(someone_with("payments.view_refund", "payments.change_payment"))
    refund = make_refund(RefundStatus.SENT if action in ("mark_done", "mark_failed") else RefundStatus.APPROVED)
    before = value_of(refund, "status")

    assert client.get(page_of(refund)).status_code == 200
    assert page_of(refund, action) not in client.get(page_of(refund)).content.decode()
    assert client.post(page_of(refund, action), {"external_reference": "GW-3"}).status_code == 403
    assert value_of(refund, "status") == before


def test_a_held_payment_is_accepted_and_grants_its_credits(signed_in: SignedIn) -> None:
    staff, patient = make_user(Role.STAFF), make_user(credits=5)
    payment = make_rate_payment(patient, Status.HELD)

    response = signed_in(staff).post(page_of(payment, "accept_held"))

    assert said(response) == ["Le paiement est accepté."]
    assert value_of(payment, "status") == "succeeded"
    assert balance(patient) == 35
    assert Event.objects.get(action="payment.succeeded").actor_id == str(staff.pk)


def test_money_taken_over_the_counter_is_confirmed_by_staff(signed_in: SignedIn) -> None:
    staff, reservation = make_user(Role.STAFF), make_reservation()
    asked = create_payment(
        reservation.user, purpose="reservation", purpose_id=str(reservation.public_id), provider="counter"
    )
    payment, client = submit(asked.pk), signed_in(staff)
    shown = client.get(page_of(payment)).content.decode()
    assert (page_of(payment, "confirm_counter") in shown, page_of(payment, "ask_provider") in shown) == (True, False)

    response = client.post(page_of(payment, "confirm_counter"))

    assert said(response) == ["L'encaissement est confirmé."]
    assert value_of(payment, "status") == "succeeded"
    assert Event.objects.get(action="payment.succeeded").actor_id == str(staff.pk)


def test_payment_of_a_gateway_is_not_confirmed_by_hand(signed_in: SignedIn) -> None:
    client, payment = signed_in(make_user(Role.STAFF)), make_rate_payment(status=Status.PENDING)

    assert page_of(payment, "confirm_counter") not in client.get(page_of(payment)).content.decode()
    client.post(page_of(payment, "confirm_counter"))

    assert value_of(payment, "status") == "pending"


def test_a_held_payment_is_dismissed_and_grants_nothing(signed_in: SignedIn) -> None:
    patient = make_user(credits=5)
    payment = make_rate_payment(patient, Status.HELD)

    signed_in(make_user(Role.STAFF)).post(page_of(payment, "dismiss_held"))

    assert value_of(payment, "status") == "failed"
    assert value_of(payment, "reason") == "dismissed_by_staff"
    assert balance(patient) == 5


@pytest.mark.parametrize("status", [Status.CREATED, Status.PENDING, Status.UNKNOWN, Status.SUCCEEDED])
def test_a_payment_that_is_not_held_is_neither_accepted_nor_dismissed(signed_in: SignedIn, status: Status) -> None:
    client, payment = signed_in(make_user(Role.STAFF)), make_rate_payment(status=status)

    for action in ("accept_held", "dismiss_held"):
        response = client.post(page_of(payment, action))
        assert said(response)[-1] == "Cette action n'est pas possible dans l'état actuel."

    assert value_of(payment, "status") == status


def test_asking_the_gateway_settles_what_it_says(
    signed_in: SignedIn, simulators: SimulatorServer, settings: Any
) -> None:
    # Nobody listens there: what settles the payment is the question.
    settings.PUBLIC_URL = "http://127.0.0.1:9"
    patient = make_user(credits=0)
    payment = submit(make_rate_payment(patient, Status.CREATED).pk)
    assert payment.status == "pending"
    control = f"{simulators.url}/control/mypayga/payments/{payment.attempts.get().reference}"
    assert requests.post(control, json={"outcome": "paid"}, timeout=10).ok

    response = signed_in(make_user(Role.STAFF)).post(page_of(payment, "ask_provider"))

    assert said(response) == ["Le prestataire a été interrogé."]
    assert value_of(payment, "status") == "succeeded"
    assert balance(patient) == 30


def test_a_refund_is_requested_for_a_payment_that_succeeded(signed_in: SignedIn) -> None:
    staff, payment = make_user(Role.STAFF), make_rate_payment()

    response = signed_in(staff).post(page_of(payment, "request_refund"), {"amount": "2500", "reason": "Doublon"})

    assert response.status_code == 302
    refund = Refund.objects.get()
    assert (refund.payment, refund.amount, refund.status, refund.reason, refund.requested_by) == (
        payment,
        2_500,
        "requested",
        "Doublon",
        staff,
    )


@pytest.mark.parametrize("amount", ["2501", "0", "-1", "1.5", "", "deux", "1" * 20])
def test_a_refund_of_more_than_is_left_is_refused_on_the_form(signed_in: SignedIn, amount: str) -> None:
    payment = make_rate_payment()

    response = signed_in(make_user(Role.STAFF)).post(
        page_of(payment, "request_refund"), {"amount": amount, "reason": "Doublon"}
    )

    assert response.status_code == 200
    assert "text-red-700" in response.content.decode() or "text-red-600" in response.content.decode()
    assert Refund.objects.count() == 0


def test_an_account_is_disabled_and_enabled_again(signed_in: SignedIn) -> None:
    staff, account = make_user(Role.STAFF), make_user().account
    client = signed_in(staff)

    client.post(page_of(account, "disable_account"))
    assert value_of(account, "is_active") is False
    assert (last_event().action, last_event().actor_id) == ("account.disabled", str(staff.pk))
    again = client.post(page_of(account, "disable_account"))
    assert said(again)[-1] == "Cette action n'est pas possible dans l'état actuel."

    client.post(page_of(account, "enable_account"))
    assert value_of(account, "is_active") is True
    assert list(
        Event.objects.filter(entity="account", entity_id=str(account.pk), action__startswith="account.")
        .order_by("id")
        .values_list("action", flat=True)
    ) == ["account.disabled", "account.enabled"]


def test_an_account_is_not_switched_without_the_permission(signed_in: SignedIn) -> None:
    account = make_user().account

    response = signed_in(someone_with("accounts.view_account")).post(page_of(account, "disable_account"))

    assert response.status_code == 403
    assert value_of(account, "is_active") is True


def test_actions_want_a_token_against_forgery(signed_in: SignedIn) -> None:
    staff, refund = make_user(Role.STAFF), make_refund()
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)

    assert client.post(page_of(refund, "approve")).status_code == 403
    assert value_of(refund, "status") == "due"


def test_an_action_on_nothing_goes_home_with_a_message(signed_in: SignedIn) -> None:
    response = signed_in(make_user(Role.ADMIN)).post(page(Refund, "approve", 999_999))

    assert (response.status_code, response.url) == (302, "/admin/")


def test_a_pharmacist_sees_the_reservations_of_their_pharmacies_only(signed_in: SignedIn) -> None:
    mine, theirs = make_pharmacy(), make_pharmacy()
    own, foreign = make_reservation(stock=make_stock(mine)), make_reservation(stock=make_stock(theirs))
    client = signed_in(make_pharmacist(mine))

    listed = client.get(page(Reservation, "changelist")).content.decode()
    assert own.pickup_code in listed
    assert foreign.pickup_code not in listed
    searched = client.get(f"{page(Reservation, 'changelist')}?q={foreign.pickup_code}").content.decode()
    assert page_of(foreign) not in searched
    assert client.get(page_of(own)).status_code == 200
    assert (client.get(page_of(foreign)).status_code, client.get(page_of(foreign)).url) == (302, "/admin/")


@pytest.mark.parametrize("action", ["mark_ready", "reject", "collect", "cancel"])
def test_a_pharmacist_does_nothing_to_another_pharmacys_reservation(signed_in: SignedIn, action: str) -> None:
    foreign = make_reservation(status=ReservationStatus.READY if action == "collect" else ReservationStatus.CONFIRMED)
    before = value_of(foreign, "status")
    client = signed_in(make_pharmacist(make_pharmacy()))

    response = client.post(page_of(foreign, action), {"reason": "x", "pickup_code": foreign.pickup_code})

    assert response.status_code in (302, 403)
    assert value_of(foreign, "status") == before


def test_a_pharmacist_prepares_and_hands_out_a_reservation(signed_in: SignedIn) -> None:
    pharmacy = make_pharmacy()
    stock = make_stock(pharmacy, quantity=10)
    reservation = make_reservation(stock=stock, quantity=2)
    pharmacist = make_pharmacist(pharmacy)
    client = signed_in(pharmacist)

    client.post(page_of(reservation, "mark_ready"))
    assert value_of(reservation, "status") == "ready"
    unpaid = client.post(page_of(reservation, "collect"), {"pickup_code": reservation.pickup_code})
    assert said(unpaid)[-1] == "La réservation doit être payée avant d'être retirée."
    pay(reservation)
    wrong = client.post(page_of(reservation, "collect"), {"pickup_code": "WRONG222"})
    assert wrong.status_code == 200
    assert "numéro de retrait n&#x27;est pas celui" in wrong.content.decode()
    assert (value_of(reservation, "status"), value_of(stock, "quantity")) == ("ready", 10)

    typed = f"{reservation.pickup_code[:4].lower()}-{reservation.pickup_code[4:]}"
    client.post(page_of(reservation, "collect"), {"pickup_code": typed})

    assert (value_of(reservation, "status"), value_of(stock, "quantity")) == ("collected", 8)
    assert Event.objects.get(action="reservation.collected").actor_id == str(pharmacist.pk)


def test_a_pharmacist_rejects_with_a_reason_and_cannot_cancel_for_the_patient(signed_in: SignedIn) -> None:
    pharmacy = make_pharmacy()
    reservation = make_reservation(stock=make_stock(pharmacy))
    client = signed_in(make_pharmacist(pharmacy))

    assert client.post(page_of(reservation, "cancel")).status_code == 403
    assert client.post(page_of(reservation, "reject"), {"reason": ""}).status_code == 200
    assert value_of(reservation, "status") == "confirmed"
    client.post(page_of(reservation, "reject"), {"reason": "Rupture"})

    assert (value_of(reservation, "status"), value_of(reservation, "reason")) == ("rejected", "Rupture")


def test_staff_cancel_for_a_patient_and_the_credits_return(signed_in: SignedIn) -> None:
    patient = make_user(credits=10)
    reservation = make_reservation(user=patient)

    response = signed_in(make_user(Role.STAFF)).post(page_of(reservation, "cancel"))

    assert said(response) == ["La réservation est annulée."]
    assert value_of(reservation, "status") == "cancelled"
    assert balance(patient) == 10


def test_staff_who_only_see_reservations_change_none(signed_in: SignedIn) -> None:
    reservation = make_reservation()
    client = signed_in(someone_with("reservations.view_reservation"))

    for action in ("mark_ready", "reject", "cancel", "collect"):
        assert client.post(page_of(reservation, action), {"reason": "x"}).status_code in (302, 403)

    assert value_of(reservation, "status") == "confirmed"


def test_the_sidebar_and_the_first_page_show_each_what_is_theirs(signed_in: SignedIn) -> None:
    pharmacy = make_pharmacy()
    make_reservation(stock=make_stock(pharmacy))
    make_reservation()
    make_refund()
    seen = {
        role: signed_in(user).get("/admin/").content.decode()
        for role, user in ((Role.PHARMACIST, make_pharmacist(pharmacy)), (Role.STAFF, make_user(Role.STAFF)))
    }

    links = {
        role: {
            name
            for name in ("reservations/reservation", "catalog/stock", "payments/refund", "accounts/user")
            if f'href="/admin/{name}/"' in content
        }
        for role, content in seen.items()
    }
    assert links == {
        Role.PHARMACIST: {"reservations/reservation", "catalog/stock"},
        Role.STAFF: {"reservations/reservation", "catalog/stock", "payments/refund", "accounts/user"},
    }
    assert "Paiements à vérifier" not in seen[Role.PHARMACIST]
    assert "Paiements à vérifier" in seen[Role.STAFF]


def test_a_pharmacist_without_a_pharmacy_is_told_what_is_missing(signed_in: SignedIn) -> None:
    content = signed_in(make_user(Role.PHARMACIST)).get("/admin/").content.decode()

    assert "de vous donner un rôle ou une pharmacie" in content


def test_each_queue_leads_to_as_many_rows_as_it_counts(signed_in: SignedIn) -> None:
    make_rate_payment(status=Status.HELD)
    make_rate_payment(status=Status.UNKNOWN)
    for status in (RefundStatus.DUE, RefundStatus.REQUESTED, RefundStatus.APPROVED, RefundStatus.DONE):
        make_refund(status)
    make_reservation()
    make_reservation(status=ReservationStatus.READY)
    make_reservation(status=ReservationStatus.COLLECTED)
    make_approval()
    make_epg_request()
    make_epg_request(status=EpgStatus.CONFIRMED, task=EpgTask.NONE)
    make_review()
    client = signed_in(make_user(Role.STAFF))

    queues = client.get("/admin/").context_data["queues"]

    # Nobody to verify, no item, job or mail that failed, no gap in the duty roster.
    assert [waiting.count for waiting in queues] == [3, 1, 1, 1, 1, 1, 1, 2, 1, 0, 0, 0, 0, 0]
    for waiting in queues[:9]:
        assert len(client.get(waiting.url).context_data["rows"]) == waiting.count
        assert client.get(waiting.queue.list_url).context_data["cl"].result_count == waiting.count
        assert waiting.since is not None


def test_whoever_asked_the_pharmacy_says_what_it_said(signed_in: SignedIn) -> None:
    found, lost = make_epg_request(), make_epg_request()
    client = signed_in(make_pharmacist(found.pharmacy))

    assert client.post(page_of(found, "found_upstream"), {"number": " "}).status_code == 200
    huge = {"number": "R7", "ttc": "9" * 30}
    assert client.post(page_of(found, "found_upstream"), huge).status_code == 200
    assert value_of(found, "status") == "unknown"
    assert client.post(page_of(found, "found_upstream"), {"number": "R7", "ttc": "3100"}).url == page_of(found)
    assert (value_of(found, "status"), value_of(found, "number"), value_of(found, "task")) == (
        "confirmed",
        "R7",
        "price",
    )
    assert client.post(page_of(found, "close_task")).status_code == 302
    assert value_of(found, "task") == ""
    assert last_event().action == "epg_request.task_closed"
    # Another pharmacy's.
    assert client.post(page_of(lost, "not_found_upstream"), {"reason": "x"}).url != page_of(lost)
    assert value_of(lost, "status") == "unknown"

    signed_in(make_user(Role.STAFF)).post(page_of(lost, "not_found_upstream"), {"reason": "Inconnue là-bas."})
    assert (value_of(lost, "status"), value_of(lost.reservation, "status")) == ("refused", "rejected")
    assert value_of(lost.reservation, "reason") == "Inconnue là-bas."


def test_what_to_do_at_the_pharmacies_is_found_with_its_age(signed_in: SignedIn) -> None:
    waiting = make_epg_request()
    EpgRequest.objects.update(task_since=timezone.now() - timedelta(hours=3))
    make_epg_request(status=EpgStatus.CONFIRMED, task=EpgTask.NONE)
    client = signed_in(make_user(Role.STAFF))

    response = client.get(page(EpgRequest, "changelist"), {"task__exact": "resolve"})

    assert [row.pk for row in response.context_data["cl"].result_list] == [waiting.pk]
    assert "3\N{NO-BREAK SPACE}heures" in response.content.decode()
    assert "timed out" in response.content.decode()
    for term in (waiting.reservation.pickup_code, waiting.reservation.public_id):
        found = client.get(page(EpgRequest, "changelist"), {"q": str(term)}).context_data["cl"].result_list
        assert [row.pk for row in found] == [waiting.pk]


@pytest.mark.parametrize("term", ["{code}", "{lower}", "{id}", "{hex}", "{email}", "{phone}", "{spaced}", "{half}"])
def test_a_reservation_is_found_by_what_a_patient_says(signed_in: SignedIn, term: str) -> None:
    patient = make_user(email="aicha.mba@example.org", phone="+24177123456", first_name="Aïcha", last_name="Mba")
    found, _other = make_reservation(user=patient), make_reservation()
    words = {
        "code": found.pickup_code,
        "lower": f"{found.pickup_code[:4].lower()}-{found.pickup_code[4:].lower()}",
        "id": found.public_id,
        "hex": found.public_id.hex,
        "email": "Aicha.mba@",
        "phone": "+241 77 12 34 56",
        "spaced": "077-12-34-56",
        "half": "123456",
    }

    listed = (
        signed_in(make_user(Role.STAFF))
        .get(page(Reservation, "changelist"), {"q": term.format(**words)})
        .context_data["cl"]
    )

    assert [row.pk for row in listed.result_list] == [found.pk]


@pytest.mark.parametrize("term", ["{public_id}", "{reference}", "{provider_id}", "{purpose_id}", "074 98 76 54"])
def test_a_payment_is_found_by_number_reference_and_phone(signed_in: SignedIn, term: str) -> None:
    reservation = make_reservation()
    found = make_payment(
        reservation.user, purpose="reservation", purpose_id=reservation.public_id, status=Status.PENDING
    )
    Payment.objects.filter(pk=found.pk).update(phone="+24174987654")
    make_rate_payment()
    attempt = found.attempts.get()
    words = {
        "public_id": found.public_id,
        "reference": attempt.reference,
        "provider_id": attempt.provider_id,
        "purpose_id": found.purpose_id,
    }

    listed = (
        signed_in(make_user(Role.STAFF))
        .get(page(Payment, "changelist"), {"q": term.format(**words)})
        .context_data["cl"]
    )

    assert [row.pk for row in listed.result_list] == [found.pk]


def test_events_are_found_by_what_they_are_about_and_name_their_actor(signed_in: SignedIn) -> None:
    staff = make_user(Role.STAFF)
    refund = make_refund()
    client = signed_in(staff)
    client.post(page_of(refund, "approve"))

    about = client.get(page(Event, "changelist"), {"q": str(refund.public_id)})
    by_actor = client.get(page(Event, "changelist"), {"q": staff.email})

    for response in (about, by_actor):
        assert [event.action for event in response.context_data["cl"].result_list] == ["refund.approved"]
        assert f"utilisateur {staff.email}" in response.content.decode()


def test_accounts_are_shown_with_their_statement(signed_in: SignedIn) -> None:
    account = Account.objects.get(user=make_user(credits=42))

    content = signed_in(make_user(Role.STAFF)).get(page_of(account)).content.decode()

    assert "Crédits de bienvenue" in content
    assert "+32" in content
