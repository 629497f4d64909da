"""Every list of the admin, however it is filtered, paged, ordered and searched, costs a handful of small statements."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.enums import Role
from accounts.models import User
from backoffice.load.sizes import Sizes
from backoffice.load.year import seed_year
from tests.changelists import ask, model_admins, pages, pages_read, search_terms, sequential_scans

MOST_QUERIES = 5
UNTIL = datetime(2026, 3, 31, 12, tzinfo=UTC)
SMALL = Sizes(users=60, reservations=120, appointments=40, events=600, products=40, pharmacies=10, practitioners=6)
LARGE = Sizes(users=40_000, reservations=80_000, appointments=30_000, events=400_000, products=20_000)
# Of 8 kB each. A table of the large year has thousands.
MOST_PAGES = 2_500
# A table below that is read faster than an index.
SMALL_TABLE = 5_000


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.django_db
def test_lists_ask_a_handful_of_queries(settings: Any) -> None:
    settings.DEBUG = True
    seed_year(SMALL, until=UNTIL)
    user = User.objects.get(role=Role.ADMIN)
    client = signed_in(user)
    some = [term for number, term in enumerate(search_terms()) if number % 6 == 0]
    asked = [
        ask(client, page)
        for model_admin in model_admins()
        for page in pages(model_admin, user, some, each_choice=False)
    ]
    assert [f"{cost.page}: {cost.queries}" for cost in asked if cost.queries > MOST_QUERIES] == []
    assert sum(cost.rows for cost in asked if cost.page.kind == "list") > 100


@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
def test_lists_read_little_of_large_tables(settings: Any, as_owner: None) -> None:
    if connection.vendor != "postgresql":
        return
    settings.DEBUG = True
    seed_year(LARGE)
    user = User.objects.get(role=Role.ADMIN)
    client, terms, slow = signed_in(user), search_terms(), []
    for model_admin in model_admins():
        for page in pages(model_admin, user, terms):
            cost = ask(client, page)
            scans, read = sequential_scans(cost, of_more_than=SMALL_TABLE), pages_read(cost)
            if scans or read > MOST_PAGES or cost.queries > MOST_QUERIES:
                slow.append(f"{page}: {cost.queries} queries, {read} pages, reads {scans}")
    assert slow == []
