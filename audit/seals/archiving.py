"""Moving old sealed events to a file: the one place that takes rows out of the log (docs/adr names it)."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from django.db import connection, transaction

from audit.enums import Action
from audit.models import Archive, Event, Seal
from audit.seals import archive_rows, ranges
from audit.seals.archive_files import ArchiveUnreadable, read_archive, write_archive
from audit.seals.leaves import leaf_of, split, stored_events
from audit.services import record
from common.append_only import lifted_for_delete
from common.unit_of_work import unit_of_work

# What a file holds at most: half a million events, which a verifier reads into memory.
_SEALS_A_FILE = 50


class NothingToArchive(Exception):
    """No seal, after those archived already, lies wholly before the date."""


class NotProvable(Exception):
    """An event to archive, or an archive of before, is not what was sealed or signed: `verify_audit` says which."""


def archive_events(*, before: datetime, folder: Path) -> Archive:
    """Write the events of all seals that end before `before` to a file, read it back, then take them out of the table.

    Needs the database's owner. Killed before the last step, nothing has left the table; a file without its `Archive`
    row is then of no meaning. Raises `NothingToArchive`, `NotProvable`, `FileExistsError`, `ArchiveUnreadable`.
    """
    done = max((archive.last_seal for archive in _archives()), default=0)
    seals = list(Seal.objects.filter(number__gt=done, sealed_at__lt=before).order_by("number")[:_SEALS_A_FILE])
    if not seals:
        raise NothingToArchive
    first, last = seals[0].number, seals[-1].number
    path = folder / f"events-{first:06d}-{last:06d}.jsonl.gz"
    count = sum(seal.count for seal in seals)
    sha256 = write_archive(path, first_seal=first, last_seal=last, count=count, events=_events(seals))
    content = read_archive(path)
    if content.sha256 != sha256 or sum(map(len, content.by_seal.values())) != count:
        raise ArchiveUnreadable("what was written cannot be read back")
    with unit_of_work():
        archive = Archive(file_name=path.name, sha256=sha256, first_seal=first, last_seal=last, count=count)
        archive_rows.sign(archive)
        archive.save(force_insert=True)
        record(Action.AUDIT_ARCHIVED, entity="archive", entity_id=archive.pk, changes=archive_rows.told(archive))
    _take_out(seals)
    return archive


def finish_archiving() -> int:
    """Take out what a killed run has archived and left in the table; how many events went. Raises `NotProvable`."""
    archived = [
        seal
        for archive in _archives()
        for seal in Seal.objects.filter(number__range=(archive.first_seal, archive.last_seal))
    ]
    return _take_out(archived)


def _archives() -> list[Archive]:
    """A row that is not ours would have events taken out that are in no file."""
    found = list(Archive.objects.order_by("first_seal"))
    if not all(map(archive_rows.is_genuine, found)):
        raise NotProvable
    return found


def _events(seals: list[Seal]) -> Iterator[tuple[int, int, bytes, str]]:
    for seal in seals:
        expected = dict(zip(ranges.unpack(seal.ids), split(seal.leaves), strict=True))
        found = 0
        for first, last in ranges.spans(seal.ids):
            for event_id, form, mac in stored_events(Event.objects.filter(id__range=(first, last))):
                if leaf_of(event_id, form) != expected.get(event_id):
                    raise NotProvable
                found += 1
                yield seal.number, event_id, form, mac
        if found != seal.count:
            raise NotProvable


def _take_out(seals: list[Seal]) -> int:
    """A transaction a seal: the lock that it takes keeps writers waiting only that long.

    Personal values go with their event: nothing else says whose they are, so that nobody could erase them any more.
    """
    gone = 0
    for seal in seals:
        for first, last in ranges.spans(seal.ids):
            if not Event.objects.filter(id__range=(first, last)).exists():
                continue
            with transaction.atomic(), lifted_for_delete("audit_event"), connection.cursor() as cursor:
                cursor.execute(
                    "DELETE FROM audit_eventpersonal WHERE commitment IN "
                    "(SELECT commitment FROM audit_event WHERE id BETWEEN %s AND %s)",
                    [first, last],
                )
                cursor.execute("DELETE FROM audit_event WHERE id BETWEEN %s AND %s", [first, last])
                gone += cursor.rowcount
    return gone
