"""What a file of staff says, and what came of each line."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# A line's number and its cells, by the column's name in lower case.
Line = tuple[int, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that was left out, and why, in the reader's language."""

    line: int
    reason: str


@dataclass(slots=True)
class Report:
    """What an import did, or would do: a sentence for each change (`created` of them new rows), every line refused."""

    changes: list[str] = field(default_factory=list)
    created: int = 0
    unchanged: int = 0
    refused: list[Refused] = field(default_factory=list)

    def refuse(self, line: int, reason: str) -> None:
        self.refused.append(Refused(line, reason))
