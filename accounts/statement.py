"""A statement that its reader understands: what each entry was for, in the reader's language.

The label of an entry was written in the language of whoever acted then, and entries never change. Apps register the
sentences that they write; a label that is one of them, in any of the languages, is told again in the reader's.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.enums import EntryKind
from accounts.models import CreditEntry

_templates: list[Any] = []
# Their label is a name or a reason that stands for nothing by itself.
_WITH_KIND = (EntryKind.RATE, EntryKind.GRANT, EntryKind.ADJUST)
_PLACEHOLDER = re.compile(r"%\\\((\w+)\\\)s")
_PAGE = 500

COLUMNS = ("id", "created_at", "kind", "label", "amount", "balance_after", "reference")


def register_labels(*templates: Any) -> None:
    """Sentences (`gettext_lazy`, with `%(name)s` placeholders) that services write as labels of entries."""
    _templates.extend(templates)
    _patterns.cache_clear()


def label_of(entry: CreditEntry) -> str:
    """What the entry was for, in the language that is active."""
    kind = str(EntryKind(entry.kind).label)
    if not entry.label or entry.kind == EntryKind.WELCOME:
        return kind
    if entry.kind in _WITH_KIND:
        return _("%(kind)s : %(detail)s") % {"kind": kind, "detail": entry.label}
    return _retold(entry.label)


def rows(account_id: int, *, since: datetime, until: datetime) -> Iterator[list[Any]]:
    """The account's entries from `since` to before `until`, oldest first, a page at a time, under their COLUMNS.

    The language is the one that is active now, whatever is active when a page is read.
    """
    language = translation.get_language()
    entries = CreditEntry.objects.filter(account_id=account_id, created_at__gte=since, created_at__lt=until)
    last, more = 0, True
    while more:
        page = list(entries.filter(pk__gt=last).order_by("pk")[:_PAGE])
        more = len(page) == _PAGE
        with translation.override(language):
            labels = [label_of(entry) for entry in page]
        for entry, label in zip(page, labels, strict=True):
            yield [
                entry.pk,
                entry.created_at,
                str(entry.kind),
                label,
                entry.amount,
                entry.balance_after,
                entry.reference,
            ]
            last = entry.pk


def _retold(label: str) -> str:
    for template, pattern in _patterns():
        if match := pattern.fullmatch(label):
            return str(template) % match.groupdict()
    return label


@cache
def _patterns() -> list[tuple[Any, re.Pattern[str]]]:
    found = []
    for template in _templates:
        for language, _name in settings.LANGUAGES:
            with translation.override(language):
                found.append((template, _pattern(str(template))))
    return found


def _pattern(sentence: str) -> re.Pattern[str]:
    return re.compile(_PLACEHOLDER.sub(r"(?P<\1>.+)", re.escape(sentence)), re.DOTALL)
