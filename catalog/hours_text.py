"""Opening hours as people write them in French: "Lun-Sam: 8h-19h30, Dim: 8h-18h".

What is not understood to the last word is not guessed at: a patient in front of a closed door is worse off than one
who is told that nobody knows.
"""

import re
from collections.abc import Iterable
from itertools import chain, pairwise

from catalog.enums import Day
from catalog.models import MINUTES_OF_A_DAY
from catalog.text import normalize

# Day, minute of opening, minute of closing (see `OpeningHours`).
Opening = tuple[int, int, int]

_EVERY_DAY = tuple(Day.values)
_DAYS = {
    name: number
    for number, names in enumerate(
        ("lun lundi", "mar mardi", "mer mercredi", "jeu jeudi", "ven vendredi", "sam samedi", "dim dimanche")
    )
    for name in names.split()
}
_TOKEN = re.compile(
    r"""(?P<always>24\s*h\s*/\s*24)
      | (?P<daily>7\s*j\s*/\s*7 | tous\s+les\s+jours)
      | (?P<opens>\d{1,2})\s*[h:](?P<opens_at>\d{2})?\s*(?:-|–|à|a)\s*(?P<closes>\d{1,2})\s*[h:](?P<closes_at>\d{2})?
      | (?P<holidays>(?:jours?\s+)?f[ée]ri[ée]s?)
      | (?P<closed>ferm[ée]e?s?)
      | (?P<first>[a-z]+)\s*(?:-|–|au|à)\s*(?P<last>[a-z]+)(?!\w)
      | (?P<day>[a-z]+)
      | (?P<between>[\s&:.\-–/]+)""",
    re.VERBOSE,
)
# Words that change nothing; "non-stop" looks like a range of days.
_FILLERS = frozenset({"et", "de", "le", "les", "du"})


class _Clause:
    """One part of the text, up to a comma or a parenthesis."""

    def __init__(self, text: str) -> None:
        self.days: set[int] = set()
        self.is_daily = self.is_closed = False
        self.hours: list[tuple[int, int]] = []
        position = 0
        while position < len(text):
            found = _TOKEN.match(text, position)
            if found is None:
                raise ValueError(text)
            self._take(found)
            position = found.end()

    def _take(self, found: re.Match[str]) -> None:
        kind = found.lastgroup
        if found["opens"]:
            self.hours.append(_hours(found))
        elif kind == "always":
            self.hours.append((0, MINUTES_OF_A_DAY))
        elif kind == "daily":
            self.is_daily = True
        elif kind == "holidays":
            self.days.add(Day.HOLIDAY)
        elif kind == "closed":
            self.is_closed = True
        elif kind == "last":
            first, last = _day(found["first"]), _day(found["last"])
            self.days.update(range(first, last + 1) if first <= last else chain(range(first, 7), range(last + 1)))
        elif kind == "day" and found["day"] not in _FILLERS:
            self.days.add(_day(found["day"]))


def read_hours(text: str) -> list[Opening] | None:
    """The openings that a text means, in order, or None where a word of it is not understood or days are missing."""
    plain = text.casefold().replace("non-stop", " ").replace("non stop", " ")
    try:
        clauses = [_Clause(part) for part in re.split(r"[,;()]", plain) if normalize(part)]
    except ValueError:
        return None
    return _combine(clauses)


def _combine(clauses: Iterable[_Clause]) -> list[Opening] | None:
    """Hours without days are those of every day that is not named; named days win."""
    clauses = list(clauses)
    named: dict[int, list[tuple[int, int]]] = {}
    general: list[tuple[int, int]] = []
    for clause in clauses:
        if clause.is_closed and (clause.hours or not clause.days):
            return None
        if clause.days:
            if not clause.hours and not clause.is_closed:
                return None
            for day in clause.days:
                if day in named:
                    return None
                named[day] = clause.hours
        elif clause.hours:
            if general:
                return None
            general = clause.hours
    if general:
        base = _days_in_general(clauses)
        if not base:
            return None
        named = {day: named.get(day, general) for day in base} | named
    openings = [(day, opens, closes) for day in sorted(named) for opens, closes in sorted(named[day])]
    overlap = any(a[0] == b[0] and b[1] < a[2] for a, b in pairwise(openings))
    return None if overlap or not openings else openings


def _days_in_general(clauses: Iterable[_Clause]) -> tuple[int, ...]:
    """Said outright ("7j/7"), or by naming the only day that is closed; nothing else is certain."""
    clauses = list(clauses)
    if any(clause.is_daily for clause in clauses):
        return _EVERY_DAY
    closed = {day for clause in clauses if clause.is_closed for day in clause.days}
    return tuple(day for day in range(7) if day not in closed) if Day.SUNDAY in closed else ()


def _hours(found: re.Match[str]) -> tuple[int, int]:
    opens = int(found["opens"]) * 60 + int(found["opens_at"] or 0)
    closes = int(found["closes"]) * 60 + int(found["closes_at"] or 0)
    too_many = max(int(found["opens_at"] or 0), int(found["closes_at"] or 0)) > 59
    if too_many or opens >= MINUTES_OF_A_DAY or closes > MINUTES_OF_A_DAY:
        raise ValueError(found[0])
    return opens, closes if closes > opens else closes + MINUTES_OF_A_DAY


def _day(word: str) -> int:
    try:
        return _DAYS[word]
    except KeyError:
        raise ValueError(word) from None
