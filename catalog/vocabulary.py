"""The words of all search entries, and which of them somebody who mistyped may have meant.

Held in memory per process, under the catalogue's version.
"""

import threading
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from rapidfuzz import process
from rapidfuzz.distance import OSA

from catalog.models import SearchEntry
from common import sql

SHORTEST = 3
# Up to four letters one mistake is a quarter of the word; from five on two can still be told from another word.
_TWO_MISTAKES_FROM = 5


class Vocabulary:
    def __init__(self, texts: Iterable[str]) -> None:
        self._frequency = Counter(word for text in texts for word in set(text.split()) if not word[0].isdigit())
        self._sorted = sorted(self._frequency)
        by_length: defaultdict[int, list[str]] = defaultdict(list)
        for word in self._sorted:
            if len(word) >= SHORTEST:
                by_length[len(word)].append(word)
        self._by_length = dict(by_length)

    def knows(self, word: str) -> bool:
        """Whether some word begins with `word`. Numbers always count as known: they are never corrected."""
        if len(word) < SHORTEST or word[0].isdigit():
            return True
        position = bisect_left(self._sorted, word)
        return position < len(self._sorted) and self._sorted[position].startswith(word)

    def knows_all(self, words: Iterable[str]) -> bool:
        return all(map(self.knows, words))

    def corrections(self, word: str, *, limit: int) -> list[str]:
        """The nearest words, best first: fewest mistakes (swapped neighbours are one), same first letter, commonest."""
        mistakes = 2 if len(word) >= _TWO_MISTAKES_FROM else 1
        found = [
            (distance, candidate[0] != word[0], -self._frequency[candidate], candidate)
            for length in range(len(word) - mistakes, len(word) + mistakes + 1)
            for candidate, distance, _ in process.extract_iter(
                word, self._by_length.get(length, ()), scorer=OSA.distance, score_cutoff=mistakes
            )
        ]
        return [candidate for *_, candidate in sorted(found)[:limit]]


_lock = threading.Lock()
_held: tuple[Any, Vocabulary] | None = None


def held() -> Vocabulary | None:
    """The vocabulary this process has, perhaps of an older version; costs nothing."""
    return _held[1] if _held else None


def current() -> Vocabulary:
    """The vocabulary of the catalogue as it stands; read again only when its version has changed."""
    global _held
    # The version is read first: words that come in between are read too, and once more under their own version.
    # Its time tells it from another one of the same number, after a backup was restored.
    version = sql.fetch_one("SELECT number, updated_at FROM catalog_catalogversion")
    found = _held
    if found is None or found[0] != version:
        with _lock:
            found = _held
            if found is None or found[0] != version:
                texts = SearchEntry.objects.order_by().values_list("text", flat=True)
                _held = found = (version, Vocabulary(texts.iterator(chunk_size=5000)))
    return found[1]
