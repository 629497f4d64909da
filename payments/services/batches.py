"""Many rows of due work, one after the other: one that fails must not keep the others waiting."""

from collections.abc import Callable, Iterable
from typing import TypeVar

Each = TypeVar("Each")


def for_each(due: Iterable[Each], work: Callable[[Each], object]) -> int:
    """Call `work` with each that is due, taken one at a time. Returns how many there were.

    What fails is collected and raised at the end as an `ExceptionGroup`, so that the sweep still reports it.
    """
    count = 0
    errors: list[Exception] = []
    for each in due:
        count += 1
        try:
            work(each)
        except Exception as error:
            errors.append(error)
    if errors:
        raise ExceptionGroup(f"{len(errors)} of {count} failed", errors)
    return count
