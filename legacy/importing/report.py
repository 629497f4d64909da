"""What an import says of itself: how many rows each rule met, every one of them in a file, and totals side by side."""

import csv
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from common.csv import neutral
from legacy.importing.rules import RULES

COLUMNS = ("rule", "table", "id", "detail")
_SHOWN = 20


@dataclass
class Total:
    """One figure of both systems. `left_out` are the reasons that explain why fewer came, with their share."""

    what: str
    old: int
    new: int = 0
    left_out: dict[str, int] = field(default_factory=dict)

    def leave_out(self, reason: str, amount: int = 1) -> None:
        self.left_out[reason] = self.left_out.get(reason, 0) + amount

    @property
    def unexplained(self) -> int:
        return self.old - self.new - sum(self.left_out.values())

    def __str__(self) -> str:
        reasons = "".join(f", {reason} {amount:+d}" for reason, amount in sorted(self.left_out.items()))
        verdict = f"DIFFERENCE {self.unexplained:+d}" if self.unexplained else "explained" if reasons else "equal"
        return f"{self.what}: old {self.old}, here {self.new}{reasons}: {verdict}"


class Report:
    """Counts by rule, the first rows of each, and all of them in the file that `written_to` opens."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.totals: list[Total] = []
        self.brought: dict[str, int] = {}
        self._first: dict[str, list[str]] = {rule: [] for rule in RULES}
        self._writer: Any = None

    def note(self, rule: str, table: str, old_id: object, detail: object = "") -> None:
        """A row that met a rule. `detail` is what stood there, as far as that helps; never a password."""
        self.counts[rule] += 1
        if len(first := self._first[rule]) < _SHOWN:
            first.append(str(old_id))
        if self._writer is not None:
            self._writer.writerow([rule, table, neutral(str(old_id)), neutral(str(detail)[:200])])

    @contextmanager
    def written_to(self, path: Path | None) -> Iterator[None]:
        """Every noted row goes to `path` as CSV, the counts beside it as JSON; both for their owner's eyes only."""
        if path is None:
            yield
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w", newline="", encoding="utf-8", opener=_private) as file:
            self._writer = csv.writer(file)
            self._writer.writerow(COLUMNS)
            yield
        self._writer = None
        with open(path.with_suffix(".json"), "w", encoding="utf-8", opener=_private) as file:
            json.dump(self.as_json(), file, ensure_ascii=False, indent=1)

    def as_json(self) -> dict[str, Any]:
        return {
            "rules": {rule: self.counts[rule] for rule in RULES if self.counts[rule]},
            "totals": [asdict(total) | {"unexplained": total.unexplained} for total in self.totals],
            "brought": self.brought,
        }

    def lines(self) -> Iterator[str]:
        """For people: each rule with its count and its first rows, then the totals side by side."""
        for rule, sentence in RULES.items():
            if count := self.counts[rule]:
                more = ", …" if count > _SHOWN else ""
                yield f"{count} × {rule} ({sentence}): {', '.join(self._first[rule])}{more}"
        yield from map(str, self.totals)

    @property
    def is_explained(self) -> bool:
        return not any(total.unexplained for total in self.totals)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
