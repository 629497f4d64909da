"""Statements that PostgreSQL parses and plans once a connection, and that still travel together.

Of a small statement planning is most of the work. psycopg's own prepared statements need the extended protocol, one
round trip each; `PREPARE` and `EXECUTE` are SQL, and go along with others in one simple query. What is prepared belongs
to the connection: a proxy that hands connections out anew for every transaction is no good for this.

Only for texts that the code writes down: each stays on the server as long as its connection. Their parameters take the
types of what they are compared with, or of the columns they go to.
"""

import itertools
import re
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

from django.db import DatabaseError, connection

Statement = tuple[str, Sequence[Any]]

# Beyond so many texts a connection sends the others as they are.
_MOST = 100
# A trip that failed may have left its statements prepared, or not: so often is it tried again, under other names.
_TRIES = 3
# Invalid statement name; the table changed so that the plan's columns are no longer the same.
_STALE = {"26000", "0A000"}

_numbers = itertools.count(1)


# Whether the transaction of the current unit of work has yet to begin: then it does so with the next trip.
begins_next: ContextVar[bool] = ContextVar("begins_next", default=False)


class _Known:
    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.tries: dict[str, int] = {}


_connections: WeakKeyDictionary[Any, _Known] = WeakKeyDictionary()


class Trip:
    """What to send for some statements: `PREPARE` for those that this connection does not know, `EXECUTE` for all."""

    def __init__(self, statements: Sequence[Statement]) -> None:
        connection.ensure_connection()
        self._known = _connections.setdefault(connection.connection, _Known())
        self._new: dict[str, str] = {}
        self.executes = [self._execute(text, params) for text, params in statements]
        self.begins = ["BEGIN"] if begins_next.get() else []
        self.prepares = [f"PREPARE {name} AS {_numbered(text)}" for text, name in self._new.items()]

    def execute(self, cursor: Any, *, then: str = "") -> None:
        """Send everything in one simple query; the results of `begins` and `prepares` come first."""
        begins_next.set(False)
        try:
            cursor.execute(
                "; ".join(
                    [
                        *self.begins,
                        *self.prepares,
                        *(text for text, _params in self.executes),
                        *([then] if then else []),
                    ]
                ),
                [param for _text, params in self.executes for param in params],
            )
        except DatabaseError as error:
            if getattr(error.__cause__, "sqlstate", None) in _STALE:
                # The server does not know, or cannot use, what it once did: next time everything is prepared anew.
                self._known.names.clear()
                self._known.tries.clear()
            raise
        self._known.names |= self._new

    def _execute(self, text: str, params: Sequence[Any]) -> Statement:
        name = self._known.names.get(text) or self._new.get(text) or self._prepare(text)
        if name is None:
            return text, list(params)
        return f"EXECUTE {name}({', '.join(['%s'] * len(params))})" if params else f"EXECUTE {name}", list(params)

    def _prepare(self, text: str) -> str | None:
        tries = self._known.tries.get(text, 0)
        if tries >= _TRIES or len(self._known.tries) >= _MOST:
            return None
        self._known.tries[text] = tries + 1
        name = self._new[text] = f"toctocmedoc_{next(_numbers)}"
        return name


def forget() -> None:
    """Prepare everything anew: for whoever wants to see every text on its way."""
    _connections.clear()


def _numbered(text: str) -> str:
    """`%s`, `%s` → `$1`, `$2`."""
    numbers = itertools.count(1)
    return re.sub("%s", lambda found: f"${next(numbers)}", text)
