"""The file that archived events live in: JSON lines, gzip; the last line signs all before it.

First line `{"archive": 1, "first_seal", "last_seal", "count"}`, then one line an event `[seal, id, mac, event]` with
the canonical event as a list, at last `{"sha256", "key", "signature"}` over the bytes of all lines before it. Personal
values are not in it: they stay in the database, where they can be erased.
"""

import gzip
import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from audit.canonical import canonical_json
from audit.seals import keys


class ArchiveUnreadable(Exception):
    """The file is damaged, incomplete, or not signed by a key of ours."""


@dataclass(frozen=True)
class ArchiveContent:
    """`by_seal`: (id, canonical form, mac) by ascending id; `sha256` of everything signed."""

    name: str
    sha256: str
    first_seal: int
    last_seal: int
    by_seal: dict[int, list[tuple[int, bytes, str]]]


def write_archive(
    path: Path, *, first_seal: int, last_seal: int, count: int, events: Iterable[tuple[int, int, bytes, str]]
) -> str:
    """Write (seal, id, canonical form, mac) to a new file, synced to the disk; its SHA-256 in hex.

    Raises `FileExistsError`: an archive is never written over.
    """
    digest = hashlib.sha256()
    with path.open("xb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as file:

        def write(line: bytes) -> None:
            digest.update(line)
            file.write(line)

        header = {"archive": 1, "first_seal": first_seal, "last_seal": last_seal, "count": count}
        write(canonical_json(header).encode() + b"\n")
        for seal, event_id, form, mac in events:
            write(f'[{seal},{event_id},"{mac}",'.encode() + form + b"]\n")
        sha256 = digest.hexdigest()
        trailer = {"sha256": sha256, "key": keys.public_key(), "signature": keys.sign(sha256.encode())}
        file.write(canonical_json(trailer).encode() + b"\n")
        file.close()
        raw.flush()
        os.fsync(raw.fileno())
    return sha256


def read_archive(path: Path) -> ArchiveContent:
    """Raises `ArchiveUnreadable`."""
    try:
        with gzip.open(path, "rb") as file:
            *lines, last = file.read().splitlines(keepends=True)
        trailer = json.loads(last)
        header = json.loads(lines[0])
        sha256 = hashlib.sha256(b"".join(lines)).hexdigest()
        signed = keys.is_signed(sha256.encode(), signature=trailer["signature"], key=trailer["key"])
        if trailer["sha256"] != sha256 or not signed:
            raise ArchiveUnreadable("changed, or not signed by a key of ours")
        by_seal: dict[int, list[tuple[int, bytes, str]]] = {}
        for line in lines[1:]:
            seal, event_id, mac, event = json.loads(line)
            by_seal.setdefault(seal, []).append((event_id, canonical_json(event).encode(), mac))
        return ArchiveContent(path.name, sha256, header["first_seal"], header["last_seal"], by_seal)
    except (OSError, EOFError, ValueError, KeyError, TypeError, IndexError) as error:
        raise ArchiveUnreadable("cannot be read as an archive") from error
