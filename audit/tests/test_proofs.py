"""Proofs of single events, and the script of their own that checks them."""

import json
import subprocess
import sys
from io import StringIO
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.core.management import CommandError, call_command

from audit.models import Event
from audit.seals import keys
from audit.seals.sealing import seal_next
from audit.tests.chain import findings, make_events

pytestmark = pytest.mark.django_db(transaction=True)


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
