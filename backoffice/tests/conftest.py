from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User


@pytest.fixture
def signed_in() -> Callable[[User | None], Client]:
    """`signed_in(user)` is a French browser with the user's session, `signed_in(None)` one without."""

    def client_of(user: User | None) -> Client:
        client = Client(headers={"Accept-Language": "fr"})
        if user is not None:
            client.force_login(user)
        return client

    return client_of
