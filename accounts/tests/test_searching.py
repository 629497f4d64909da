"""Whom a search term finds."""

import pytest

from accounts.models import User
from accounts.searching import owner_condition, person_condition
from accounts.tests.factories import make_user
from common.admin.paginator import CappedPaginator

pytestmark = pytest.mark.django_db


@pytest.fixture
def aicha() -> User:
    make_user(first_name="Aïcha", last_name="Nguema", phone="+24177000001")
    return make_user(first_name="Aïcha", last_name="Koumba Mba", phone="+24166398683", email="aicha@example.org")


@pytest.mark.parametrize(
    "term", ["koum", "Koumba aï", "aïcha koumba", "066 39 86 83", "06398683", "398683", "9868", "aicha@", "Aicha@exam"]
)
def test_person_is_found(aicha: User, term: str) -> None:
    assert list(User.objects.filter(person_condition(term))) == [aicha]


@pytest.mark.parametrize("term", ["umba", "koumba nguema", "986", "aicha@example.com", "Koumba x"])
def test_nobody_is_found(aicha: User, term: str) -> None:
    assert not User.objects.filter(person_condition(term)).exists()


def test_owner_is_found_by_half_a_number(aicha: User) -> None:
    assert list(aicha._meta.model.objects.filter(owner_condition("398683", "pk"))) == [aicha]


def test_page_of_a_list_with_joins_keeps_its_order_and_its_joins(django_assert_num_queries: object) -> None:
    accounts = [make_user().account for _ in range(5)]
    rows = type(accounts[0]).objects.select_related("user").order_by("-pk")
    with django_assert_num_queries(2):  # type: ignore[operator]
        page = CappedPaginator(rows, 2).page(2)
        assert [account.user.email for account in page.object_list] == [
            accounts[2].user.email,
            accounts[1].user.email,
        ]
        assert page.paginator.count == 5
