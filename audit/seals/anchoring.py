"""Anchors: each seal's hash, sent where nobody who can change the database can change it too.

A target is `file:///path` (a line is appended), `mailto:address`, or an `https://` address that takes a POST. Hosts
come from the settings alone. A target that is down is tried again by the next sweep.
"""

import os
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from audit.canonical import canonical_json
from audit.models import Anchor, Seal
from common.http import Client, NotReached, UnknownOutcome
from common.mail import send_mail_later
from common.unit_of_work import unit_of_work


def anchor_due() -> int:
    """For the sweep: send the newest seal wherever it was not sent yet; how many targets took it.

    One seal is enough: its hash covers all that came before.
    """
    seal = Seal.objects.order_by("-number").first()
    if seal is None:
        return 0
    return sum(_anchor(seal, target) for target in settings.AUDIT_ANCHORS)


def anchor_line(seal: Seal) -> dict[str, Any]:
    """What an anchor holds."""
    return {
        "number": seal.number,
        "sealed_at": seal.sealed_at.isoformat(),
        "hash": seal.hash,
        "key": seal.key,
        "signature": seal.signature,
    }


def _anchor(seal: Seal, target: str) -> bool:
    if Anchor.objects.filter(seal=seal, target=_name(target)).exists():
        return False
    scheme = urlsplit(target).scheme
    if scheme == "mailto":
        with unit_of_work():
            send_mail_later(
                to=unquote(urlsplit(target).path),
                template="seal",
                # The line is what `verify_audit --anchor` reads, once it is in a file.
                context=anchor_line(seal) | {"line": canonical_json(anchor_line(seal))},
                language="fr",
            )
            Anchor.objects.create(seal=seal, target=_name(target))
        return True
    if not (_to_file(seal, target) if scheme == "file" else _to_address(seal, target)):
        return False
    Anchor.objects.create(seal=seal, target=_name(target))
    return True


def _name(target: str) -> str:
    """Without a query: a webhook's secret stays in the settings."""
    return target.partition("?")[0][:200]


def _to_file(seal: Seal, target: str) -> bool:
    line = canonical_json(anchor_line(seal)) + "\n"
    descriptor = os.open(unquote(urlsplit(target).path), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return True


def _to_address(seal: Seal, target: str) -> bool:
    parts = urlsplit(target)
    if parts.scheme not in ("https", "http") or not parts.netloc:
        raise ImproperlyConfigured(f"AUDIT_ANCHORS: {target} is neither file://, mailto: nor https://.")
    client = Client("audit-anchor", f"{parts.scheme}://{parts.netloc}")
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        return client.post(path, anchor_line(seal)).status < 300
    except (NotReached, UnknownOutcome):
        return False
