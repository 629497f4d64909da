"""The rows that say which seals' events are in files: believed where a key of the seals has signed them."""

from audit import canonical
from audit.enums import Action
from audit.models import Archive, Event
from audit.seals import keys
from audit.seals.leaves import as_list, stored_events


def statement(archive: Archive) -> bytes:
    """What is signed: canonical JSON of everything that the row says. docs/audit.md gives the list."""
    return canonical.canonical_json(
        {
            "file": archive.file_name,
            "sha256": archive.sha256,
            "first_seal": archive.first_seal,
            "last_seal": archive.last_seal,
            "count": archive.count,
            "key": archive.key,
        }
    ).encode()


def told(archive: Archive) -> dict[str, object]:
    """What the event about it tells."""
    return {
        "file": archive.file_name,
        "sha256": archive.sha256,
        "first_seal": archive.first_seal,
        "last_seal": archive.last_seal,
        "events": archive.count,
    }


def sign(archive: Archive) -> None:
    archive.key = keys.public_key()
    archive.signature = keys.sign(statement(archive))


def is_genuine(archive: Archive) -> bool:
    """Whether a key that we know signed the row; one from before rows were signed rests on its event."""
    if archive.signature:
        return keys.is_signed(statement(archive), signature=archive.signature, key=archive.key)
    events = Event.objects.filter(action=Action.AUDIT_ARCHIVED, entity="archive", entity_id=str(archive.pk))
    return any(
        told(archive) in as_list(form) and canonical.has_genuine_mac(form, mac)
        for _id, form, mac in stored_events(events)
    )
