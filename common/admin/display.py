"""How values look in lists and pages."""

import json
from collections.abc import Callable
from typing import Any

from django.contrib.admin.utils import quote
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from common.links import is_web_address


def badge(text: Any, variant: str = "") -> SafeString:
    """A coloured word; `variant` is one of unfold's: `info`, `success`, `warning`, `danger`, `primary`, or none."""
    return render_to_string("unfold/helpers/label.html", {"text": text, "type": variant})


def money(amount: int | None, currency: str) -> str:
    """`money(12500, "XAF")` → `12 500 XAF`, grouped as the reader's language does; a dash where there is none."""
    return "–" if amount is None else f"{number_format(amount, force_grouping=True)}\N{NO-BREAK SPACE}{currency}"


def moment(field: str, description: Any) -> Callable[[Any], str]:
    """A column with the date and time of `field` in the short form of the reader's language."""

    def column(obj: Any) -> str:
        value = getattr(obj, field)
        if value is None:
            return "–"
        text = date_format(timezone.localtime(value), "SHORT_DATETIME_FORMAT")
        return text.replace(" ", "\N{NO-BREAK SPACE}")

    column.__name__ = field
    column.short_description = description  # type: ignore[attr-defined]
    return column


def address(field: str, description: Any) -> Callable[[Any], str]:
    """A column with the address in `field`, which others may have told us: a link where it leads to a site, else its
    text. Unfold by itself makes a link of every address, `javascript:` included."""

    def column(obj: Any) -> str:
        value = getattr(obj, field)
        if not is_web_address(value):
            return value or "–"
        return format_html('<a href="{}" class="text-link" rel="noopener noreferrer">{}</a>', value, value)

    column.__name__ = f"{field}_shown"
    column.short_description = description  # type: ignore[attr-defined]
    return column


def link(model: str, pk: Any, text: Any) -> SafeString:
    """A link to the page of another object; `model` is `app.model`."""
    url = reverse(f"admin:{model.replace('.', '_')}_change", args=(quote(pk),))
    return format_html('<a href="{}" class="text-link">{}</a>', url, text)


def json_block(value: Any) -> str:
    """A JSON value on lines of its own; a dash for an empty one."""
    if not value:
        return "–"
    return text_block(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def text_block(text: str) -> SafeString:
    """Text with its line breaks."""
    return format_html('<pre style="white-space: pre-wrap; overflow-wrap: anywhere">{}</pre>', text)
