"""Gabonese phones as the gateways write them, and what the people behind them do when asked to pay.

Numbering: nine national digits with a leading 0 since 2019; Airtel 074 076 077, Moov 060 062 065 066.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .wire import BadRequest, Request, control_object, duration

NATIONAL = re.compile(r"0[0-9]{8}")
FORMS = re.compile(r"(?:\+?241|0)?([1-9][0-9]{7})|\+?241(0[0-9]{8})")
AIRTEL_PREFIXES = ("074", "076", "077")
MOOV_PREFIXES = ("060", "062", "065", "066")
PAYS_AFTER_SECONDS = 5.0


class Outcome(StrEnum):
    """How a payment ended."""

    PAID = "paid"
    REFUSED = "refused"
    WRONG_PIN = "wrong_pin"
    NO_BALANCE = "no_balance"
    TIMED_OUT = "timeout"


OUTCOME_OF_BEHAVIOUR = {
    "pays": Outcome.PAID,
    "pays_after": Outcome.PAID,
    "refuses": Outcome.REFUSED,
    "wrong_pin": Outcome.WRONG_PIN,
    "no_balance": Outcome.NO_BALANCE,
    "silent": Outcome.TIMED_OUT,
}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a phone's owner does. `seconds` until then, None for the usual time; a silent phone without `seconds`
    never answers, with them the operator gives up after that time."""

    name: str = "pays"
    seconds: float | None = None

    def delay(self, usual: float) -> float | None:
        """Seconds from acceptance to outcome; None for never."""
        if self.seconds is not None:
            return self.seconds
        if self.name == "silent":
            return None
        return PAYS_AFTER_SECONDS if self.name == "pays_after" else usual

    def shown(self) -> dict[str, Any]:
        return {"behaviour": self.name, "seconds": self.seconds}


def read_behaviour(request: Request) -> Behaviour:
    data = control_object(request, allowed={"behaviour", "seconds"}, required={"behaviour"})
    name, seconds = data["behaviour"], data.get("seconds")
    if name not in tuple(OUTCOME_OF_BEHAVIOUR):
        raise BadRequest(f"behaviour: one of {', '.join(OUTCOME_OF_BEHAVIOUR)} is expected")
    return Behaviour(name, None if seconds is None else duration(seconds, name="seconds"))


def national(text: Any) -> str | None:
    """Nine digits with a leading 0, from nine, from eight without the 0, or from 241 and either; else None."""
    if not isinstance(text, str) or not text.isascii():
        return None
    match = FORMS.fullmatch(text.replace(" ", ""))
    if match is None:
        return None
    return match[2] or "0" + match[1]
