"""Seals: what they cover, that they chain, and that whatever is done to the log afterwards is found and named."""

import gzip
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from audit.canonical import canonical_event, mac
from audit.enums import Action
from audit.models import Anchor, Archive, Event, EventPersonal, Seal
from audit.seals import keys, merkle, ranges, sealing
from audit.seals.anchoring import anchor_due
from audit.seals.archiving import NotProvable, archive_events, finish_archiving
from audit.seals.leaves import leaf_of, split, stored_events
from audit.seals.sealing import payload, seal_all, seal_due, seal_hash, seal_next
from audit.seals.verifying import verify
from audit.services import record
from common.connections import release_connection
from common.models import Mail
from common.tests.mailbox import mails

pytestmark = pytest.mark.django_db(transaction=True)


def make_events(count: int) -> list[int]:
    """Events of different people, their ids."""
    first = Event.objects.order_by("-id").values_list("id", flat=True).first() or 0
    for number in range(count):
        record(
            Action.CREDITS_SPEND,
            entity="account",
            entity_id=number,
            amount=-number,
            changes={"balance_after": number, "share": 0.5},
            personal={"email": f"{number}@example.org"},
        )
    return list(Event.objects.filter(id__gt=first).order_by("id").values_list("id", flat=True))


def gaps_after(number: int, seal: Seal) -> list[int]:
    """The missing numbers a seal waits for, without those that lie before the test's first event."""
    return [missing for gap in seal.gaps for missing in ranges.unpack(gap[0]) if missing > number]


def seal_until_settled(time_machine: Any) -> Seal:
    """Seal new events until no number is waited for: no transaction of before, here or elsewhere, runs any more."""
    time_machine.move_to(timezone.now() + timedelta(minutes=2, seconds=1))
    deadline = time.monotonic() + 30
    while True:
        make_events(1)
        seal = seal_next()
        assert seal is not None
        if not seal.gaps:
            return seal
        assert time.monotonic() < deadline, seal.gaps


def findings(**options: Any) -> list[str]:
    return [str(finding) for finding in verify(**options).findings]


def test_seal_covers_what_is_committed_and_chains():
    first_ids = make_events(3)
    first = seal_next()
    second_ids = make_events(2)
    second = seal_next()

    assert first is not None
    assert second is not None
    assert (first.number, first.count, first.ids) == (1, 3, f"{first_ids[0]}-{first_ids[-1]}")
    assert (second.number, second.count, second.ids) == (2, 2, f"{second_ids[0]}-{second_ids[-1]}")
    assert (first.previous, second.previous) == ("0" * 64, first.hash)
    assert len(split(first.leaves)) == 3
    assert keys.is_signed(payload(first), signature=first.signature, key=first.key)
    assert seal_next() is None
    result = verify()
    assert (result.seals, result.sealed, result.unsealed, result.findings) == (2, 5, 0, [])


def test_backlog_is_sealed_in_batches():
    make_events(7)

    assert seal_all(limit=3) == 7
    assert list(Seal.objects.order_by("number").values_list("count", flat=True)) == [3, 3, 1]
    assert findings() == []


def test_sweep_waits_for_a_thousand_events_or_five_minutes(time_machine: Any):
    assert seal_due() == 0
    make_events(2)
    assert seal_due() == 0
    assert not Seal.objects.exists()

    time_machine.move_to(timezone.now() + timedelta(minutes=5, seconds=1))

    assert seal_due() == 2
    assert seal_due() == 0


def test_erased_personal_values_leave_every_seal_valid():
    make_events(2)
    seal_next()

    EventPersonal.objects.all().delete()

    assert findings() == []


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: numbers commit in order")
def test_event_that_commits_late_is_sealed_by_the_next_seal():
    (number,) = make_events(1)
    held, go_on = threading.Event(), threading.Event()

    def late() -> None:
        try:
            with transaction.atomic():
                record(Action.CREDITS_GRANT, entity="account", entity_id="late")
                held.set()
                assert go_on.wait(20)
        finally:
            release_connection()

    writer = threading.Thread(target=late)
    writer.start()
    try:
        assert held.wait(20)
        make_events(1)
        first = seal_next()
        # The number in between belongs to a transaction that still runs.
        assert first is not None
        assert gaps_after(number, first) == [number + 1]
        assert verify().findings == []
    finally:
        go_on.set()
        writer.join(20)

    unsealed = verify()
    assert (unsealed.findings, unsealed.unsealed) == ([], 1)
    second = seal_next()

    late_event = Event.objects.get(entity_id="late")
    assert second is not None
    assert (second.ids, gaps_after(number, second), second.seen_to) == (str(late_event.pk), [], first.seen_to)
    assert findings() == []


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite gives a number back when it is not committed")
def test_number_that_never_commits_is_given_up_when_its_time_is_over(time_machine: Any):
    (number,) = make_events(1)
    with transaction.atomic():
        record(Action.CREDITS_GRANT, entity="account", entity_id="never")
        transaction.set_rollback(True)
    make_events(1)
    seal = seal_next()
    assert seal is not None
    assert gaps_after(number, seal) == [number + 1]

    make_events(1)
    still = seal_next()
    assert still is not None
    assert still.gaps == seal.gaps

    later = seal_until_settled(time_machine)

    assert later.gaps == []
    assert findings() == []


@pytest.mark.skipif(connection.vendor != "postgresql", reason="threads need several writers")
def test_sealers_at_once_make_one_chain():
    make_events(40)
    barrier = threading.Barrier(8)
    sealed: list[int] = []

    def run() -> None:
        try:
            barrier.wait(20)
            sealed.append(seal_all(limit=10))
        finally:
            release_connection()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    seal_all()

    assert sum(Seal.objects.values_list("count", flat=True)) == 40
    assert findings() == []


def test_seals_cannot_be_changed_or_deleted():
    make_events(1)
    seal = seal_next()
    assert seal is not None

    for refused in (
        lambda: Seal.objects.update(count=2),
        lambda: Seal.objects.filter(pk=seal.pk).delete(),
        lambda: Anchor.objects.create(seal=seal, target="x").delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            refused()
    assert Seal.objects.get().count == 1


# Each does something to five sealed events (seals of three and two) and two unsealed ones, as the database's owner.
def _edit(ids: list[int]) -> list[str]:
    Event.objects.filter(pk=ids[1]).update(amount=1_000_000)
    return [f"event {ids[1]}: changed (seal 1)"]


def _edit_with_the_key(ids: list[int]) -> list[str]:
    event = Event.objects.get(pk=ids[1])
    event.amount = 1_000_000
    fields = ("occurred_at action entity entity_id actor_id actor_kind request_id amount changes commitment").split()
    event.mac = mac(canonical_event(**{name: getattr(event, name) for name in fields}))
    event.save()
    return [f"event {ids[1]}: changed (seal 1)"]


def _edit_details(ids: list[int]) -> list[str]:
    Event.objects.filter(pk=ids[3]).update(changes={"balance_after": 0})
    return [f"event {ids[3]}: changed (seal 2)"]


def _edit_unsealed(ids: list[int]) -> list[str]:
    Event.objects.filter(pk=ids[5]).update(actor_id="somebody")
    return [f"event {ids[5]}: its mac does not fit"]


def _delete(ids: list[int]) -> list[str]:
    Event.objects.filter(pk=ids[2]).delete()
    return [f"event {ids[2]}: removed (seal 1)"]


def _truncate(ids: list[int]) -> list[str]:
    Event.objects.filter(pk__in=ids[3:]).delete()
    return [f"event {ids[3]}: removed (seal 2)", f"event {ids[4]}: removed (seal 2)"]


def _insert_at_the_end_without_the_key(ids: list[int]) -> list[str]:
    event = Event.objects.get(pk=ids[0])
    event.pk, event.commitment = ids[-1] + 10, "f" * 64
    event.save(force_insert=True)
    return [f"event {ids[-1] + 10}: its mac does not fit"]


def _reorder(ids: list[int]) -> list[str]:
    Event.objects.filter(pk=ids[0]).update(id=0)
    Event.objects.filter(pk=ids[2]).update(id=ids[0])
    Event.objects.filter(pk=0).update(id=ids[2])
    return [
        f"event {ids[0]}: reordered with event {ids[2]} (seal 1)",
        f"event {ids[2]}: reordered with event {ids[0]} (seal 1)",
    ]


def _reseal_with_another_key(ids: list[int]) -> list[str]:
    Event.objects.filter(pk=ids[4]).update(amount=7)
    Seal.objects.filter(number=2).delete()
    own, project_settings.AUDIT_SEAL_KEY = project_settings.AUDIT_SEAL_KEY, "another-key-" * 4
    try:
        seal_next(limit=2)
    finally:
        project_settings.AUDIT_SEAL_KEY = own
    return [f"event {ids[4]}: its mac does not fit", "seal 2: not signed by a key of ours"]


def _edit_a_seal(ids: list[int]) -> list[str]:
    Seal.objects.filter(number=1).update(sealed_at=timezone.now() + timedelta(days=1))
    return ["seal 1: changed: its hash does not fit", "seal 1: not signed by a key of ours"]


def _edit_the_leaves_too(ids: list[int]) -> list[str]:
    _edit(ids)
    seal = Seal.objects.get(number=1)
    leaves = split(seal.leaves)
    forged = [leaf_of(event_id, form) for event_id, form, _ in stored_events(Event.objects.filter(pk=ids[1]))]
    Seal.objects.filter(number=1).update(leaves=leaves[0] + forged[0] + leaves[2])
    return [f"event {ids[1]}: its mac does not fit", "seal 1: its leaves do not lead to its root"]


def _remove_a_seal(ids: list[int]) -> list[str]:
    Seal.objects.filter(number=1).delete()
    inserted = [f"event {number}: inserted: no seal covers it, though later ones are covered" for number in ids[:3]]
    return [*inserted, "seal 1: removed from the chain", "seal 2: does not continue the seal before it"]


def _reorder_seals(ids: list[int]) -> list[str]:
    for old, new in ((1, 9), (2, 1), (9, 2)):
        Seal.objects.filter(number=old).update(number=new)
    return [
        "seal 1: does not continue the seal before it",
        "seal 1: changed: its hash does not fit",
        "seal 1: not signed by a key of ours",
        "seal 2: does not continue the seal before it",
        "seal 2: changed: its hash does not fit",
        "seal 2: not signed by a key of ours",
    ]


def _remove_the_last_seal(ids: list[int]) -> list[str]:
    """Its events count as new ones again, and are sealed by the next; an anchor tells that there was one."""
    Seal.objects.filter(number=2).delete()
    return []


def _insert_a_seal_without_the_key(ids: list[int]) -> list[str]:
    seal = Seal.objects.get(number=2)
    seal.pk, seal.number, seal.previous, seal.ids = None, 3, seal.hash, f"{ids[5]}-{ids[6]}"
    rows = stored_events(Event.objects.filter(pk__in=ids[5:]))
    leaves = [leaf_of(event_id, form) for event_id, form, _ in rows]
    seal.leaves, seal.root, seal.seen_to = b"".join(leaves), merkle.root(leaves).hex(), ids[6]
    seal.hash = seal_hash(seal)
    seal.save(force_insert=True)
    return ["seal 3: not signed by a key of ours"]


def _truncate_everything(ids: list[int]) -> list[str]:
    Event.objects.all().delete()
    return [f"event {number}: removed (seal {1 if number < ids[3] else 2})" for number in ids[:5]]


def _swap_personal_values(ids: list[int]) -> list[str]:
    first, second = (Event.objects.get(pk=ids[at]).commitment for at in (0, 4))
    salts = dict(EventPersonal.objects.values_list("event_id", "salt"))
    for mine, other in ((first, second), (second, first)):
        EventPersonal.objects.filter(event_id=mine).update(salt=salts[other])
    return [f"personal {number}: personal values changed" for number in (ids[0], ids[4])]


def _invent_personal_values(ids: list[int]) -> list[str]:
    """For an event whose person was erased."""
    commitment = Event.objects.get(pk=ids[2]).commitment
    EventPersonal.objects.filter(event_id=commitment).update(values={"email": "somebody.else@example.org"})
    return [f"personal {ids[2]}: personal values changed"]


def _edit_personal_values(ids: list[int]) -> list[str]:
    commitment = Event.objects.get(pk=ids[1]).commitment
    EventPersonal.objects.filter(event_id=commitment).update(ip="2001:db8::9")
    return [f"personal {ids[1]}: personal values changed"]


TAMPERINGS = (
    _edit,
    _edit_with_the_key,
    _edit_details,
    _edit_unsealed,
    _delete,
    _truncate,
    _insert_at_the_end_without_the_key,
    _reorder,
    _reseal_with_another_key,
    _edit_a_seal,
    _edit_the_leaves_too,
    _remove_a_seal,
    _reorder_seals,
    _remove_the_last_seal,
    _insert_a_seal_without_the_key,
    _truncate_everything,
    _edit_personal_values,
    _swap_personal_values,
    _invent_personal_values,
)


@pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda tamper: tamper.__name__.strip("_"))
def test_tampering_is_found_and_named(append_only_lifted: Callable[[], Any], tamper: Callable[[list[int]], list[str]]):
    ids = make_events(7)
    seal_next(limit=3)
    seal_next(limit=2)
    assert findings() == []

    with append_only_lifted():
        expected = tamper(ids)

    assert findings() == expected
    if not expected:
        return
    with pytest.raises(CommandError, match=f"^{len(expected)} findings in "):
        call_command("verify_audit", stdout=(out := StringIO()))
    assert out.getvalue().splitlines() == expected


def test_event_inserted_among_sealed_ones_is_named(time_machine: Any):
    first = make_events(1)[0]
    seal_next()
    seal_until_settled(time_machine)
    event = Event.objects.get(pk=first)

    event.pk, event.commitment = first - 1, "f" * 64
    event.save(force_insert=True)

    assert findings() == [f"event {first - 1}: inserted: no seal covers it, though later ones are covered"]


def test_tail_that_was_cut_off_is_known_to_an_anchor(
    append_only_lifted: Callable[[], Any], settings: Any, tmp_path: Path
):
    anchors = tmp_path / "anchors.jsonl"
    settings.AUDIT_ANCHORS = [f"file://{anchors}"]
    make_events(2)
    seal_next()
    assert anchor_due() == 1
    assert anchor_due() == 0
    ids = make_events(2)
    seal_next()
    assert anchor_due() == 1
    assert findings(anchors=[anchors]) == []

    with append_only_lifted():
        Anchor.objects.all().delete()
        Seal.objects.filter(number=2).delete()
        Event.objects.filter(pk__in=ids).delete()

    assert findings() == []
    assert findings(anchors=[anchors]) == ["anchor 2: the log was cut off after seal 1"]


class _Listener(BaseHTTPRequestHandler):
    """Takes anchors as a webhook of an auditor would, and writes them down."""

    file: Path

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.file.open("ab") as lines:
            lines.write(body + b"\n")
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args: Any) -> None:
        return None


def _by_file(settings: Any, path: Path) -> Callable[[], None]:
    settings.AUDIT_ANCHORS = [f"file://{path}"]
    return lambda: None


def _by_mail(settings: Any, path: Path) -> Callable[[], None]:
    settings.AUDIT_ANCHORS = ["mailto:auditor@example.org"]

    def keep() -> None:
        lines = [line for mail in mails("auditor@example.org") for line in mail.body.splitlines() if line[:1] == "{"]
        path.write_text("\n".join(lines))

    return keep


def _by_webhook(settings: Any, path: Path) -> Callable[[], None]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("_Own", (_Listener,), {"file": path}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.AUDIT_ANCHORS = [f"http://127.0.0.1:{server.server_port}/anchors"]

    def stop() -> None:
        server.shutdown()
        server.server_close()

    return stop


@pytest.mark.parametrize("send", [_by_file, _by_mail, _by_webhook], ids=lambda send: send.__name__.strip("_"))
def test_log_emptied_with_its_seals_is_known_to_every_kind_of_anchor(
    append_only_lifted: Callable[[], Any], settings: Any, tmp_path: Path, send: Callable[..., Callable[[], None]]
):
    anchors = tmp_path / "anchors.jsonl"
    keep = send(settings, anchors)
    for _ in range(2):
        make_events(1)
        seal_next()
        assert anchor_due() == 1
    keep()
    assert findings(anchors=[anchors]) == []

    with append_only_lifted():
        for model in (Anchor, Seal, Event):
            model.objects.all().delete()

    assert findings() == []
    assert findings(anchors=[anchors]) == [
        "anchor 1: the log was cut off after seal 0",
        "anchor 2: the log was cut off after seal 0",
    ]


def test_chain_rewritten_with_the_stolen_key_is_not_what_was_anchored(
    append_only_lifted: Callable[[], Any], settings: Any, tmp_path: Path
):
    anchors = tmp_path / "anchors.jsonl"
    settings.AUDIT_ANCHORS = [f"file://{anchors}"]
    ids = make_events(3)
    seal_next()
    anchor_due()

    with append_only_lifted():
        Anchor.objects.all().delete()
        Seal.objects.all().delete()
        Event.objects.filter(pk=ids[0]).delete()
    seal_next()

    assert findings() == []
    assert findings(anchors=[anchors]) == ["anchor 1: another seal stands here than was anchored"]


def test_anchor_by_mail_goes_through_the_outbox_once(settings: Any):
    settings.AUDIT_ANCHORS = ["mailto:auditor@example.org"]
    make_events(1)
    seal = seal_next()

    assert (anchor_due(), anchor_due()) == (1, 0)

    mail = Mail.objects.get()
    assert (mail.to, mail.template) == ("auditor@example.org", "seal")
    assert Anchor.objects.get().seal == seal


def test_anchor_target_that_is_down_is_tried_again(settings: Any):
    settings.AUDIT_ANCHORS = ["http://127.0.0.1:9/anchor?secret=x"]
    make_events(1)
    seal_next()

    assert anchor_due() == 0
    assert not Anchor.objects.exists()


def test_events_stay_provable_under_a_new_key(settings: Any):
    make_events(1)
    seal_next()
    old_public = keys.public_key()

    settings.AUDIT_PREVIOUS_KEYS = [settings.AUDIT_KEY]
    settings.AUDIT_KEY = "the-next-audit-key-0123456789-012345"
    settings.AUDIT_SEAL_PUBLIC_KEYS = [old_public]
    settings.AUDIT_SEAL_KEY = "the-next-seal-key-0123456789-0123456"
    make_events(1)
    seal_next()

    assert findings() == []
    settings.AUDIT_SEAL_PUBLIC_KEYS, settings.AUDIT_PREVIOUS_KEYS = [], []
    first = Event.objects.order_by("id").values_list("id", flat=True)[0]
    assert findings() == [f"event {first}: its mac does not fit", "seal 1: not signed by a key of ours"]


def _script(proof: str, key: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, str(project_settings.BASE_DIR / "docs" / "verify_audit.py"), "-", "--key", key],
        input=proof,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_proof_of_an_event_is_checked_without_the_project():
    ids = make_events(5)
    seal_next()
    call_command("prove_event", str(ids[3]), stdout=(out := StringIO()))
    proof = out.getvalue()

    code, said = _script(proof, keys.public_key())

    assert (code, said.startswith(f"TRUE: event {ids[3]} is in seal 1 ")) == (0, True)
    changed = json.loads(proof)
    changed["event"][7] = -1_000
    assert _script(json.dumps(changed), keys.public_key()) == (
        1,
        "FALSE: the event and its path do not lead to the seal's root\n",
    )
    moved = json.loads(proof) | {"id": ids[2]}
    assert _script(json.dumps(moved), keys.public_key())[0] == 1
    assert _script(proof, "00" * 32) == (1, "FALSE: the seal names another key\n")
    forged = json.loads(proof)
    forged["seal"] = forged["seal"].replace('"count":5', '"count":6')
    assert _script(json.dumps(forged), keys.public_key()) == (1, "FALSE: the seal is not signed by the key\n")
    assert _script("[]", keys.public_key())[0] == 1


def test_event_without_a_proof_says_what_to_do():
    (number,) = make_events(1)

    with pytest.raises(CommandError, match=f"^event {number} is not sealed yet: run seal_audit first$"):
        call_command("prove_event", str(number))
    with pytest.raises(CommandError, match=r"^there is no event 999999999 "):
        call_command("prove_event", "999999999")


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
    # Personal values stay where they can be erased.
    assert EventPersonal.objects.count() == 7
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


def test_hash_covers_every_field_of_a_seal():
    make_events(1)
    seal = seal_next()
    assert seal is not None
    for field, value in {
        "number": 9,
        "sealed_at": timezone.now() + timedelta(seconds=1),
        "count": 2,
        "ids": "1-2",
        "seen_to": 99,
        "gaps": [["1", 2, "x"]],
        "root": "0" * 64,
        "previous": "1" * 64,
        "key": "2" * 64,
    }.items():
        changed = Seal.objects.get()
        setattr(changed, field, value)
        assert seal_hash(changed) != seal.hash, field
    assert sealing.seal_hash(Seal.objects.get()) == seal.hash
