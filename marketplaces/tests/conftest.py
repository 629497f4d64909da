from collections.abc import Iterator
from typing import Any

import pytest

from marketplaces.channels import _load, get_channel
from marketplaces.tests.fakes import Books
from marketplaces.tests.jobs_world import FAKES


@pytest.fixture
def fakes(settings: Any) -> Iterator[None]:
    """Fake channels instead of the real ones, with empty books."""
    settings.MARKETPLACE_CHANNELS = FAKES
    _load.cache_clear()
    yield
    _load.cache_clear()


@pytest.fixture
def ebay(fakes: None) -> Books:
    return get_channel("ebay").books  # type: ignore[attr-defined, no-any-return]


@pytest.fixture
def etsy(fakes: None) -> Books:
    return get_channel("etsy").books  # type: ignore[attr-defined, no-any-return]
