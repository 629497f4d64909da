"""EPG's catalogue, page by page. A page that cannot be had is told, and the others are read all the same."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.conf import settings

from catalog.progress import Progress
from catalog.rows import ProductRow, Remark
from catalog.values import cip13, price_in_francs
from common.http import Answer, Breaker, Client, NotReached, UnknownOutcome

SOURCE = "epg"
PAGE_SIZE = 1_000
# The first attempt of each page, and one more after all others were asked.
_ROUNDS = 2
_PAUSE_SECONDS = 0.5
_TRIES = 2
# Pages that fail one after the other until EPG counts as down.
_HOPELESS = 10
_LONGEST_LABEL = 660
# JSON can escape half a character; no database stores it.
_HALVES = re.compile("[\ud800-\udfff]")


@dataclass(slots=True)
class Catalogue:
    """What EPG sells. `listed` are the codes of all of it, of products too that cannot be used.

    What is missing may be on pages that failed, or on those before the last that have fewer items than were asked for;
    or it has moved to another page where the number of pages has changed meanwhile (`page_counts`).
    """

    rows: list[ProductRow] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    listed: set[str] = field(default_factory=set)
    pages: int = 0
    page_counts: set[int] = field(default_factory=set)
    failed_pages: list[int] = field(default_factory=list)
    short_pages: list[int] = field(default_factory=list)


def read_catalogue(*, page_size: int = PAGE_SIZE, progress: Progress) -> Catalogue:
    """Every page of EPG. Raises `NotReached` or `UnknownOutcome` where not even the number of pages can be had."""
    catalogue = Catalogue()
    codes: set[str] = set()
    first = _page(0, page_size)
    catalogue.pages = first["pageCount"]
    _take(catalogue, codes, 0, first, page_size)
    waiting = list(range(1, catalogue.pages))
    for number_of_round in range(_ROUNDS):
        if number_of_round and waiting:
            time.sleep(_PAUSE_SECONDS)
        failed: list[int] = []
        for number in progress(waiting, len(waiting), "pages"):
            try:
                _take(catalogue, codes, number, _page(number, page_size), page_size)
            except (NotReached, UnknownOutcome):
                failed.append(number)
        waiting = failed
    catalogue.failed_pages = waiting
    return catalogue


@cache
def _client(url: str, key: str) -> Client:
    """A client of its own: failing pages must not open the breaker of the calls that patients wait for."""
    limits = {"connect": settings.PROVIDER_CONNECT_SECONDS, "read": settings.PROVIDER_READ_SECONDS}
    client = Client("epg-catalogue", url, deadline=30, headers={"x-api-key": key}, **limits)
    client.breaker = Breaker(threshold=_HOPELESS)
    return client


def _page(number: int, size: int) -> dict[str, Any]:
    answer = _client(settings.EPG_URL, settings.EPG_API_KEY).get(
        "/api/produits", {"page": number, "count": size}, tries=_TRIES, shape=_require_page
    )
    page: dict[str, Any] = answer.body
    return page


def _require_page(answer: Answer) -> None:
    body = answer.body
    if answer.status != 200 or not isinstance(body, dict):
        raise UnknownOutcome(f"HTTP {answer.status}")
    count = body.get("pageCount")
    if not isinstance(body.get("items"), list) or not isinstance(count, int) or not 0 <= count <= 100_000:
        raise UnknownOutcome("no page")


def _take(catalogue: Catalogue, codes: set[str], number: int, page: dict[str, Any], size: int) -> None:
    catalogue.page_counts.add(page["pageCount"])
    if number < catalogue.pages - 1 and len(page["items"]) < size:
        catalogue.short_pages.append(number)
    for position, item in enumerate(page["items"], start=1):
        code = cip13(item.get("CIP")) if isinstance(item, dict) else None
        if code is not None:
            catalogue.listed.add(code)
        for found in _read(code, item):
            if isinstance(found, str):
                catalogue.remarks.append(Remark(f"page {number}", position, found))
            elif found.code in codes:
                catalogue.remarks.append(Remark(f"page {number}", position, f"code {found.code} was there already"))
            else:
                codes.add(found.code)
                catalogue.rows.append(found)


def _read(code: str | None, item: Any) -> Iterator[ProductRow | str]:
    if code is None:
        yield "left out: no CIP of 7 or 13 digits"
        return
    label = _label(item.get("libelle"))
    if not label or len(label) > _LONGEST_LABEL:
        yield f"left out: {code} has no label that can be used"
        return
    try:
        price = price_in_francs(item.get("prix_vente"))
    except ValueError as error:
        yield f"{code}: {error}"
        price = None
    yield ProductRow(code, label, price=price, source=SOURCE)


def _label(value: Any) -> str:
    """The text of a label; none of what is no text, or cannot be kept."""
    text = str(value) if type(value) in (str, int) else ""
    return "" if _HALVES.search(text) else " ".join(text.replace("\x00", "").split())
