"""The queue of django-tasks-db, whose row travels with the unit of work that enqueues it."""

from typing import Any

from django.db import connection
from django_tasks_db.backend import DatabaseBackend
from django_tasks_db.models import DBTaskResult, get_date_max

from common.unit_of_work import insert


class DeferringBackend(DatabaseBackend):
    """Enqueueing costs no round trip: the task's row is one more of those that are written just before the commit."""

    def _task_to_db_task(self, task: Any, args: Any, kwargs: Any) -> DBTaskResult:
        row: DBTaskResult = DBTaskResult(
            id=self._get_id(),
            args_kwargs={"args": list(args), "kwargs": kwargs},
            priority=task.priority,
            task_path=task.module_path,
            queue_name=task.queue_name,
            run_after=task.run_after or get_date_max(),
            backend_name=self.alias,
        )
        fields = DBTaskResult._meta.local_concrete_fields
        insert(
            DBTaskResult._meta.db_table,
            tuple(str(field.column) for field in fields),
            [field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields],
        )
        row._state.adding = False
        return row
