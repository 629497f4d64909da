"""Money to give back: who may say so, how much, and step by step until the customer has it."""

import uuid

import pytest

from accounts.enums import Role
from accounts.tests.factories import make_user
from audit.models import Event
from common.errors import Invalid
from common.states import IllegalMove
from payments.enums import RefundStatus, Status
from payments.exceptions import RefundTooLarge
from payments.models import Payment, Refund
from payments.services import refunds
from payments.tests.factories import PRICE, books, events, make_payment, make_refund, snapshot

pytestmark = pytest.mark.django_db

PATH = "/api/v1/refunds/"


@pytest.fixture
def payment():
    return make_payment(Status.SUCCEEDED)


def amounts():
    return list(Refund.objects.order_by("id").values_list("status", "amount"))


def request(payment, amount, by, reason="geste commercial"):
    return refunds.request_refund(payment, amount=amount, reason=reason, by=by)


def test_due_refund_is_what_is_left_and_is_created_once(payment):
    first = refunds.create_due_refund(payment, reason="nothing_to_grant")
    second = refunds.create_due_refund(payment, reason="nothing_to_grant")

    assert (first.amount, first.currency, first.status, first.requested_by) == (PRICE, "XAF", "due", None)
    assert second is None
    assert amounts() == [("due", PRICE)]
    assert events("refund.") == ["refund.due"]


def test_request_gives_back_a_part_and_never_more_than_is_left(payment, staff):
    assert request(payment, 2_000, staff).requested_by == staff
    request(payment, 2_999, staff)
    before = snapshot(Refund)

    for amount in (2, PRICE, 10**12):
        with pytest.raises(RefundTooLarge):
            request(payment, amount, staff)
    assert snapshot(Refund) == before

    request(payment, 1, staff)
    assert amounts() == [("requested", 2_000), ("requested", 2_999), ("requested", 1)]
    assert events("refund.") == ["refund.requested"] * 3


@pytest.mark.parametrize("amount", [0, -1, -PRICE])
def test_request_of_nothing_is_refused(amount, payment, staff):
    with pytest.raises(RefundTooLarge):
        request(payment, amount, staff)
    assert amounts() == []


@pytest.mark.parametrize("reason", ["", "   "])
def test_request_needs_a_reason(reason, payment, staff):
    with pytest.raises(Invalid):
        request(payment, 1, staff, reason=reason)
    assert amounts() == []


@pytest.mark.parametrize("status", [status for status in Status if status != Status.SUCCEEDED])
def test_only_money_that_came_is_given_back(status, staff):
    payment = make_payment(status)

    with pytest.raises(IllegalMove):
        request(payment, 1, staff)

    assert amounts() == []
    assert events("refund.") == []


def test_failed_refund_can_be_requested_again(payment, staff):
    refund = refunds.approve(request(payment, PRICE, staff), by=staff)
    refunds.mark_sent(refund, external_reference="MP-42", by=staff)
    with pytest.raises(RefundTooLarge):
        request(payment, 1, staff)

    refunds.mark_failed(refund, by=staff)

    request(payment, PRICE, staff)
    assert amounts() == [("failed", PRICE), ("requested", PRICE)]


def test_money_that_is_owed_is_due_again_when_its_transfer_comes_back(payment, staff):
    due = refunds.create_due_refund(payment, reason="paid_twice", at_most=2_000)
    refunds.approve(due, by=staff)
    refunds.mark_sent(due, external_reference="MP-42", by=staff)

    refunds.mark_failed(due, by=staff)

    assert amounts() == [("failed", 2_000), ("due", 2_000)]
    assert events("refund.")[-2:] == ["refund.failed", "refund.due"]
    again = Refund.objects.get(status="due")
    assert (again.reason, again.requested_by, again.external_reference) == ("paid_twice", None, "")


@pytest.mark.parametrize("status", [status for status in RefundStatus if status != RefundStatus.FAILED])
def test_refund_on_its_way_counts_against_what_is_left(status, payment, staff):
    make_refund(status, payment, amount=PRICE - 10)

    with pytest.raises(RefundTooLarge):
        request(payment, 11, staff)
    request(payment, 10, staff)


def test_whole_way_of_a_refund(payment, staff):
    refund = request(payment, 2_000, staff)
    other = make_user(Role.STAFF)

    refunds.approve(refund, by=other)
    refunds.mark_sent(refund, external_reference="  MP-42 ", by=staff)
    refunds.mark_done(refund, by=staff)

    refund.refresh_from_db()
    assert (refund.status, refund.requested_by, refund.approved_by) == ("done", staff, other)
    assert refund.external_reference == "MP-42"
    assert events("refund.") == ["refund.requested", "refund.approved", "refund.sent", "refund.done"]
    payment.refresh_from_db()
    assert payment.status == Status.SUCCEEDED, "success never reverts"


@pytest.mark.parametrize("reference", ["", "  "])
def test_sent_needs_the_gateways_reference(reference, staff):
    refund = make_refund(RefundStatus.APPROVED)

    with pytest.raises(Invalid):
        refunds.mark_sent(refund, external_reference=reference, by=staff)

    refund.refresh_from_db()
    assert (refund.status, refund.external_reference) == ("approved", "")


def post(api, user, path, body=None):
    return api(user).post(path, body, format="json", headers={"Idempotency-Key": uuid.uuid4().hex})


def test_staff_walk_a_refund_over_the_api(payment, staff, api):
    made = post(api, staff, PATH, {"payment": str(payment.public_id), "amount": 1_500, "reason": "geste"})
    assert made.status_code == 201
    refund = Refund.objects.get()
    assert made.json() == {
        "id": str(refund.public_id),
        "payment": str(payment.public_id),
        "amount": 1_500,
        "currency": "XAF",
        "status": "requested",
        "reason": "geste",
        "external_reference": "",
        "created_at": made.json()["created_at"],
        "updated_at": made.json()["updated_at"],
    }
    path = f"{PATH}{refund.public_id}/"
    for action, body, status in [
        ("approve", None, "approved"),
        ("sent", {"external_reference": "MP-42"}, "sent"),
        ("done", None, "done"),
    ]:
        answer = post(api, staff, f"{path}{action}/", body)
        assert (answer.status_code, answer.json()["status"]) == (200, status)
    assert api(staff).get(path).json()["external_reference"] == "MP-42"
    assert [row["id"] for row in api(staff).get(PATH).json()["results"]] == [str(refund.public_id)]
    event = Event.objects.filter(action="refund.done").get()
    assert (event.actor_kind, event.actor_id, event.amount) == ("user", str(staff.pk), 1_500)


@pytest.mark.parametrize("action", ["approve", "sent", "done", "failed"])
@pytest.mark.parametrize("status", RefundStatus)
def test_action_out_of_turn_is_a_conflict(status, action, staff, api):
    legal = {"approve": ("requested", "due"), "sent": ("approved",), "done": ("sent",), "failed": ("sent",)}[action]
    refund = make_refund(status)
    before = snapshot(Refund)

    answer = post(
        api, staff, f"{PATH}{refund.public_id}/{action}/", {"external_reference": "X"} if action == "sent" else None
    )

    if status in legal:
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.json()["code"]) == (409, "illegal_move")
        assert snapshot(Refund) == before
        assert events("refund.") == []


@pytest.mark.parametrize("role", [Role.PATIENT, Role.DOCTOR, Role.PHARMACIST, None])
def test_only_staff_see_and_move_refunds(role, payment, api):
    user = make_user(role) if role else None
    refund = make_refund(RefundStatus.DUE, payment)
    before = snapshot(Refund)
    path = f"{PATH}{refund.public_id}/"
    expected = 401 if role is None else 403

    assert api(user).get(PATH).status_code == expected
    assert api(user).get(path).status_code == expected
    body = {"payment": str(payment.public_id), "amount": 1, "reason": "r"}
    assert post(api, user, PATH, body).status_code == expected
    for action in ("approve", "sent", "done", "failed"):
        assert post(api, user, f"{path}{action}/", {"external_reference": "X"}).status_code == expected

    assert snapshot(Refund) == before
    assert events("refund.") == []


def test_payer_may_not_give_the_money_back_to_themselves(payment, api):
    body = {"payment": str(payment.public_id), "amount": PRICE, "reason": "r"}

    assert post(api, payment.user, PATH, body).status_code == 403
    assert amounts() == []


@pytest.mark.parametrize(
    "changes, status, code",
    [
        ({"amount": 0}, 400, "min_value"),
        ({"amount": -1}, 400, "min_value"),
        ({"amount": 1.5}, 400, "invalid"),
        ({"amount": "1"}, 400, "invalid"),
        ({"amount": True}, 400, "invalid"),
        ({"amount": 10**13}, 400, "max_value"),
        ({"amount": PRICE + 1}, 400, "refund_too_large"),
        ({"reason": ""}, 400, "blank"),
        ({"reason": "  "}, 400, "blank"),
        ({"reason": "r" * 201}, 400, "max_length"),
        ({"status": "done"}, 400, "unknown_field"),
        ({"external_reference": "X"}, 400, "unknown_field"),
        ({"payment": "nonsense"}, 400, "invalid"),
        ({"payment": str(uuid.uuid4())}, 404, "not_found"),
    ],
)
def test_malformed_request_is_refused(changes, status, code, payment, staff, api):
    body = {"payment": str(payment.public_id), "amount": 1, "reason": "r", **changes}

    answer = post(api, staff, PATH, body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert amounts() == []


@pytest.mark.parametrize(
    "action, body, code",
    [
        ("sent", {}, "required"),
        ("sent", {"external_reference": " "}, "blank"),
        ("sent", {"external_reference": "x" * 101}, "max_length"),
        ("sent", {"external_reference": "x", "amount": 1}, "unknown_field"),
        ("approve", {"amount": 1}, "unknown_field"),
        ("done", {"amount": 1}, "unknown_field"),
        ("failed", {"reason": "x"}, "unknown_field"),
    ],
)
def test_malformed_action_is_refused(action, body, code, staff, api):
    refund = make_refund({"sent": "approved", "approve": "due"}.get(action, "sent"))
    before = snapshot(Refund)

    answer = post(api, staff, f"{PATH}{refund.public_id}/{action}/", body)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert snapshot(Refund) == before


def test_key_is_required_and_a_repeat_is_replayed(payment, staff, api):
    body = {"payment": str(payment.public_id), "amount": 2_000, "reason": "r"}

    assert api(staff).post(PATH, body, format="json").json()["code"] == "idempotency_key_required"
    assert amounts() == []
    answers = [api(staff).post(PATH, body, format="json", headers={"Idempotency-Key": "k"}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201] * 3
    assert amounts() == [("requested", 2_000)]


def test_action_with_a_key_is_replayed(staff, api):
    refund = make_refund(RefundStatus.DUE)
    path = f"{PATH}{refund.public_id}/approve/"

    answers = [api(staff).post(path, headers={"Idempotency-Key": "k"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert events("refund.") == ["refund.approved"]


def test_refunding_money_takes_no_credits_back(payment, staff):
    """Credits never turn into money or back: that is a correction of its own."""
    before = books(payment.user)

    refunds.approve(request(payment, PRICE, staff), by=staff)

    assert books(payment.user) == before
    assert Payment.objects.get().status == Status.SUCCEEDED
