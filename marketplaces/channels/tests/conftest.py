"""The simulated marketplaces, and a process that has called neither of them before."""

from collections.abc import Iterator
from typing import Any

import pytest

from marketplaces.channels.ebay import client as ebay_client
from marketplaces.channels.etsy import client as etsy_client
from marketplaces.channels.etsy import oauth as etsy_oauth
from marketplaces.channels.tests.books import Marketplace


@pytest.fixture(autouse=True)
def _nobody_remembers(settings: Any) -> Iterator[None]:
    """Pooled connections and open breakers belong to one test."""
    forget()
    yield
    forget()


def forget() -> None:
    ebay_client._client.cache_clear()
    etsy_client._client.cache_clear()
    etsy_oauth._client.cache_clear()


@pytest.fixture
def ebay(simulators: Any) -> Marketplace:
    return Marketplace(simulators, "ebay")


@pytest.fixture
def etsy(simulators: Any) -> Marketplace:
    return Marketplace(simulators, "etsy")


@pytest.fixture(params=["ebay", "etsy"])
def marketplace(request: Any, simulators: Any) -> Marketplace:
    return Marketplace(simulators, request.param)
