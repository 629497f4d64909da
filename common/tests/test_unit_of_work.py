"""Deferred writes: in order, in one statement on PostgreSQL, all or nothing."""

import threading
from contextlib import suppress

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from common import sql
from common import unit_of_work as module
from common.unit_of_work import insert, persist, retry_deadlocks, unit_of_work, write
from tests.threads import kill_connection, run_together

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_groups():
    Group.objects.all().delete()


def add(name):
    insert("auth_group", ("name",), [name])


def rename(old, new):
    write("UPDATE auth_group SET name = %s WHERE name = %s", [new, old])


def names():
    return list(Group.objects.order_by("id").values_list("name", flat=True))


def test_rows_are_written_at_the_end_in_their_order():
    with unit_of_work():
        for name in "dbca":
            add(name)
        assert names() == []

    assert names() == ["d", "b", "c", "a"]


def test_outside_a_unit_rows_are_written_at_once():
    add("a")
    assert names() == ["a"]

    rename("a", "b")
    assert names() == ["b"]


def test_everything_deferred_travels_in_one_statement():
    Group.objects.create(name="old")
    with (
        CaptureQueriesContext(
            connection,
        ) as queries,
        unit_of_work(),
    ):
        add("a")
        rename("old", "new")
        add("b")
        insert("django_content_type", ("app_label", "model"), ["nowhere", "nothing"])

    sent = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert len(sent) == (1 if connection.vendor == "postgresql" else 3)
    assert sorted(names()) == ["a", "b", "new"]


def test_unit_without_deferred_rows_sends_nothing():
    with CaptureQueriesContext(connection) as queries, unit_of_work():
        pass

    assert [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]] == []


def test_nothing_is_left_after_an_exception():
    def fail():
        with unit_of_work():
            Group.objects.create(name="direct")
            add("deferred")
            raise LookupError

    with pytest.raises(LookupError):
        fail()

    assert names() == []
    with unit_of_work():
        add("next")
    assert names() == ["next"]


def test_row_that_breaks_a_constraint_takes_the_whole_unit_with_it():
    def fail():
        with unit_of_work():
            Group.objects.create(name="direct")
            add("same")
            add("same")

    with pytest.raises(IntegrityError):
        fail()

    assert names() == []


def test_nested_unit_is_part_of_the_outer_one():
    with unit_of_work() as outer:
        add("a")
        with unit_of_work() as inner:
            add("b")
        assert inner is outer
        assert names() == []
        add("c")

    assert names() == ["a", "b", "c"]


def test_nested_unit_that_fails_takes_the_outer_one_with_it_even_where_its_exception_is_caught():
    """A balance changed by the nested unit must not be committed without the entry it had deferred."""

    def nested():
        with unit_of_work():
            Group.objects.create(name="direct of the nested unit")
            add("deferred by the nested unit")
            raise LookupError

    def outer():
        with unit_of_work():
            Group.objects.create(name="direct")
            with pytest.raises(LookupError):
                nested()
            add("deferred")

    with pytest.raises(DatabaseError):
        outer()

    assert names() == []


def test_unit_inside_a_transaction_that_is_rolled_back_is_rolled_back():
    def fail():
        with transaction.atomic():
            with unit_of_work():
                add("a")
            assert names() == ["a"]
            raise LookupError

    with pytest.raises(LookupError):
        fail()

    assert names() == []


@pytest.mark.django_db(transaction=True)
def test_what_runs_after_the_commit_has_a_unit_of_its_own():
    def afterwards():
        add("at once")
        with unit_of_work():
            add("in a unit")

    with unit_of_work():
        transaction.on_commit(afterwards)
        add("first")

    assert names() == ["first", "at once", "in a unit"]
    assert module._current.get() is None


@pytest.mark.django_db(transaction=True)
def test_commit_hooks_do_not_run_for_a_unit_that_failed():
    ran = []

    def fail():
        with unit_of_work():
            transaction.on_commit(lambda: ran.append(1))
            add("same")
            add("same")

    with pytest.raises(IntegrityError):
        fail()

    assert ran == []
    assert names() == []
    assert not connection.in_atomic_block
    add("next")
    assert names() == ["next"]


def test_rows_below_a_savepoint_go_when_it_is_rolled_back():
    @transaction.atomic
    def add_then_fail():
        add("lost")
        raise LookupError

    with unit_of_work():
        add("kept")
        with pytest.raises(LookupError):
            add_then_fail()
        with transaction.atomic():
            add("released")

    assert sorted(names()) == ["kept", "released"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: no two wait for each other")
def test_victim_of_a_deadlock_runs_again():
    first, second = (Group.objects.create(name=name) for name in ("first", "second"))
    both_hold_one, one_is_done = threading.Barrier(2), threading.Event()
    tries = [0, 0]

    def work(number):
        def lock_both():
            tries[number] += 1
            mine, theirs = (first, second) if number else (second, first)
            if tries[number] > 1:
                assert one_is_done.wait(timeout=30)
            with unit_of_work():
                Group.objects.select_for_update().get(pk=mine.pk)
                if tries[number] == 1:
                    both_hold_one.wait(timeout=30)
                Group.objects.select_for_update().get(pk=theirs.pk)
                add(f"done by {number}")

        retry_deadlocks(lock_both)
        one_is_done.set()

    assert run_together(2, work) == [None, None]
    assert sorted(tries) == [1, 2]
    assert {"done by 0", "done by 1"} <= set(names())


def _deadlock():
    error = OperationalError("deadlock detected")
    error.__cause__ = Exception()
    error.__cause__.sqlstate = "40P01"
    return error


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "error, tried", [(_deadlock(), 3), (OperationalError("server closed the connection"), 1), (LookupError(), 1)]
)
def test_what_is_tried_again_and_how_often(error, tried):
    ran = []

    def work():
        ran.append(1)
        raise error

    with pytest.raises(type(error)):
        retry_deadlocks(work)
    assert len(ran) == tried


def test_inside_a_transaction_nothing_is_begun_anew():
    ran = []

    def work():
        ran.append(1)
        raise _deadlock()

    with pytest.raises(OperationalError):
        retry_deadlocks(work)
    assert len(ran) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite is in the same process")
def test_what_nobody_says_twice_survives_a_lost_connection():
    def work():
        with unit_of_work():
            add("written")

    kill_connection()
    with pytest.raises(OperationalError):
        work()
    kill_connection()
    persist(work)

    assert names() == ["written"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error, tried", [(OperationalError("busy"), 4), (LookupError(), 1)])
def test_what_nobody_says_twice_is_given_up_in_the_end(error, tried, monkeypatch):
    ran = []

    def work():
        ran.append(1)
        raise error

    monkeypatch.setattr(module.time, "sleep", lambda seconds: None)
    with pytest.raises(type(error)):
        persist(work)
    assert len(ran) == tried


def test_unit_that_locks_nothing_reads_then_writes_all_or_nothing():
    Group.objects.all().delete()

    def write_all(*those, fail=False):
        with unit_of_work(locks_nothing=True):
            before = names()
            for name in those:
                add(name)
            assert names() == before
            if fail:
                raise LookupError

    write_all("a", "b")
    assert names() == ["a", "b"]
    with pytest.raises(IntegrityError):
        write_all("c", "a")
    with pytest.raises(LookupError):
        write_all("d", fail=True)
    assert names() == ["a", "b"]


@pytest.mark.django_db(transaction=True)
def test_connection_is_as_it_was_after_a_unit_that_locks_nothing():
    Group.objects.all().delete()
    with unit_of_work(locks_nothing=True):
        add("a")

    def fail():
        with transaction.atomic():
            Group.objects.create(name="b")
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert names() == ["a"]


@pytest.mark.django_db(transaction=True)
def test_unit_that_locks_nothing_is_part_of_an_outer_one():
    Group.objects.all().delete()

    def fail():
        with unit_of_work():
            Group.objects.create(name="outer")
            with unit_of_work(locks_nothing=True):
                add("inner")
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert names() == []


needs_postgres = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite begins by itself")
LOWER = "UPDATE auth_group SET name = lower(name) WHERE name = %s RETURNING name"


@needs_postgres
@pytest.mark.django_db(transaction=True)
def test_unit_that_begins_late_takes_two_trips_for_a_lock_and_a_write():
    Group.objects.create(name="A")

    def seen_by_another():
        try:
            return names()
        finally:
            connection.close()

    with CaptureQueriesContext(connection) as queries, unit_of_work(begins_late=True):
        assert sql.fetch_prepared((LOWER, ["A"])) == [[("a",)]]
        assert run_together(1, lambda number: seen_by_another()) == [["A"]]
        add("b")

    assert names() == ["a", "b"]
    # Django notes its own BEGIN and COMMIT, which it only believes to send.
    first, second = (query["sql"] for query in queries if query["sql"] not in ("BEGIN", "COMMIT"))
    assert first.startswith("BEGIN; PREPARE")
    assert second.endswith("; COMMIT")


def begin_late(fault):
    with unit_of_work(begins_late=True):
        if fault == "asks nothing":
            add("c")
            return
        sql.fetch_prepared((LOWER, ["A"]))
        if fault == "raises":
            raise LookupError
        if fault == "breaks a constraint":
            add("b")


@needs_postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "fault, left",
    [("raises", "Ab"), ("breaks a constraint", "Ab"), ("asks nothing", "Abc"), ("writes nothing", "ab")],
)
def test_unit_that_begins_late_is_all_or_nothing_and_leaves_no_trace(fault, left):
    add("A")
    add("b")

    with suppress(LookupError, IntegrityError):
        begin_late(fault)
    assert sorted(names()) == sorted(left)
    # The connection is as it was: a transaction begins where it should, and nowhere else.
    with suppress(LookupError), transaction.atomic():
        add("z")
        raise LookupError
    assert sorted(names()) == sorted(left)
    with CaptureQueriesContext(connection) as queries:
        sql.fetch_prepared((LOWER, ["nobody"]))
    assert "BEGIN" not in queries[0]["sql"]


@needs_postgres
def test_unit_that_begins_late_is_part_of_an_outer_one():
    add("A")
    with suppress(LookupError), unit_of_work():
        begin_late("writes nothing")
        raise LookupError

    assert names() == ["A"]
