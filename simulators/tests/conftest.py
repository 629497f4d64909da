from collections.abc import Iterator

import pytest
import requests

from simulators.config import SimulatorConfig
from simulators.server import SimulatorServer
from simulators.tests.helpers import Listener


@pytest.fixture
def server() -> Iterator[SimulatorServer]:
    with SimulatorServer(config=SimulatorConfig(decide_after=0)) as running:
        yield running


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as listening:
        yield listening


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session
