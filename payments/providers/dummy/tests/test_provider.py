"""The dummy through the services: every branch of the outcome leads to a state of its own."""

import json

import pytest

from common.sweeping import sweep
from payments.models import Payment
from payments.providers.base import CallbackRefused, Claim, Outcome
from payments.providers.dummy.provider import BRANCHES, Dummy
from payments.services.starting import submit
from payments.tests.factories import age, attempt_of, make_payment

# Last digit → status after the start, after a sweep, and after one a quarter of an hour later.
ENDS = {
    "0": ("pending", "succeeded", "succeeded"),
    "1": ("pending", "failed", "failed"),
    "2": ("pending", "pending", "pending"),
    "3": ("pending", "pending", "pending"),
    "4": ("pending", "succeeded", "succeeded"),
    "5": ("failed", "failed", "failed"),
    "6": ("failed", "failed", "failed"),
    "7": ("unknown", "succeeded", "succeeded"),
    "8": ("unknown", "unknown", "failed"),
    "9": ("unknown", "unknown", "unknown"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("digit", ENDS)
def test_every_branch_leads_somewhere(digit):
    payment = make_payment("created", provider="dummy", phone=f"+2417700000{digit}", network="")

    seen = [submit(payment.pk).status]
    for minutes in (1, 15):
        age(payment, minutes=minutes)
        assert -1 not in sweep().values()
        seen.append(Payment.objects.get().status)

    assert tuple(seen) == ENDS[digit]


def test_every_outcome_of_the_interface_is_walked():
    assert {outcome for branch in BRANCHES.values() for outcome in branch} == {None, *Outcome}
    assert sorted(BRANCHES) == list("0123456789")


@pytest.mark.django_db
def test_its_callback_is_a_hint_like_any_other():
    attempt = attempt_of(make_payment(provider="dummy"))

    body = json.dumps({"reference": attempt.reference, "amount": 5_000}).encode()

    assert Dummy().read_callback(body, "application/json") == Claim(attempt.reference, 5_000, "XAF")
    for rubbish in (b"", b"[]"):
        with pytest.raises(CallbackRefused, match="unreadable"):
            Dummy().read_callback(rubbish, "application/json")


def test_forgotten_id_cannot_be_asked_about():
    assert Dummy().ask(reference="a" * 32, provider_id="") is None
