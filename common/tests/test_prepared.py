"""Statements planned once a connection: the same answers, one trip, and nothing that a failure leaves behind."""

import uuid

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from common import sql
from common.unit_of_work import insert, unit_of_work

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's module keeps its statements itself"),
]


def halves():
    """A text of its own each time: what other tests prepared does not count."""
    text = f"SELECT 12 / %s::int AS x{uuid.uuid4().hex}"
    return lambda number: sql.fetch_prepared((text, [number]), (text, [number]))


def test_text_is_prepared_once_and_always_one_trip():
    ask = halves()

    with CaptureQueriesContext(connection) as queries:
        assert ask(3) == [[(4,)], [(4,)]]
        assert ask(4) == [[(3,)], [(3,)]]

    first, second = (query["sql"] for query in queries)
    assert (first.count("PREPARE"), first.count("EXECUTE")) == (1, 2)
    assert (second.count("PREPARE"), second.count("EXECUTE")) == (0, 2)


def test_trip_that_fails_is_no_end():
    ask = halves()

    for _again in range(5):
        with pytest.raises(DatabaseError), transaction.atomic():
            ask(0)
    with CaptureQueriesContext(connection) as queries:
        assert ask(3) == [[(4,)], [(4,)]]

    # No more names for what fails each time.
    assert "PREPARE" not in queries[0]["sql"]


def test_what_the_server_forgot_is_prepared_anew():
    ask = halves()
    ask(3)
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")

    with pytest.raises(DatabaseError), transaction.atomic():
        ask(3)

    assert ask(3) == [[(4,)], [(4,)]]


def test_deferred_inserts_are_prepared_and_succeed_or_fail_together():
    def write(*numbers):
        with transaction.atomic(), unit_of_work():
            for number in numbers:
                insert("django_content_type", ("app_label", "model"), [f"prepared{number}", "x"])

    write(1, 2)
    with CaptureQueriesContext(connection) as queries:
        write(3, 4)
    assert [query["sql"][:7] for query in queries if "SAVEPOINT" not in query["sql"]] == ["EXECUTE"]
    with pytest.raises(IntegrityError):
        write(5, 1)

    rows = sql.fetch_all("SELECT app_label FROM django_content_type WHERE app_label LIKE %s ORDER BY 1", ["prepared%"])
    assert [label for (label,) in rows] == ["prepared1", "prepared2", "prepared3", "prepared4"]
