"""A task is enqueued by the unit of work that wants it, and costs no round trip of its own."""

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_tasks_db.models import DBTaskResult

from common.tasks import deliver_mail
from common.unit_of_work import unit_of_work


@pytest.mark.django_db(transaction=True)
def test_task_is_written_with_the_unit_of_work():
    with CaptureQueriesContext(connection) as queries, unit_of_work():
        result = deliver_mail.enqueue(7)
        assert not DBTaskResult.objects.exists()

    row = DBTaskResult.objects.get()
    assert (str(row.id), row.status, row.task_path) == (str(result.id), "READY", "common.tasks.deliver_mail")
    assert (row.args_kwargs, row.queue_name, row.backend_name) == ({"args": [7], "kwargs": {}}, "default", "default")
    assert list(DBTaskResult.objects.ready()) == [row]
    assert sum("INSERT" in query["sql"] for query in queries.captured_queries) == 1
    assert settings.TASKS["default"]["BACKEND"] == "common.task_queue.DeferringBackend"


@pytest.mark.django_db(transaction=True)
def test_task_goes_with_a_unit_that_fails():
    def fail() -> None:
        with unit_of_work():
            deliver_mail.enqueue(7)
            raise LookupError

    with pytest.raises(LookupError):
        fail()

    assert not DBTaskResult.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_task_outside_of_a_unit_is_written_at_once():
    deliver_mail.enqueue(7)

    assert DBTaskResult.objects.count() == 1
