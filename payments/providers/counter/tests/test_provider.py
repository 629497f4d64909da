import pytest

from payments.providers.base import CallbackRefused, Outcome
from payments.providers.counter.provider import Counter
from payments.providers.singpay.tests.test_provider import order


def test_nobody_outside_is_asked_for_anything():
    asked = order(phone="", network=None)

    started = Counter().start(asked)

    assert (started.outcome, started.provider_id, started.checkout_url) == (Outcome.PENDING, "", "")
    assert Counter().ask(reference=asked.reference, provider_id="") is None
    with pytest.raises(CallbackRefused, match="no_callbacks"):
        Counter().read_callback(b"{}", "application/json")
