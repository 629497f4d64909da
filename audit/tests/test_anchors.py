"""Anchors: what was sent elsewhere tells of a tail that was cut and of a chain that was written anew."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from audit.models import Anchor, Event, Seal
from audit.seals.anchoring import anchor_due
from audit.seals.sealing import seal_next
from audit.tests.chain import findings, make_events
from common.models import Mail
from common.tests.mailbox import mails

pytestmark = pytest.mark.django_db(transaction=True)


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
