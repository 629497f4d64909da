"""Archives: events that leave the table stay provable, and what is done to the file is found."""

import gzip
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit.models import Archive, Event, EventPersonal
from audit.seals import archive_rows
from audit.seals.archiving import NotProvable, archive_events, finish_archiving
from audit.seals.sealing import seal_next
from audit.seals.verifying import verify
from audit.tests.chain import findings, make_events

pytestmark = pytest.mark.django_db(transaction=True)


def test_archived_events_leave_the_table_and_stay_provable(as_owner: None, tmp_path: Path):
    ids = make_events(5)
    seal_next(limit=3)
    seal_next(limit=2)
    kept = make_events(1)

    archive = archive_events(before=timezone.now(), folder=tmp_path)

    path = tmp_path / archive.file_name
    assert (archive.first_seal, archive.last_seal, archive.count) == (1, 2, 5)
    left = list(Event.objects.order_by("id").values_list("id", "action"))
    assert left == [(kept[0], "credits.spend"), (kept[0] + 1, "audit.archived")]
    assert not set(ids) & set(Event.objects.values_list("id", flat=True))
    # Whose the personal values of the others were, nobody could tell any more.
    remain = set(Event.objects.values_list("commitment", flat=True))
    assert set(EventPersonal.objects.values_list("event_id", flat=True)) == remain
    with_file, without = verify(archives=[path]), verify()
    assert (with_file.findings, with_file.archived, with_file.sealed) == ([], 5, 0)
    assert (without.findings, without.archived) == ([], 5)


def test_archive_that_was_changed_is_found(as_owner: None, tmp_path: Path):
    make_events(2)
    seal_next()
    archive = archive_events(before=timezone.now(), folder=tmp_path)
    path = tmp_path / archive.file_name

    path.write_bytes(path.read_bytes()[:-20])

    assert findings(archives=[path]) == [f"archive: {path.name}: cannot be read as an archive"]


def _with_lines(path: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Write the archive anew with other lines, and the old signature: whoever edits it has no key."""
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(change(lines))))


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [lines[0], lines[1].replace(b"balance_after", b"balance_befor"), *lines[2:]],
        lambda lines: [lines[0], *lines[2:]],
        lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
        lambda lines: [*lines[:-1], lines[1], lines[-1]],
    ],
    ids=["edited", "removed", "reordered", "inserted"],
)
def test_archive_with_other_events_is_found(as_owner: None, tmp_path: Path, change: Callable[..., Any]):
    make_events(3)
    seal_next()
    path = tmp_path / archive_events(before=timezone.now(), folder=tmp_path).file_name
    assert findings(archives=[path]) == []

    _with_lines(path, change)

    assert findings(archives=[path]) == [f"archive: {path.name}: changed, or not signed by a key of ours"]


def test_archive_of_another_log_and_a_forgotten_archive_are_found(
    append_only_lifted: Callable[[], Any], as_owner: None, tmp_path: Path
):
    ids = make_events(2)
    seal_next()
    path = tmp_path / archive_events(before=timezone.now(), folder=tmp_path).file_name

    with append_only_lifted():
        Archive.objects.all().delete()

    assert findings(archives=[path]) == [
        *(f"event {number}: removed (seal 1)" for number in ids),
        f"archive: {path.name}: not an archive of this log, or changed since",
    ]


def _forged(**fields: Any) -> Archive:
    """A row as whoever may write to the table, and has no key, can make it."""
    values = {"file_name": "forged.gz", "sha256": "0" * 64, "first_seal": 1, "last_seal": 1, "count": 3}
    return Archive.objects.create(**values | fields)


FORGED = "archive: forged.gz: its row is forged or changed: no key of ours has signed it"


def test_events_removed_behind_a_forged_archive_are_found(append_only_lifted: Callable[[], Any]):
    ids = make_events(3)
    seal_next()
    with append_only_lifted():
        Event.objects.filter(pk__in=ids).delete()
        forged = _forged()

    removed = [f"event {number}: removed (seal 1)" for number in ids]
    assert findings() == [*removed, FORGED]
    # An event about it without the key of events is no better.
    with append_only_lifted():
        Event.objects.create(
            occurred_at=timezone.now(),
            action="audit.archived",
            entity="archive",
            entity_id=forged.pk,
            actor_kind="command",
            changes=archive_rows.told(forged),
            commitment="f" * 64,
            mac="f" * 64,
        )
    assert findings() == [*removed, f"event {ids[-1] + 1}: its mac does not fit", FORGED]


def test_archive_row_that_says_more_than_was_signed_is_found(
    append_only_lifted: Callable[[], Any], as_owner: None, tmp_path: Path
):
    ids = make_events(3)
    seal_next(limit=2)
    genuine = archive_events(before=timezone.now(), folder=tmp_path)
    seal_next()
    with append_only_lifted():
        Event.objects.filter(pk__gte=ids[2]).delete()
        Archive.objects.update(last_seal=2)

    name = genuine.file_name
    assert findings() == [
        *(f"event {number}: removed (seal 1)" for number in ids[:2]),
        *(f"event {number}: removed (seal 2)" for number in (ids[2], ids[2] + 1)),
        f"archive: {name}: its row is forged or changed: no key of ours has signed it",
    ]
    with append_only_lifted():
        Archive.objects.update(last_seal=1)
        _forged(first_seal=2, last_seal=2, key=genuine.key, signature=genuine.signature)
    assert findings() == [*(f"event {number}: removed (seal 2)" for number in (ids[2], ids[2] + 1)), FORGED]


def test_archives_of_one_seal_are_found(as_owner: None, tmp_path: Path):
    make_events(3)
    seal_next(limit=2)
    seal_next(limit=1)
    archive_events(before=timezone.now(), folder=tmp_path)
    again = Archive(file_name="again.gz", sha256="1" * 64, first_seal=2, last_seal=3, count=1)
    archive_rows.sign(again)
    again.save()

    assert findings() == ["archive: again.gz: overlaps another one (seal 2)"]


def test_archive_from_before_rows_were_signed_rests_on_its_event(
    append_only_lifted: Callable[[], Any], as_owner: None, tmp_path: Path
):
    ids = make_events(2)
    seal_next()
    archive = archive_events(before=timezone.now(), folder=tmp_path)
    with append_only_lifted():
        Archive.objects.update(key="", signature="")
    assert findings() == findings(archives=[tmp_path / archive.file_name]) == []

    with append_only_lifted():
        Archive.objects.update(count=1)

    assert findings() == [
        *(f"event {number}: removed (seal 1)" for number in ids),
        f"archive: {archive.file_name}: its row is forged or changed: no key of ours has signed it",
    ]


def test_nothing_leaves_the_table_behind_a_forged_archive(as_owner: None, tmp_path: Path):
    make_events(3)
    seal_next()
    _forged()

    for archiving in (finish_archiving, lambda: archive_events(before=timezone.now(), folder=tmp_path)):
        with pytest.raises(NotProvable):
            archiving()

    assert Event.objects.count() == 3
    assert list(tmp_path.iterdir()) == []


def test_interrupted_archiving_is_finished_by_the_next_run(as_owner: None, tmp_path: Path, monkeypatch: Any):
    make_events(3)
    seal_next()
    monkeypatch.setattr("audit.seals.archiving._take_out", lambda seals: 0)
    archive_events(before=timezone.now(), folder=tmp_path)
    monkeypatch.undo()
    assert Event.objects.count() == 4

    assert finish_archiving() == 3

    assert Event.objects.count() == 1
    assert findings() == []


def test_events_that_cannot_be_proved_are_not_archived(
    append_only_lifted: Callable[[], Any], as_owner: None, tmp_path: Path
):
    ids = make_events(2)
    seal_next()
    with append_only_lifted():
        Event.objects.filter(pk=ids[0]).update(amount=1)

    with pytest.raises(NotProvable):
        archive_events(before=timezone.now(), folder=tmp_path)

    assert Event.objects.count() == 2
    assert not Archive.objects.exists()


@pytest.mark.skipif(not project_settings.DATABASE_APPLICATION_ROLE, reason="needs two roles, as on PostgreSQL")
def test_application_role_cannot_archive(tmp_path: Path, time_machine: Any):
    make_events(2)
    seal_next()
    time_machine.move_to(timezone.now() + timedelta(days=2))

    with pytest.raises(CommandError, match="only its owner may archive"):
        call_command("archive_events", "--before", str(timezone.now().date()), "--to", str(tmp_path))

    assert Event.objects.filter(action="credits.spend").count() == 2
