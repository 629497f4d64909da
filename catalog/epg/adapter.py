"""EPG's answers as outcomes. Nothing here raises for what a network or an old server does, unless it says so."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from catalog.epg import client, is_on
from catalog.epg.codes import cip_key, is_cip
from common.http import Answer, NotReached, UnknownOutcome

LONGEST_NUMBER = 64
_FIRST_PAUSE_SECONDS = 0.2
# It may have been carried out all the same.
_REQUEST_TIMEOUT = 408


class NotAnswered(Exception):
    """The pharmacy's stock cannot be told now; the text is for the log."""


class Outcome(StrEnum):
    """`REFUSED`: EPG said no. `NOT_REACHED`: it never heard of it. `UNKNOWN`: it may have been carried out."""

    CONFIRMED = "confirmed"
    REFUSED = "refused"
    NOT_REACHED = "not_reached"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Order:
    """What to reserve, for whom: `phone` in E.164 or empty, `lines` are CIPs with units."""

    pharmacy: str
    buyer: str
    phone: str
    email: str
    lines: Sequence[tuple[str, int]]


@dataclass(frozen=True)
class Reply:
    """`number` is EPG's name for the reservation, `ttc` its total in whole francs where it can be read; `answer` says
    to staff what came back."""

    outcome: Outcome
    number: str = ""
    ttc: int | None = None
    answer: str = ""


def is_waiting_pointless(pharmacy: str) -> bool:
    """Whether a breaker would turn a question about this pharmacy's stock away now."""
    return client.client().turns_away(client.AVAILABILITY_PATH, pharmacy)


def ask_availability(pharmacy: str, cips: Sequence[str], *, deadline: float) -> dict[str, bool]:
    """By `cip_key`, whether the pharmacy has at least one box; what it did not answer for is left out.

    `deadline` in seconds. Raises `NotAnswered`.
    """
    try:
        answer = client.post_availability(
            pharmacy, cips, deadline=deadline, shape=lambda answer: _require_availability(answer, pharmacy)
        )
    except (NotReached, UnknownOutcome) as error:
        raise NotAnswered(str(error)) from error
    if answer.status >= 300:
        raise NotAnswered(f"HTTP {answer.status}")
    asked = {cip_key(cip) for cip in cips}
    said = {cip_key(str(row["cip"])): row["isAvailable"] for row in answer.body["disponibilites"] if row["success"]}
    return {key: said[key] for key in asked & said.keys()}


def reserve(order: Order, *, deadline: float) -> Reply:
    """Ask for a reservation, within `deadline` seconds.

    What was surely not carried out is tried again while there is time; anything else never is: EPG knows no
    idempotency key, asked twice it reserves twice.
    """
    ends = time.monotonic() + deadline
    pause = _FIRST_PAUSE_SECONDS
    while True:
        reply = _reserve_once(order, deadline=ends - time.monotonic())
        is_over = time.monotonic() + pause >= ends
        if reply.outcome != Outcome.NOT_REACHED or is_over or not is_on():
            return reply
        if client.client().turns_away(client.RESERVATION_PATH, order.pharmacy):
            return reply
        time.sleep(pause)
        pause *= 2


def _reserve_once(order: Order, *, deadline: float) -> Reply:
    if not is_on():
        return Reply(Outcome.NOT_REACHED, answer="EPG is switched off")
    body = {
        "pharmacy": order.pharmacy,
        "buyer": order.buyer,
        # Obligatory there, optional with us.
        "buyerPhone": order.phone or "non renseigné",
        "buyerEmail": order.email,
        "produits": [{"cip": cip, "quantity": units} for cip, units in order.lines],
    }
    try:
        answer = client.post_reservation(body, deadline=deadline, shape=_require_reservation)
    except NotReached as error:
        return Reply(Outcome.NOT_REACHED, answer=str(error))
    except UnknownOutcome as error:
        return Reply(Outcome.UNKNOWN, answer=str(error))
    if answer.status >= 400 or answer.body.get("success") is False:
        return Reply(Outcome.REFUSED, answer=_said(answer))
    result = answer.body["result"]
    return Reply(
        Outcome.CONFIRMED, number=_number(result["reservation"]), ttc=_francs(result.get("ttc")), answer=_said(answer)
    )


def _require_availability(answer: Answer, pharmacy: str) -> None:
    """Of the pharmacy that was asked, and readable; a refusal is none of that, but it is an answer."""
    if answer.status >= 400:
        return
    body = answer.body
    if answer.status >= 300 or not isinstance(body, dict) or not isinstance(body.get("pharmacy"), dict):
        raise UnknownOutcome("not the shape of an availability")
    if str(body["pharmacy"].get("_id")).lower() != pharmacy.lower():
        raise UnknownOutcome("availability of another pharmacy")
    rows = body.get("disponibilites")
    if not isinstance(rows, list) or not all(_is_availability(row) for row in rows):
        raise UnknownOutcome("not the shape of an availability")


def _is_availability(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and is_cip(str(row.get("cip")))
        and isinstance(row.get("success"), bool)
        and isinstance(row.get("isAvailable"), bool)
    )


def _require_reservation(answer: Answer) -> None:
    """A number, or a plain no; whatever else comes back leaves the outcome unknown."""
    body = answer.body
    is_object = isinstance(body, dict)
    if 400 <= answer.status < 500 and answer.status != _REQUEST_TIMEOUT and is_object:
        return
    if answer.status >= 300 or not is_object:
        raise UnknownOutcome(f"HTTP {answer.status}, not the shape of a reservation")
    if body.get("success") is not False and not _number(_result(body).get("reservation")):
        raise UnknownOutcome("no reservation number in the answer")


def _result(body: Mapping[str, Any]) -> Mapping[str, Any]:
    result = body.get("result")
    return result if isinstance(result, dict) else {}


def _number(value: Any) -> str:
    """The number to show, or nothing: a part of one would name nothing."""
    text = str(value).strip() if isinstance(value, str) or type(value) is int else ""
    return text if len(text) <= LONGEST_NUMBER and text.isprintable() else ""


def _francs(value: Any) -> int | None:
    """Whole francs: 12500, "12500" and 12500.0 (JSON has one kind of number), never 12500.5."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip() if type(value) in (int, str) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None


def _said(answer: Answer) -> str:
    """What staff should know of an answer: the status, and the message if there is one."""
    body = answer.body if isinstance(answer.body, dict) else {}
    message = body.get("message") or body.get("errors") or _result(body)
    return f"HTTP {answer.status} {message or ''}".replace("\x00", "").encode("utf-8", "ignore").decode().strip()[:300]
