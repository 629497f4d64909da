"""What a handler of one kind of job is.

A job is done in steps of one call each. `prepare` says which call comes next, from the rows as they are now; whatever
was overtaken is over without a call. `conclude` writes down what a call that was done means. Both run in the
merchant's block with the job locked; the call itself is made outside of any transaction, and may be made twice.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from marketplaces.channels.base import Action, Channel, Page, Result, Seller
from marketplaces.models import Job


@dataclass(frozen=True)
class Ask:
    """The next call. `reads`: it changes nothing there and answers with a page."""

    action: Action
    call: Callable[[Channel, Seller], Any]
    reads: bool = False


@dataclass(frozen=True)
class Over:
    """The job is done; `result` is what people may read of it. `traceless`: there is nothing to tell, the row goes."""

    result: Mapping[str, Any] = field(default_factory=dict)
    traceless: bool = False


@dataclass(frozen=True)
class Onwards:
    """A step is done and another one follows; `memo` replaces what the job remembers."""

    memo: Mapping[str, Any]
    done: int = 0


class Handler(Protocol):
    # How many failures in a row are the last.
    most_failures: int

    def lock(self, job: Job, page: Page[Any] | None) -> None:
        """Lock what the job writes, in the order of all locks, before the job's own row is locked. `page` is what a
        call has answered, None before one."""

    def prepare(self, job: Job) -> Ask | Over:
        """The next call. Raises `ChannelError` where it is known already that the channel would refuse."""

    def conclude(self, job: Job, action: Action, page: Page[Any]) -> Over | Onwards:
        """A call was done."""

    def refuse(self, job: Job, result: Result) -> None:
        """It will not be done: the channel refused, or we gave up."""
