"""What may wait for a second pair of eyes: apps register each kind in their `AppConfig.ready`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from accounts.models import Approval, User


@dataclass(frozen=True)
class Kind:
    """`execute(approval, by)` carries out what was asked, re-checking everything, inside the deciding transaction.

    Whoever decides holds `permission`, the one that asking for it needs.
    """

    label: Any
    permission: str
    execute: Callable[[Approval, User], object]


_kinds: dict[str, Kind] = {}


def register(name: str, kind: Kind) -> None:
    """Registering a name again replaces it (autoreload)."""
    _kinds[name] = kind


def get(name: str) -> Kind:
    """Raises `KeyError` for a kind that nobody registered."""
    return _kinds[name]


def label_of(name: str) -> str:
    """What people call it; the name itself where nobody registers it any more."""
    return str(_kinds[name].label) if name in _kinds else name


def names() -> list[str]:
    return sorted(_kinds)
