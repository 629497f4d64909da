"""Fixtures of the tests of payments: a patient who may buy a pack, the gateway's books, a scripted gateway."""

from collections.abc import Iterator
from typing import Any

import pytest

from accounts.enums import Role
from accounts.models import Rate, User
from accounts.tests.factories import make_user
from payments.providers import get_provider
from payments.providers.mypayga import client as mypayga
from payments.providers.singpay import client as singpay
from payments.tests import scripted
from payments.tests.factories import make_rate
from payments.tests.gateway import Gateway


@pytest.fixture(autouse=True)
def _nobody_remembers(settings: Any) -> Iterator[None]:
    """Pooled connections and open breakers belong to one test; callbacks go nowhere unless the test says where."""
    settings.PUBLIC_URL = "http://127.0.0.1:1"
    mypayga._client.cache_clear()
    singpay._client.cache_clear()
    yield
    mypayga._client.cache_clear()
    singpay._client.cache_clear()


@pytest.fixture
def gateway(simulators: Any) -> Gateway:
    """The simulated MyPayGa; its customers do nothing until the test decides for them."""
    gateway = Gateway(simulators)
    gateway.set(decide_after=100_000)
    return gateway


@pytest.fixture
def singpay_gateway(simulators: Any, settings: Any) -> Gateway:
    """The simulated SingPay, whose callbacks go nowhere; its customers do nothing until the test decides for them."""
    # Its page is not served over TLS.
    settings.DEBUG = True
    gateway = Gateway(simulators, "singpay")
    gateway.set(decide_after=100_000)
    gateway.service.callback_url = "http://127.0.0.1:1/"
    return gateway


@pytest.fixture
def broken(settings: Any) -> str:
    """The name of a gateway that is configured and fails whatever it is asked."""
    settings.PAYMENT_PROVIDERS = {**settings.PAYMENT_PROVIDERS, "broken": "payments.providers.broken.Broken"}
    return "broken"


@pytest.fixture
def script(settings: Any) -> Iterator[scripted.Scripted]:
    """The gateway `scripted`, beside MyPayGa."""
    settings.PAYMENT_PROVIDERS = {**settings.PAYMENT_PROVIDERS, "scripted": scripted.PATH}
    provider = get_provider("scripted")
    assert isinstance(provider, scripted.Scripted)
    provider.reset()
    yield provider
    provider.reset()


@pytest.fixture
def patient(db: None) -> User:
    return make_user(credits=10)


@pytest.fixture
def staff(db: None) -> User:
    return make_user(Role.STAFF)


@pytest.fixture
def rate(db: None) -> Rate:
    return make_rate()
