"""From a row of the outbox to a message in its reader's language."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation


@dataclass(frozen=True)
class Composed:
    """What is to be rendered: a template's name, its context and the language (`fr`, `en`), with the files beside it.

    Files, as name, content and media type, are a composer's: they are made when the mail is sent, and stored nowhere.
    """

    template: str
    context: Mapping[str, Any]
    language: str
    attachments: Sequence[tuple[str, bytes, str]] = ()


# Given the address and what was queued for it; None where there is nothing to send (any more).
Composer = Callable[[str, Composed], Composed | None]

_composers: dict[str, Composer] = {}


def register_composer(name: str, composer: Composer) -> None:
    """Have mails named `name` composed when they are sent, in a transaction of the composer's own."""
    _composers[name] = composer


def compose(to: str, planned: Composed) -> Composed | None:
    """What to render for a row: itself, or what its composer makes of it now."""
    composer = _composers.get(planned.template)
    return composer(to, planned) if composer else planned


def render(to: str, composed: Composed, *, message_id: str) -> EmailMultiAlternatives:
    """The message in text and HTML. `message_id` is the same at every attempt: a server can tell a repetition."""
    host = urlsplit(settings.PUBLIC_URL).hostname
    with translation.override(composed.language):
        context = {**composed.context, "public_url": settings.PUBLIC_URL, "language": composed.language}
        subject, text, html = (
            render_to_string(f"mail/{composed.template}{suffix}", context)
            for suffix in ("_subject.txt", ".txt", ".html")
        )
    message = EmailMultiAlternatives(
        subject=" ".join(subject.split()),
        body=text.strip() + "\n",
        to=[to],
        headers={
            "Message-ID": f"<{message_id}@{host}>",
            "Auto-Submitted": "auto-generated",
            "Content-Language": composed.language,
        },
    )
    message.attach_alternative(html, "text/html")
    for name, content, media_type in composed.attachments:
        message.attach(name, content, media_type)
    return message
