"""django-mongodb-backend's compilers, with Django's own exceptions for what pymongo raises.

A server that cannot be reached is an `OperationalError`, a document that the validator refuses an `IntegrityError`,
as on every other engine.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, IntegrityError, OperationalError
from django.db.models.expressions import DatabaseDefault
from django_mongodb_backend import compiler
from pymongo.errors import BulkWriteError, ConnectionFailure, OperationFailure, PyMongoError

_DOCUMENT_VALIDATION_FAILURE = 121


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raises Django's exceptions instead of pymongo's, wrapped or bare."""
    try:
        yield
    except (DatabaseError, PyMongoError) as error:
        cause = error if isinstance(error, PyMongoError) else error.__cause__
        if isinstance(cause, ConnectionFailure) or (isinstance(cause, PyMongoError) and cause.timeout):
            raise OperationalError("the catalogue's database cannot be reached") from cause
        if _is_refused(cause):
            raise IntegrityError("the catalogue refuses the document") from cause
        if isinstance(error, DatabaseError):
            raise
        raise DatabaseError(str(error)) from error


def _is_refused(error: BaseException | None) -> bool:
    if isinstance(error, BulkWriteError):
        codes = {each.get("code") for each in error.details.get("writeErrors", ())}
        return _DOCUMENT_VALIDATION_FAILURE in codes
    return isinstance(error, OperationFailure) and error.code == _DOCUMENT_VALIDATION_FAILURE


class SQLCompiler(compiler.SQLCompiler):
    def execute_sql(self, *args: Any, **kwargs: Any) -> Any:
        with translated_errors():
            return super().execute_sql(*args, **kwargs)


class SQLInsertCompiler(compiler.SQLInsertCompiler):
    def execute_sql(self, returning_fields: Any = None) -> Any:
        with translated_errors():
            return super().execute_sql(returning_fields)

    def insert(self, docs: list[dict[str, Any]], returning_fields: Any = None) -> Any:
        """Django wants the fields back that it named, of which the key need not be one."""
        super().insert(docs)
        if not returning_fields:
            return []
        return [tuple(getattr(each, field.attname) for field in returning_fields) for each in self.query.objs]


class SQLDeleteCompiler(compiler.SQLDeleteCompiler):
    def execute_sql(self, result_type: Any = None) -> Any:
        with translated_errors():
            return super().execute_sql(result_type)


class SQLUpdateCompiler(compiler.SQLUpdateCompiler):
    def execute_sql(self, result_type: Any) -> Any:
        # Before a row with a key of its own is inserted, Django looks whether an update finds it.
        self.query.values = [each for each in self.query.values if not isinstance(each[2], DatabaseDefault)]
        with translated_errors():
            return super().execute_sql(result_type)


class SQLAggregateCompiler(compiler.SQLAggregateCompiler):
    def execute_sql(self, *args: Any, **kwargs: Any) -> Any:
        with translated_errors():
            return super().execute_sql(*args, **kwargs)
