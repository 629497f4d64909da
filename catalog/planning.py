"""Where to go for a whole basket: a pure search, nothing but numbers in and numbers out.

A plan is a set of pharmacies. The best plan has the fewest lines missing, then the fewest stops, then the shortest way,
then the fewest stops off duty, then the lowest total. Finding the fewest stops is set cover; with a dozen lines and
thirty pharmacies it is small enough to be exact: the line that the fewest can serve is served first, and a branch that
cannot beat what was found is left.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

# How many steps go by between two looks at the clock.
_STEPS = 128


@dataclass(frozen=True, slots=True)
class Shop:
    """What one pharmacy can serve: line number → price of the whole line. `metres` from the patient, 0 if unknown."""

    metres: int
    on_duty: bool
    prices: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """`stops`: number of the shop and the lines bought there, the nearest first; `missing`: lines nobody can serve.

    `metres` is the sum of the stops' distances from the patient.
    """

    stops: tuple[tuple[int, tuple[int, ...]], ...]
    missing: tuple[int, ...]
    metres: int
    off_duty: int
    total: int

    @property
    def rank(self) -> tuple[int, int, int, int, int]:
        """Smaller is better."""
        return len(self.missing), len(self.stops), self.metres, self.off_duty, self.total


@dataclass(frozen=True, slots=True)
class Planned:
    """The best plans, best first, all with the same number of stops; `exact` unless the time ran out."""

    plans: tuple[Plan, ...]
    exact: bool


class _TimeIsUp(Exception):
    pass


def plan(
    lines: int,
    shops: Sequence[Shop],
    *,
    most: int = 3,
    seconds: float = 0.2,
    clock: Callable[[], float] = time.monotonic,
) -> Planned:
    """The `most` best plans for a basket of so many lines, found within `seconds`.

    Beyond that the best found so far, and at least one that covers whatever can be covered.
    """
    search = _Search(lines, shops, most, clock() + seconds, clock)
    if not search.wanted:
        return Planned((), exact=True)
    try:
        search.run()
    except _TimeIsUp:
        best = search.best or [search.evaluate(_greedy(search.masks, search.wanted))]
        return Planned(tuple(best), exact=False)
    return Planned(tuple(search.best), exact=True)


class _Search:
    def __init__(self, lines: int, shops: Sequence[Shop], most: int, ends: float, clock: Callable[[], float]) -> None:
        self._lines, self._shops, self._most = lines, shops, most
        self._ends, self._clock, self._steps = ends, clock, count(1)
        self.masks = [sum(1 << line for line in shop.prices) for shop in shops]
        self.wanted = 0
        for mask in self.masks:
            self.wanted |= mask
        self._largest = max((mask.bit_count() for mask in self.masks), default=0)
        # Who serves a line, the nearest first: good plans are found early and cut the rest off.
        order = sorted(range(len(shops)), key=lambda shop: (shops[shop].metres, not shops[shop].on_duty, shop))
        self._servers = [[shop for shop in order if _serves(self.masks[shop], line)] for line in range(lines)]
        self.best: list[Plan] = []
        self._seen: set[int] = set()

    def run(self) -> None:
        """Try ever more stops until that many suffice."""
        fewest = -(-self.wanted.bit_count() // self._largest)
        for stops in range(fewest, self.wanted.bit_count() + 1):
            self._seen.clear()
            self._extend((), 0, self.wanted, 0, stops)
            if self.best:
                return

    def _extend(self, chosen: tuple[int, ...], chosen_mask: int, uncovered: int, metres: int, left: int) -> None:
        """Serve the line that the fewest can serve, in every way that may still be among the best."""
        if next(self._steps) % _STEPS == 0 and self._clock() > self._ends:
            raise _TimeIsUp
        if not uncovered:
            self._keep(self.evaluate(chosen))
            return
        if uncovered.bit_count() > left * self._largest:
            return
        line = min(_bits(uncovered), key=lambda each: len(self._servers[each]))
        for shop in self._servers[line]:
            way = metres + self._shops[shop].metres
            if len(self.best) == self._most and way > self.best[-1].metres:
                # Who comes after this one is no nearer.
                return
            together = chosen_mask | 1 << shop
            if together not in self._seen:
                self._seen.add(together)
                self._extend((*chosen, shop), together, uncovered & ~self.masks[shop], way, left - 1)

    def evaluate(self, chosen: Sequence[int]) -> Plan:
        """Every line at the cheapest of these stops, the nearest of equals."""
        bought: dict[int, list[int]] = {}
        total = 0
        stops = sorted(chosen, key=lambda shop: (self._shops[shop].metres, shop))
        for line in _bits(self.wanted):
            price, _, shop = min(
                (self._shops[shop].prices[line], place, shop)
                for place, shop in enumerate(stops)
                if line in self._shops[shop].prices
            )
            bought.setdefault(shop, []).append(line)
            total += price
        return Plan(
            stops=tuple((shop, tuple(bought[shop])) for shop in stops if shop in bought),
            missing=tuple(line for line in range(self._lines) if not self.wanted >> line & 1),
            metres=sum(self._shops[shop].metres for shop in bought),
            off_duty=sum(not self._shops[shop].on_duty for shop in bought),
            total=total,
        )

    def _keep(self, found: Plan) -> None:
        self.best.append(found)
        self.best.sort(key=lambda plan: (plan.rank, plan.stops))
        del self.best[self._most :]


def _serves(mask: int, line: int) -> bool:
    return bool(mask >> line & 1)


def _greedy(masks: Sequence[int], wanted: int) -> list[int]:
    """Whoever serves most of what is left, until nothing is."""
    chosen: list[int] = []
    while wanted:
        shop = max(range(len(masks)), key=lambda each: (masks[each] & wanted).bit_count())
        chosen.append(shop)
        wanted &= ~masks[shop]
    return chosen


def _bits(mask: int) -> list[int]:
    return [line for line in range(mask.bit_length()) if mask >> line & 1]
