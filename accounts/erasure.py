"""Who holds something of a person: apps above register it in `AppConfig.ready`, `anonymise_user` asks them all."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Holding:
    """What one app has about people.

    `is_open(user_id)` is true while something is going on that the person is needed for: nobody is erased meanwhile.
    `erase(user_id)` removes their personal values, in the transaction of the erasure, and keeps money and events; the
    person's own row still names them.
    `needed_for` tells staff what is open and what to do about it; empty where nothing ever is.
    """

    is_open: Callable[[int], bool]
    erase: Callable[[int], None]
    needed_for: Any = ""


_holdings: dict[str, Holding] = {}


def nothing_open(user_id: int) -> bool:
    """`is_open` of who never needs the person."""
    return False


def register(name: str, holding: Holding) -> None:
    """Registering a name again replaces it (autoreload)."""
    _holdings[name] = holding


def open_holdings(user_id: int) -> dict[str, str]:
    """The names of those that still need the person, and what each needs them for."""
    return {name: str(holding.needed_for) for name, holding in _holdings.items() if holding.is_open(user_id)}


def erase_holdings(user_id: int) -> None:
    for holding in _holdings.values():
        holding.erase(user_id)
