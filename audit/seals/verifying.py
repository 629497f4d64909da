"""Proving the log: what was changed, removed, inserted, put in another place or cut off, by its number."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from django.db.models import Max

from audit import canonical
from audit.models import Archive, Event, EventPersonal, Seal
from audit.seals import archive_rows, keys, merkle, ranges
from audit.seals.archive_files import ArchiveUnreadable, read_archive
from audit.seals.leaves import leaf_of, split, stored_events
from audit.seals.sealing import FIRST_PREVIOUS, open_gaps_of, payload, seal_hash

_MOVED_AT_MOST = 1000


@dataclass(frozen=True)
class Finding:
    """`subject` is `event`, `seal`, `personal`, `archive` or `anchor`; `number` its number, 0 where it has none."""

    subject: str
    number: int
    what: str

    def __str__(self) -> str:
        return f"{self.subject} {self.number}: {self.what}" if self.number else f"{self.subject}: {self.what}"


@dataclass
class Verification:
    seals: int = 0
    sealed: int = 0
    unsealed: int = 0
    archived: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, subject: str, number: int, what: str) -> None:
        self.findings.append(Finding(subject, number, what))


def verify(
    *,
    anchors: Iterable[Path] = (),
    archives: Iterable[Path] = (),
    progress: Callable[[Iterable[Seal], int], Iterable[Seal]] = lambda seals, total: seals,
) -> Verification:
    """Prove every seal, every event, every personal value still there; findings by ascending event number first.

    `anchors` are files of anchor lines, `archives` files of `archive_events`: without one, its events are only counted.
    """
    result = Verification()
    archived = _archived_events(archives, result)
    previous, last, numbers = FIRST_PREVIOUS, None, 0
    listed: list[tuple[int, int]] = []
    for seal in progress(Seal.objects.order_by("number").iterator(chunk_size=10), Seal.objects.count()):
        numbers += 1
        if seal.number != numbers:
            result.add("seal", numbers, "removed from the chain")
            numbers = seal.number
        _verify_seal(seal, previous, result)
        _verify_events(seal, archived, result)
        listed += ranges.spans(seal.ids)
        previous, last = seal.hash, seal
        result.seals += 1
    _verify_unlisted(listed, last, result)
    _verify_personal(result)
    _verify_anchors(anchors, result)
    result.findings.sort(key=lambda finding: (finding.subject != "event", finding.number))
    return result


def _verify_seal(seal: Seal, previous: str, result: Verification) -> None:
    leaves = split(seal.leaves)
    if seal.previous != previous:
        result.add("seal", seal.number, "does not continue the seal before it")
    if seal.hash != seal_hash(seal):
        result.add("seal", seal.number, "changed: its hash does not fit")
    if not keys.is_signed(payload(seal), signature=seal.signature, key=seal.key):
        result.add("seal", seal.number, "not signed by a key of ours")
    if seal.root != merkle.root(leaves).hex() or not len(leaves) == seal.count == _size(seal.ids):
        result.add("seal", seal.number, "its leaves do not lead to its root")


def _verify_events(seal: Seal, archived: dict[int, "_Archived"], result: Verification) -> None:
    numbers = list(ranges.unpack(seal.ids))
    expected = dict(zip(numbers, split(seal.leaves), strict=False))
    if (archive := archived.get(seal.number)) is not None:
        rows: Iterable[tuple[int, bytes, str]] = archive.events(seal.number)
        result.archived += seal.count
        if archive.is_absent:
            return
    else:
        rows = _rows(seal.ids, expected)
        result.sealed += seal.count
    differing: dict[int, bytes] = {}
    found = set()
    for event_id, form, mac in rows:
        found.add(event_id)
        if expected.get(event_id) != leaf_of(event_id, form):
            differing[event_id] = form
        elif not canonical.has_genuine_mac(form, mac):
            result.add("event", event_id, "its mac does not fit")
    for number in numbers:
        if number not in found:
            result.add("event", number, f"removed (seal {seal.number})")
    _name_differing(differing, expected, seal.number, result)


def _rows(ids: str, wanted: dict[int, bytes]) -> Iterator[tuple[int, bytes, str]]:
    """The events of a batch: one query where its numbers lie together, as they do but for late ones."""
    found = ranges.spans(ids)
    first, last = found[0][0], found[-1][1]
    if last - first > 4 * len(wanted):
        for span in found:
            yield from stored_events(Event.objects.filter(id__range=span))
        return
    for row in stored_events(Event.objects.filter(id__range=(first, last))):
        if row[0] in wanted:
            yield row


def _name_differing(
    differing: dict[int, bytes], expected: dict[int, bytes], seal_number: int, result: Verification
) -> None:
    """Changed, or another event's content under this number."""
    forms = list(differing.items())[:_MOVED_AT_MOST]
    for event_id in differing:
        origin = next(
            (other for other, form in forms if other != event_id and leaf_of(event_id, form) == expected[event_id]), 0
        )
        what = f"reordered with event {origin}" if origin else "changed"
        result.add("event", event_id, f"{what} (seal {seal_number})")


def _verify_unlisted(listed: list[tuple[int, int]], last: Seal | None, result: Verification) -> None:
    """Events that no seal covers: new ones, ones whose number a seal still waits for, or inserted ones."""
    seen_to = last.seen_to if last else 0
    waiting = [span for gap in open_gaps_of(last) for span in ranges.spans(gap.ids)]
    unlisted = _outside(sorted(listed), Event.objects.order_by("id").values_list("id", flat=True).iterator(10_000))
    while batch := list(islice(unlisted, 1000)):
        for event_id, form, mac in stored_events(Event.objects.filter(id__in=batch)):
            if event_id <= seen_to and not ranges.contains(waiting, event_id):
                result.add("event", event_id, "inserted: no seal covers it, though later ones are covered")
                continue
            result.unsealed += 1
            if not canonical.has_genuine_mac(form, mac):
                result.add("event", event_id, "its mac does not fit")


def _outside(spans: list[tuple[int, int]], numbers: Iterable[int]) -> Iterator[int]:
    """The ascending `numbers` that lie in none of the ascending `spans`."""
    ahead = iter(spans)
    first, last = next(ahead, (sys.maxsize, sys.maxsize))
    for number in numbers:
        while number > last:
            first, last = next(ahead, (sys.maxsize, sys.maxsize))
        if number < first:
            yield number


def _verify_personal(result: Verification) -> None:
    rows = EventPersonal.objects.values_list("event_id", "salt", "ip", "values").iterator(chunk_size=2000)
    changed = []
    for key, salt, ip, values in rows:
        # Its key is the commitment, a text.
        if canonical.commitment(salt, ip, values) != str(key):
            changed.append(str(key))
    numbers = dict(Event.objects.filter(commitment__in=changed).values_list("commitment", "id")) if changed else {}
    for commitment in changed:
        result.add("personal", numbers.get(commitment, 0), "personal values changed")


def _verify_anchors(files: Iterable[Path], result: Verification) -> None:
    newest = Seal.objects.aggregate(newest=Max("number"))["newest"] or 0
    for file in files:
        for line_number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                anchor = json.loads(line)
                number, expected = int(anchor["number"]), str(anchor["hash"])
            except (ValueError, KeyError, TypeError):
                result.add("anchor", 0, f"{file.name}, line {line_number}: cannot be read")
                continue
            if number > newest:
                result.add("anchor", number, f"the log was cut off after seal {newest}")
            elif not Seal.objects.filter(number=number, hash=expected).exists():
                result.add("anchor", number, "another seal stands here than was anchored")


def _size(ids: str) -> int:
    return sum(last - first + 1 for first, last in ranges.spans(ids))


@dataclass
class _Archived:
    """One archive: its file's events by seal, or nothing where the file was not given."""

    by_seal: dict[int, list[tuple[int, bytes, str]]] | None

    @property
    def is_absent(self) -> bool:
        return self.by_seal is None

    def events(self, seal_number: int) -> list[tuple[int, bytes, str]]:
        return (self.by_seal or {}).get(seal_number, [])


def _archived_events(files: Iterable[Path], result: Verification) -> dict[int, _Archived]:
    """By seal number, what its archive holds; a row that is not ours excuses no event from being there."""
    given: dict[str, Any] = {}
    for file in files:
        try:
            content = read_archive(file)
            given[content.sha256] = content
        except ArchiveUnreadable as error:
            result.add("archive", 0, f"{file.name}: {error}")
    found: dict[int, _Archived] = {}
    last = 0
    for archive in Archive.objects.order_by("first_seal"):
        if not archive_rows.is_genuine(archive):
            result.add("archive", 0, f"{archive.file_name}: its row is forged or changed: no key of ours has signed it")
            continue
        if archive.first_seal <= last:
            result.add("archive", 0, f"{archive.file_name}: overlaps another one (seal {archive.first_seal})")
        last = max(last, archive.last_seal)
        content = given.pop(archive.sha256, None)
        entry = _Archived(content.by_seal if content else None)
        for number in range(archive.first_seal, archive.last_seal + 1):
            found[number] = entry
    for content in given.values():
        result.add("archive", 0, f"{content.name}: not an archive of this log, or changed since")
    return found
