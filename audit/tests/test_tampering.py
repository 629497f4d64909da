"""Whatever is done to the log once it is sealed is found and named."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit.canonical import canonical_event, mac
from audit.models import Event, EventPersonal, Seal
from audit.seals import merkle
from audit.seals.leaves import leaf_of, split, stored_events
from audit.seals.sealing import seal_hash, seal_next
from audit.tests.chain import findings, make_events, seal_until_settled

pytestmark = pytest.mark.django_db(transaction=True)


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
