"""Many rows of due work, one after the other: one that fails must not keep the others waiting."""

from collections.abc import Callable, Iterable


def for_each(ids: Iterable[int], work: Callable[[int], object]) -> int:
    """Call `work` with every id, taken one at a time. Returns how many there were.

    What fails is collected and raised at the end as an `ExceptionGroup`, so that the sweep still reports it.
    """
    count = 0
    errors: list[Exception] = []
    for each in ids:
        count += 1
        try:
            work(each)
        except Exception as error:
            errors.append(error)
    if errors:
        raise ExceptionGroup(f"{len(errors)} of {count} failed", errors)
    return count
