"""Who acts, from where, in which request: a context variable that requests, commands and tasks set.

Nothing happens "by nobody": the default actor is the system itself.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Actor:
    """`kind` is `user`, `anonymous`, `gateway`, `task`, `command` or `system`; `id` names it within its kind."""

    kind: str = "system"
    id: str = ""


@dataclass(frozen=True)
class Context:
    request_id: str = ""
    ip: str = ""
    actor: Actor = Actor()
    user_agent: str = ""


_NOBODY_YET = Context()
_current: ContextVar[Context] = ContextVar("context", default=_NOBODY_YET)


def current() -> Context:
    return _current.get()


def set_actor(kind: str, actor_id: object) -> None:
    """Name the actor of what follows in this context, e.g. once a token has been verified."""
    _current.set(replace(_current.get(), actor=Actor(kind, str(actor_id))))


@contextmanager
def acting(
    kind: str, actor_id: str = "", *, request_id: str = "", ip: str = "", user_agent: str = ""
) -> Iterator[Context]:
    """Run a block as this actor; without a `request_id` one is made, so that its events can be found together."""
    context = Context(
        request_id=request_id or uuid.uuid4().hex, ip=ip, actor=Actor(kind, actor_id), user_agent=user_agent
    )
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)
