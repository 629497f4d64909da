"""What becomes of a stored callback: it is verified, the gateway is asked, its answer alone moves money."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.enums import Role
from accounts.models import Rate
from accounts.services.anonymisation import anonymise_user
from accounts.tests.factories import make_user
from payments.enums import Status, Verdict
from payments.models import CallbackMessage, Payment, PaymentAttempt, Refund
from payments.providers.base import Outcome, Report, Started
from payments.rates import RatePurpose
from payments.services import callbacks, starting
from payments.services.starting import create_payment
from payments.tasks import process_callback
from payments.tests.factories import (
    CREDITS,
    PRICE,
    age_message,
    attempt_of,
    books,
    events,
    make_payment,
    make_rate,
    refusals,
    snapshot,
    start_payment,
)
from payments.tests.gateway import FORM, callback, deliver, sign
from payments.tests.scripted import paid
from payments.tests.test_receiving import GARBAGE

pytestmark = pytest.mark.django_db


@pytest.fixture
def payment(gateway, patient, rate):
    """A pack that the patient was asked to pay."""
    payment = start_payment(patient, rate)
    assert payment.status == Status.PENDING
    return payment


def receive(client, fields, **how):
    """Deliver a callback and do the work of the task it queued; the message as it then is."""
    answer = deliver(client, fields, **how)
    assert (answer.status_code, answer.json()) == (200, {"message": "received"})
    message = CallbackMessage.objects.latest("id")
    process_callback.call(message.pk)
    message.refresh_from_db()
    return message


def scripted_message(attempt, digest="d"):
    """A callback of the scripted gateway, stored and not yet looked at."""
    body = f"{attempt.reference} {PRICE} XAF".encode()
    return CallbackMessage.objects.create(provider="scripted", digest=digest, body=body, next_at=timezone.now())


def outcome(message):
    return message.verdict, message.reason


def assert_granted_once(payment):
    payment.refresh_from_db()
    assert (payment.status, payment.blocks, payment.next_at) == (Status.SUCCEEDED, False, None)
    assert books(payment.user)["packs"] == [CREDITS]
    assert events("credits.rate", "payment.succeeded") == ["payment.succeeded", "credits.rate"]
    assert Refund.objects.count() == 0


def assert_nothing_granted(payment, status):
    payment.refresh_from_db()
    assert payment.status == status
    assert books(payment.user)["packs"] == []
    assert Refund.objects.count() == 0


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", FORM, FORM.title()])
@pytest.mark.parametrize("order_status", [200, "200", 0, "0"])
def test_paid_callback_grants_once(order_status, content_type, payment, gateway, client):
    gateway.set(paid_status=order_status)
    told = gateway.decide(attempt_of(payment).reference)

    message = receive(client, callback(told, order_status=order_status), content_type=content_type)

    assert outcome(message) == (Verdict.SETTLED, "")
    assert message.attempt == attempt_of(payment)
    assert_granted_once(payment)


@pytest.mark.parametrize("case", [str.lower, str.upper, str.title])
def test_hash_is_taken_in_either_case(case, payment, gateway, client):
    told = gateway.decide(attempt_of(payment).reference)

    message = receive(client, callback(told, hash=case(sign(callback(told)))))

    assert outcome(message) == (Verdict.SETTLED, "")
    assert_granted_once(payment)


def test_callback_without_phone_is_signed_with_an_empty_one(payment, gateway, client):
    told = gateway.decide(attempt_of(payment).reference)

    assert outcome(receive(client, callback(told, client_phone=None))) == (Verdict.SETTLED, "")
    assert_granted_once(payment)


def test_gateways_own_callbacks_are_understood(payment, gateway, client):
    """Byte for byte what the simulated gateway sends, in each of its forms."""
    reference = attempt_of(payment).reference
    gateway.decide(reference)
    theirs = gateway.service.payments[reference]
    for form, case in (("json", "lower"), ("form", "upper")):
        gateway.set(callback_as=form, hash_case=case)
        sent = gateway.service.callback(theirs)
        assert receive(client, sent.body, content_type=sent.content_type).verdict != Verdict.REFUSED
    assert_granted_once(payment)


def test_refusal_fails_the_payment_with_its_reason(payment, gateway, client):
    told = gateway.decide(attempt_of(payment).reference, "no_balance")

    message = receive(client, callback(told, order_status="400", message="Solde insuffisant"))

    assert outcome(message) == (Verdict.SETTLED, "")
    assert_nothing_granted(payment, Status.FAILED)
    assert payment.reason == "no_balance"


def test_callback_that_claims_success_proves_nothing(payment, gateway, client):
    """A right hash, but the gateway says that the customer has not paid: it may lag behind, and is asked again."""
    message = receive(client, callback(gateway.payment(attempt_of(payment).reference)))

    assert outcome(message) == (Verdict.WAITING, "")
    assert_nothing_granted(payment, Status.PENDING)

    gateway.decide(attempt_of(payment).reference)
    age_message(message, seconds=31)
    assert callbacks.process_waiting() == 1
    assert_granted_once(payment)


def test_gateway_that_lags_behind_its_callback_is_asked_again_about_an_expired_payment(payment, gateway, client):
    """Nothing but the message would ever ask about it."""
    Payment.objects.update(status=Status.EXPIRED, blocks=False, next_at=None)
    message = receive(client, callback(gateway.payment(attempt_of(payment).reference)))
    assert_nothing_granted(payment, Status.EXPIRED)

    gateway.decide(attempt_of(payment).reference)
    age_message(message, seconds=31)
    callbacks.process_waiting()

    assert_granted_once(payment)


def test_callback_that_nobody_confirms_for_days_is_refused(payment, gateway, client):
    message = receive(client, callback(gateway.payment(attempt_of(payment).reference)))
    age_message(message, hours=73)

    assert callbacks.process_waiting() == 1

    message.refresh_from_db()
    assert outcome(message) == (Verdict.REFUSED, "never_confirmed")
    assert refusals() == ["never_confirmed"]
    assert_nothing_granted(payment, Status.PENDING)


def test_callback_of_a_gateway_that_is_gone_waits_then_is_refused(script, patient, rate, settings):
    payment = start_payment(patient, rate, provider="scripted")
    message = scripted_message(payment.attempts.get())
    configured = settings.PAYMENT_PROVIDERS
    settings.PAYMENT_PROVIDERS = {name: path for name, path in configured.items() if name != "scripted"}

    assert callbacks.process_waiting() == 1
    message.refresh_from_db()
    assert outcome(message) == ("waiting", "")
    age_message(message, hours=73)
    assert callbacks.process_waiting() == 1
    assert callbacks.process_waiting() == 0
    message.refresh_from_db()
    assert outcome(message) == ("refused", "unknown_provider")
    assert_nothing_granted(payment, Status.PENDING)


def test_gateway_that_is_put_back_is_asked_about_what_waited(script, patient, rate, settings):
    payment = start_payment(patient, rate, provider="scripted")
    message = scripted_message(payment.attempts.get())
    configured = settings.PAYMENT_PROVIDERS
    settings.PAYMENT_PROVIDERS = {name: path for name, path in configured.items() if name != "scripted"}
    callbacks.process(message.pk)
    settings.PAYMENT_PROVIDERS = configured
    script.on_ask = lambda reference, provider_id: paid(payment)

    callbacks.process(message.pk)

    message.refresh_from_db()
    assert outcome(message) == ("settled", "")
    assert_granted_once(payment)


@pytest.mark.parametrize("status", [Status.EXPIRED, Status.FAILED])
def test_money_that_a_waiting_callback_tells_of_is_found_though_its_payer_was_erased(status, script, patient, rate):
    """And nothing of what was sent word for word is kept once it was looked at."""
    payment = start_payment(patient, rate, provider="scripted")
    settled, waiting = scripted_message(payment.attempts.get()), scripted_message(payment.attempts.get(), digest="e")
    CallbackMessage.objects.update(attempt=payment.attempts.get())
    CallbackMessage.objects.filter(pk=settled.pk).update(verdict=Verdict.DUPLICATE)
    Payment.objects.filter(pk=payment.pk).update(status=status, blocks=False, next_at=None)

    anonymise_user(patient, by=make_user(Role.ADMIN))

    settled.refresh_from_db()
    waiting.refresh_from_db()
    assert (bytes(settled.body), waiting.verdict) == (b"", "waiting")
    assert bytes(waiting.body) != b""
    script.on_ask = lambda reference, provider_id: paid(payment)
    callbacks.process(waiting.pk)
    waiting.refresh_from_db()
    payment.refresh_from_db()
    assert (outcome(waiting), bytes(waiting.body)) == (("settled", ""), b"")
    assert payment.status == Status.SUCCEEDED
    refund = Refund.objects.get(payment=payment)
    assert (refund.status, refund.amount, refund.reason) == ("due", PRICE, "nothing_to_grant")
    assert books(patient)["packs"] == []


def test_callback_that_waited_for_who_was_erased_is_emptied_when_it_is_refused(script, patient, rate):
    payment = start_payment(patient, rate, provider="scripted")
    message = scripted_message(payment.attempts.get())
    Payment.objects.filter(pk=payment.pk).update(status=Status.EXPIRED, blocks=False, next_at=None)
    callbacks.process(message.pk)
    anonymise_user(patient, by=make_user(Role.ADMIN))
    age_message(message, hours=73)

    callbacks.process(message.pk)

    message.refresh_from_db()
    assert (outcome(message), bytes(message.body)) == (("refused", "never_confirmed"), b"")
    assert_nothing_granted(payment, Status.EXPIRED)


def test_callback_that_claims_a_refusal_proves_nothing_either(payment, gateway, client):
    told = gateway.decide(attempt_of(payment).reference)

    receive(client, callback(told, order_status="400"))

    assert_granted_once(payment)


REFUSED = {
    "unsigned": ({"hash": None}, "unsigned"),
    "empty hash": ({"hash": ""}, "unsigned"),
    "wrong hash": ({"hash": "0" * 128}, "wrong_signature"),
    "short hash": ({"hash": "ab"}, "wrong_signature"),
    "hash is no text": ({"hash": 12}, "wrong_signature"),
    "hash is a list": ({"hash": ["a"]}, "wrong_signature"),
    "hash not in ascii": ({"hash": "é" * 128}, "wrong_signature"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_callback_without_the_right_hash_is_refused(name, payment, gateway, client):
    changes, reason = REFUSED[name]
    told = gateway.decide(attempt_of(payment).reference)
    before, asked = snapshot(Payment, PaymentAttempt), len(gateway.calls("verify"))

    message = receive(client, callback(told, **changes))

    assert outcome(message) == (Verdict.REFUSED, reason)
    assert refusals() == [reason]
    assert snapshot(Payment, PaymentAttempt) == before
    assert_nothing_granted(payment, Status.PENDING)
    assert len(gateway.calls("verify")) == asked


@pytest.mark.parametrize("field", ["unique_id", "order_status", "amount", "payment_token", "payment_method", "message"])
def test_every_signed_field_is_covered_by_the_hash(field, payment, gateway, client):
    told = gateway.decide(attempt_of(payment).reference)
    genuine = callback(told)

    message = receive(client, genuine | {field: f"{genuine[field]}1"})

    assert outcome(message) == (Verdict.REFUSED, "wrong_signature")
    assert_nothing_granted(payment, Status.PENDING)


def test_callback_signed_with_the_api_key_is_refused(payment, gateway, client, settings):
    told = gateway.decide(attempt_of(payment).reference)
    fields = callback(told)

    message = receive(client, fields | {"hash": sign(fields, settings.MYPAYGA_API_KEY)})

    assert outcome(message) == (Verdict.REFUSED, "wrong_signature")
    assert_nothing_granted(payment, Status.PENDING)


@pytest.mark.parametrize("name", GARBAGE)
@pytest.mark.parametrize("content_type", ["application/json", FORM, "text/plain"])
def test_garbage_is_refused(name, content_type, client):
    message = receive(client, GARBAGE[name], content_type=content_type)

    assert message.verdict == Verdict.REFUSED
    assert message.reason in ("unreadable", "unsigned", "wrong_signature")
    assert refusals() == [message.reason]


def test_form_with_a_signed_nul_is_refused(payment, gateway, client):
    told = gateway.decide(attempt_of(payment).reference)
    token = "\0" + told["token"]

    message = receive(client, callback(told, payment_token=token), content_type=FORM)

    assert outcome(message) == (Verdict.REFUSED, "unreadable")
    assert_nothing_granted(payment, Status.PENDING)


@pytest.mark.parametrize("reference", ["f" * 32, "f" * 31, "", None, 7])
def test_unknown_reference_is_refused(reference, payment, gateway, client):
    told = gateway.decide(attempt_of(payment).reference)

    message = receive(client, callback(told, unique_id=reference))

    assert outcome(message) == (Verdict.REFUSED, "unknown_reference")
    assert refusals() == ["unknown_reference"]
    assert message.attempt is None
    assert_nothing_granted(payment, Status.PENDING)


def test_callback_about_somebody_elses_payment_moves_theirs_only(payment, gateway, client):
    stranger = make_user(credits=0)
    other = start_payment(stranger, make_rate(credits=7))
    told = gateway.decide(attempt_of(other).reference)

    receive(client, callback(told))

    assert books(stranger)["packs"] == [7]
    assert_nothing_granted(payment, Status.PENDING)


@pytest.mark.parametrize("amount", ["1", "4999", "5001", "50000", "-5000", "5000.5", "5e3", "", "５０００", None])
def test_right_hash_with_another_amount_is_refused_and_grants_nothing(amount, payment, gateway, client):
    message = receive(client, callback(gateway.payment(attempt_of(payment).reference), amount=amount))

    assert outcome(message) == (Verdict.REFUSED, "amount_mismatch")
    assert refusals() == ["amount_mismatch"]
    assert_nothing_granted(payment, Status.PENDING)


def test_hash_survives_moving_digits_between_amount_and_token_and_that_gains_nothing(payment, gateway, client):
    """The hash has no separators: 5000 + token and 50000 + rest of the token are signed alike."""
    told = gateway.payment(attempt_of(payment).reference)
    genuine = callback(told, payment_token="0" + told["token"])
    shifted = callback(told, amount="50000", payment_token=told["token"])
    assert shifted["hash"] == genuine["hash"]

    message = receive(client, shifted)

    assert outcome(message) == (Verdict.REFUSED, "amount_mismatch")
    assert_nothing_granted(payment, Status.PENDING)


@pytest.mark.parametrize(
    "says, reason",
    [
        ({"amount": "4999"}, "amount_mismatch"),
        ({"amount": "50000"}, "amount_mismatch"),
        ({"amount": "5000.0"}, "amount_mismatch"),
        ({"amount": "-5000"}, "amount_mismatch"),
        ({"amount": None}, "amount_mismatch"),
        ({"currency": "EUR"}, "currency_mismatch"),
        ({"currency": ""}, "currency_mismatch"),
        ({"unique_id": "f" * 32}, "reference_mismatch"),
    ],
)
def test_gateway_that_was_paid_something_else_has_the_payment_held(says, reason, payment, gateway, client):
    told = gateway.decide(attempt_of(payment).reference)
    gateway.says(**says)

    receive(client, callback(told, **{name: value for name, value in says.items() if name != "unique_id"}))

    assert_nothing_granted(payment, Status.HELD)
    assert payment.reason == reason
    assert events("payment.")[-1] == "payment.held"
    assert refusals() == ([] if reason == "reference_mismatch" else [reason])


def test_amount_as_a_number_is_the_same_amount(payment, gateway, client):
    told = gateway.decide(attempt_of(payment).reference)
    gateway.says(amount=PRICE)

    assert outcome(receive(client, callback(told, amount=PRICE))) == (Verdict.SETTLED, "")
    assert_granted_once(payment)


def test_currency_is_not_signed_and_a_false_one_is_refused_while_the_answer_counts(payment, gateway, client):
    told = gateway.decide(attempt_of(payment).reference)
    genuine = callback(told)

    message = receive(client, genuine | {"currency": "EUR"})

    assert outcome(message) == (Verdict.REFUSED, "currency_mismatch")
    assert refusals() == ["currency_mismatch"]
    assert_granted_once(payment)


def test_replay_after_success_is_a_duplicate(payment, gateway, client):
    told = gateway.decide(attempt_of(payment).reference)
    receive(client, callback(told))
    asked = len(gateway.calls("verify"))

    assert receive(client, callback(told, message="encore")).verdict == Verdict.DUPLICATE
    assert receive(client, callback(told)).verdict == Verdict.DUPLICATE, "the very same bytes are not stored again"

    assert_granted_once(payment)
    assert len(gateway.calls("verify")) == asked
    assert refusals() == []


def test_refusal_after_success_changes_nothing(payment, gateway, client):
    told = gateway.decide(attempt_of(payment).reference)
    receive(client, callback(told))

    message = receive(client, callback(told, order_status="400", message="Remboursé"))

    assert outcome(message) == (Verdict.DUPLICATE, "")
    assert_granted_once(payment)


def test_other_amount_after_success_is_refused(payment, gateway, client):
    told = gateway.decide(attempt_of(payment).reference)
    receive(client, callback(told))

    assert outcome(receive(client, callback(told, amount="1"))) == (Verdict.REFUSED, "amount_mismatch")
    assert_granted_once(payment)


@pytest.mark.parametrize("late", [Status.FAILED, Status.EXPIRED])
def test_late_success_is_honoured_once(late, payment, gateway, client):
    Payment.objects.update(status=late, blocks=False, next_at=None)
    told = gateway.decide(attempt_of(payment).reference)

    receive(client, callback(told))
    receive(client, callback(told, message="encore"))

    assert_granted_once(payment)


def test_late_success_with_another_amount_is_held(payment, gateway, client):
    Payment.objects.update(status=Status.EXPIRED, blocks=False, next_at=None)
    told = gateway.decide(attempt_of(payment).reference)
    gateway.says(amount="1")

    receive(client, callback(told, amount="1"))

    assert_nothing_granted(payment, Status.HELD)


def test_held_payment_waits_for_staff_whatever_comes(payment, gateway, client):
    Payment.objects.update(status=Status.HELD, blocks=False, next_at=None)
    told = gateway.decide(attempt_of(payment).reference)
    before = snapshot(Payment)

    receive(client, callback(told))

    assert snapshot(Payment) == before
    assert_nothing_granted(payment, Status.HELD)


def test_callback_before_our_start_has_returned_is_parked_then_settled(gateway, patient, rate, client, monkeypatch):
    """The customer is quick: the callback is there, and looked at, while our process still waits for the answer."""
    payment = create_payment(patient, purpose="rate", purpose_id=str(rate.pk), provider="mypayga", phone="077123456")
    reference = attempt_of(payment).reference
    start = starting.get_provider("mypayga").start
    parked = []

    def start_slowly(order):
        started = start(order)
        message = receive(client, callback(gateway.decide(reference)))
        parked.append((message.verdict, message.attempt_id, Payment.objects.get().status))
        return started

    monkeypatch.setattr(starting.get_provider("mypayga"), "start", start_slowly)
    starting.submit(payment.pk)

    assert parked == [(Verdict.WAITING, attempt_of(payment).pk, Status.SUBMITTING)]
    assert outcome(CallbackMessage.objects.get()) == (Verdict.SETTLED, "")
    assert_granted_once(payment)


def test_start_that_returns_while_the_callback_is_being_parked_is_noticed(gateway, patient, rate, client, monkeypatch):
    """The message found the payment not started, the start returned and saw no message waiting: nobody is left over."""
    payment = create_payment(patient, purpose="rate", purpose_id=str(rate.pk), provider="mypayga", phone="077123456")
    park = callbacks._close

    def returned_meanwhile(message, verdict, *, attempt):
        if verdict == Verdict.WAITING and not returned:
            returned.append(starting.submit(payment.pk).status)
            gateway.decide(attempt.reference)
        return park(message, verdict, attempt=attempt)

    returned = []
    monkeypatch.setattr(callbacks, "_close", returned_meanwhile)
    told = {"reference": attempt_of(payment).reference, "amount": PRICE, "token": "t", "network": "AM", "phone": "1"}

    message = receive(client, callback(told))

    assert returned == [Status.PENDING]
    assert outcome(message) == (Verdict.SETTLED, "")
    assert_granted_once(payment)


@pytest.fixture
def doubtful(gateway, patient, rate, settings):
    """A payment whose start was carried out, but answered with an error."""
    gateway.fault("error_after_effect")
    payment = start_payment(patient, rate)
    gateway.heal()
    assert (payment.status, attempt_of(payment).provider_id) == (Status.UNKNOWN, "")
    return payment


def test_callback_tells_the_token_that_the_start_never_told(doubtful, gateway, client):
    told = gateway.decide(attempt_of(doubtful).reference)

    assert outcome(receive(client, callback(told))) == (Verdict.SETTLED, "")

    assert attempt_of(doubtful).provider_id == told["token"]
    assert_granted_once(doubtful)
    assert gateway.payment(told["reference"])["times_charged"] == 1


def test_token_told_while_the_customer_still_thinks_makes_the_payment_pending(doubtful, gateway, client):
    told = gateway.payment(attempt_of(doubtful).reference)

    receive(client, callback(told, order_status="202"))

    assert attempt_of(doubtful).provider_id == told["token"]
    assert_nothing_granted(doubtful, Status.PENDING)


def test_false_token_is_not_learned(doubtful, gateway, client):
    """Token and network are signed without a separator: such a claim must not cost us the true token."""
    told = gateway.decide(attempt_of(doubtful).reference)
    genuine = callback(told)
    shifted = callback(told, payment_token=told["token"] + "A", payment_method="M")
    assert shifted["hash"] == genuine["hash"]

    assert outcome(receive(client, shifted)) == (Verdict.WAITING, "")
    assert attempt_of(doubtful).provider_id == ""
    assert_nothing_granted(doubtful, Status.UNKNOWN)

    assert outcome(receive(client, genuine)) == (Verdict.SETTLED, "")
    assert_granted_once(doubtful)


def test_token_of_another_payment_is_not_learned_and_the_payment_is_held(doubtful, gateway, client):
    other = start_payment(make_user(), make_rate())
    paid_by_other = gateway.decide(attempt_of(other).reference)
    told = gateway.payment(attempt_of(doubtful).reference)

    receive(client, callback(told, payment_token=paid_by_other["token"]))

    assert attempt_of(doubtful).provider_id == ""
    assert_nothing_granted(doubtful, Status.HELD)
    assert doubtful.reason == "reference_mismatch"


@pytest.mark.parametrize("fault", ["error_500", "garbage", "html", "truncated", "huge", "reset_after_accept"])
def test_callback_waits_until_the_gateway_can_be_asked(fault, payment, gateway, client):
    told = gateway.decide(attempt_of(payment).reference)
    gateway.fault(fault, path="/verify")

    message = receive(client, callback(told))

    assert (outcome(message), message.attempt) == ((Verdict.WAITING, ""), attempt_of(payment))
    assert timedelta(seconds=25) < message.next_at - timezone.now() <= timedelta(seconds=30)
    assert_nothing_granted(payment, Status.PENDING)
    gateway.heal()
    assert callbacks.process_waiting() == 0, "not before its time"
    age_message(message, seconds=31)
    assert callbacks.process_waiting() == 1
    assert_granted_once(payment)


def test_callback_that_waits_is_looked_at_less_and_less_often(script, client, payment):
    Payment.objects.update(provider="scripted")
    PaymentAttempt.objects.update(provider="scripted")
    script.on_ask = lambda reference, provider_id: Report(Outcome.UNKNOWN)
    message = scripted_message(attempt_of(payment))
    waits = []
    for waited in (10, 600, 7_200):
        age_message(message, seconds=waited)
        assert callbacks.process_waiting() == 1
        message.refresh_from_db()
        waits.append(round((message.next_at - timezone.now()).total_seconds() / 10) * 10)
    assert waits == [30, 610, 3_600]


def test_callback_that_is_never_confirmed_is_refused_in_the_end(payment, gateway, client):
    told = gateway.payment(attempt_of(payment).reference)
    gateway.fault("error_500", path="/verify")
    message = receive(client, callback(told))
    age_message(message, hours=73)

    callbacks.process(message.pk)

    message.refresh_from_db()
    assert (outcome(message), message.next_at) == ((Verdict.REFUSED, "never_confirmed"), None)
    assert refusals() == ["never_confirmed"]
    assert_nothing_granted(payment, Status.PENDING)


def test_one_message_that_cannot_be_processed_does_not_stop_the_others(payment, gateway, client, broken):
    told = gateway.decide(attempt_of(payment).reference)
    CallbackMessage.objects.create(provider=broken, digest="d", body=b"", next_at=timezone.now() - timedelta(days=1))
    deliver(client, callback(told))

    with pytest.raises(ExceptionGroup, match="1 of 2 failed"):
        callbacks.process_waiting()

    assert_granted_once(payment)
    assert callbacks.process_waiting() == 0, "what failed waits for its next turn"


def test_message_is_processed_once_however_often_it_is_asked_for(payment, gateway, client):
    message = receive(client, callback(gateway.decide(attempt_of(payment).reference)))
    before, asked = snapshot(CallbackMessage, Payment), len(gateway.calls("verify"))

    for _ in range(3):
        callbacks.process(message.pk)

    assert snapshot(CallbackMessage, Payment) == before
    assert len(gateway.calls("verify")) == asked


def test_lost_task_is_made_up_for_by_the_sweep(payment, gateway, client):
    deliver(client, callback(gateway.decide(attempt_of(payment).reference)))

    assert callbacks.process_waiting() == 1

    assert_granted_once(payment)


def test_rate_deleted_between_question_and_grant_is_made_up_for_by_the_next_look(script, patient, rate, monkeypatch):
    payment = make_payment(user=patient, rate=rate, provider="scripted", token="t")
    script.on_ask = lambda reference, provider_id: paid(payment)
    message = scripted_message(attempt_of(payment))
    can_grant = RatePurpose.can_grant

    def then_deleted(self, payment):
        answer = can_grant(self, payment)
        Rate.objects.all().delete()
        return answer

    monkeypatch.setattr(RatePurpose, "can_grant", then_deleted)
    with pytest.raises(ExceptionGroup):
        callbacks.process_waiting()
    Rate.objects.all().delete()
    monkeypatch.undo()
    age_message(message, seconds=31)
    callbacks.process_waiting()

    assert Payment.objects.get().status == Status.SUCCEEDED
    assert [(refund.status, refund.amount) for refund in Refund.objects.all()] == [("due", PRICE)]
    assert books(patient)["packs"] == []


def test_answer_of_the_start_settles_what_waited_for_it_even_when_it_failed(script, patient, rate):
    """The start was refused, but a signed callback came meanwhile: the gateway is asked, and its word stands."""
    payment = create_payment(patient, purpose="rate", purpose_id=str(rate.pk), provider="scripted", phone="077123456")
    attempt = attempt_of(payment)
    CallbackMessage.objects.filter(pk=scripted_message(attempt).pk).update(attempt=attempt)
    script.on_start = lambda order: Started(Outcome.REFUSED, reason="gateway_refused")
    script.on_ask = lambda reference, provider_id: paid(payment)

    starting.submit(payment.pk)

    assert_granted_once(payment)
