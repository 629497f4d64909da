"""How far long work has come: a service is given a function that it wraps around what it goes through."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


class Progress(Protocol):
    def __call__(self, items: Iterable[Item], total: int, what: str) -> Iterable[Item]: ...


def unseen(items: Iterable[Item], total: int, what: str) -> Iterable[Item]:
    return items


def bar(items: Iterable[Item], total: int, what: str) -> Iterable[Item]:
    """A progress bar on standard error, where that is a terminal."""
    return tqdm(items, total=total, desc=what, unit_scale=True, disable=None)
