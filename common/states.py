"""Tables of allowed moves: one per model, in its `enums.py`, checked here."""

from collections.abc import Iterable, Mapping

from django.utils.translation import gettext_lazy as _

from common.errors import Conflict


class IllegalMove(Conflict):
    code = "illegal_move"
    detail = _("Cette action n'est pas possible dans l'état actuel.")


class Moves:
    """Which state may follow which; a state that leads nowhere is final."""

    def __init__(self, table: Mapping[str, Iterable[str]]) -> None:
        self._table = {str(state): frozenset(map(str, targets)) for state, targets in table.items()}
        unknown = {target for targets in self._table.values() for target in targets} - self._table.keys()
        if unknown:
            raise ValueError(f"states without a row of their own: {sorted(unknown)}")

    def allows(self, state: str, target: str) -> bool:
        return str(target) in self._table[str(state)]

    def check(self, state: str, target: str) -> None:
        """Raise `IllegalMove` (409 `illegal_move`) unless `state` may become `target`."""
        if not self.allows(state, target):
            raise IllegalMove

    def sources(self, target: str) -> tuple[str, ...]:
        """The states that may become `target`: the guard of an UPDATE whose row count decides."""
        return tuple(state for state, targets in self._table.items() if str(target) in targets)

    def is_final(self, state: str) -> bool:
        return not self._table[str(state)]
