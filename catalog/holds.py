"""What is promised but still on the shelf: apps above register a function each in `AppConfig.ready`."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

# Stock ids → units held by stock id; ids without holds may be left out.
HoldsFunction = Callable[[Sequence[int]], Mapping[int, int]]

_functions: dict[str, HoldsFunction] = {}


def register_holds(function: HoldsFunction) -> None:
    """Have `function` asked about holds. Registering the same function again replaces it (autoreload)."""
    _functions[f"{function.__module__}.{function.__qualname__}"] = function


def units_held(stock_ids: Sequence[int]) -> dict[int, int]:
    """Units held by stock id, over everybody who holds any; nobody is asked about nothing."""
    held: Counter[int] = Counter()
    if stock_ids:
        for function in _functions.values():
            held.update(function(stock_ids))
    return dict(held)
