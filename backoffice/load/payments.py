"""What is paid for, how it ended, and what went back."""

import hashlib
import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from accounts.enums import EntryKind
from audit.canonical import canonical_json
from audit.enums import Action
from backoffice.load.identifiers import new_uuid
from backoffice.load.journal import Journal
from backoffice.load.people import Pack, People, Person
from backoffice.load.tables import Tables, both
from common.money import XAF
from payments.enums import OPEN, RefundStatus, Status
from payments.models import CallbackMessage, Payment, PaymentAttempt, Refund

_PROVIDERS = ("mypayga", "mypayga", "singpay")
# How long the gateway is asked what became of a payment that nobody answers.
_ASKED = timedelta(hours=72)
_STEPS = {
    Status.SUBMITTING: timedelta(milliseconds=80),
    Status.PENDING: timedelta(seconds=1),
    Status.UNKNOWN: timedelta(seconds=8),
}
# After these times a refund is approved, sent, done.
_REFUND_STEPS = (
    (RefundStatus.APPROVED, timedelta(hours=5)),
    (RefundStatus.SENT, timedelta(hours=26)),
    (RefundStatus.DONE, timedelta(hours=50)),
)


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment that came in."""

    id: int
    public_id: uuid.UUID
    provider: str
    amount: int
    at: datetime
    payer: int


class Payments:
    """`staff` are those who approve and send refunds."""

    def __init__(
        self,
        people: People,
        tables: Tables,
        journal: Journal,
        chance: random.Random,
        *,
        until: datetime,
        staff: tuple[int, int],
    ) -> None:
        self._people, self._tables, self._journal, self._chance = people, tables, journal, chance
        self._until, self._staff = until, staff
        tables.declare(
            Payment,
            "id public_id user_id purpose purpose_id label amount currency terms provider network phone status reason "
            "checkout_url blocks expires_at asked next_at settled_at created_at updated_at",
        )
        tables.declare(
            PaymentAttempt,
            "id payment_id provider reference provider_id outcome request response paid_at is_surplus "
            "created_at updated_at",
        )
        tables.declare(
            CallbackMessage,
            "provider digest content_type body attempt_id verdict reason next_at created_at updated_at",
        )
        tables.declare(
            Refund,
            "public_id payment_id provider amount currency status reason external_reference requested_by_id "
            "approved_by_id created_at updated_at",
        )

    def buy_pack(self, person: Person, at: datetime) -> None:
        """One that is paid, so that the person has credits again."""
        pack: Pack = self._chance.choice(self._people.packs)
        paid = self.pay(
            *(person, "rate", str(pack.id), pack.label, pack.price, at),
            ends=Status.SUCCEEDED,
            terms={"credits": pack.credits},
        )
        if paid is None:
            return
        self._people.book(person, pack.credits, EntryKind.RATE, f"payment:{paid.public_id}", pack.label, paid.at)
        person.rate_id, person.subscribed_at = pack.id, paid.at

    def pay(
        self,
        person: Person,
        purpose: str,
        purpose_id: str,
        label: str,
        amount: int,
        at: datetime,
        *,
        ends: Status,
        provider: str = "",
        terms: Mapping[str, Any] | None = None,
    ) -> Paid | None:
        """A payment on its way to `ends`, as far as it has come; None unless the money has come in by now."""
        chance = self._chance
        by_hand = provider == "counter"
        provider = provider or chance.choice(_PROVIDERS)
        steps = [(at, Status.CREATED), (at + _STEPS[Status.SUBMITTING], Status.SUBMITTING)]
        if ends == Status.UNKNOWN:
            steps.append((at + _STEPS[Status.UNKNOWN], Status.UNKNOWN))
        else:
            steps.append((at + _STEPS[Status.PENDING], Status.PENDING))
            last = _ASKED if ends == Status.EXPIRED else timedelta(seconds=15 + int(chance.random() * 90))
            steps.append((at + last, ends))
        come = [step for step in steps if step[0] <= self._until]
        if not come:
            return None
        updated_at, status = come[-1]
        payment_id, public_id = self._tables.next_id(Payment), new_uuid(chance)
        is_open = status in OPEN
        expires_at = at + settings.PAYMENT_BLOCKS
        network = "" if by_hand else "AM" if person.phone.startswith("+2417") else "MM"
        reason = {Status.FAILED: "refused", Status.HELD: "amount_mismatch"}.get(status, "")
        settled_at = updated_at if status == Status.SUCCEEDED else None
        self._tables.add(
            *(Payment, payment_id, public_id, person.id, purpose, purpose_id, label, amount, XAF),
            *(canonical_json(terms or {}), provider, network, "" if by_hand else person.phone, status.value, reason),
            *("", is_open and expires_at > self._until, expires_at, len(come)),
            *(self._until + timedelta(minutes=5) if is_open else None, settled_at, at, updated_at),
        )
        attempt_id = self._attempt(payment_id, provider, at, status, updated_at, by_hand=by_hand)
        self._tell(public_id, person, purpose, purpose_id, amount, provider, come, reason)
        if status in (Status.SUCCEEDED, Status.FAILED, Status.HELD) and not by_hand:
            self._callback(provider, attempt_id, amount, updated_at)
        return Paid(payment_id, public_id, provider, amount, settled_at, person.id) if settled_at else None

    def _attempt(
        self, payment_id: int, provider: str, at: datetime, status: Status, updated_at: datetime, *, by_hand: bool
    ) -> int:
        """The last of them; one in twenty had not reached the gateway before."""
        bits = self._chance.getrandbits
        for outcome in ("not_reached", "") if bits(8) < 13 and not by_hand else ("",):
            attempt_id = self._tables.next_id(PaymentAttempt)
            is_last = not outcome
            came_in = is_last and status in (Status.SUCCEEDED, Status.HELD)
            named = is_last and not by_hand and status not in (Status.CREATED, Status.SUBMITTING, Status.UNKNOWN)
            self._tables.add(
                *(PaymentAttempt, attempt_id, payment_id, provider, f"{bits(128):032x}"),
                *(f"{bits(64):016x}" if named else "", outcome or _outcome(status)),
                *("{}", "{}", updated_at if came_in else None, False, *both(at)),
            )
        return attempt_id

    def _tell(
        self,
        public_id: uuid.UUID,
        person: Person,
        purpose: str,
        purpose_id: str,
        amount: int,
        provider: str,
        steps: list[tuple[datetime, Status]],
        reason: str,
    ) -> None:
        old = None
        for at, status in steps:
            changes = {
                "old": old,
                "new": status.value,
                "purpose": purpose,
                "purpose_id": purpose_id,
                "provider": provider,
            }
            if reason and status == steps[-1][1]:
                changes["reason"] = reason
            by_gateway = status not in (Status.CREATED, Status.SUBMITTING)
            self._journal.note(
                *(at, Action(f"payment.{status}"), "payment", public_id),
                actor=provider if by_gateway else person.id,
                kind="gateway" if by_gateway else "user",
                amount=amount,
                changes=changes,
            )
            old = status.value

    def _callback(self, provider: str, attempt_id: int, amount: int, at: datetime) -> None:
        body = canonical_json({"amount": amount, "nonce": self._chance.getrandbits(64)}).encode()
        digest = hashlib.sha256(body).hexdigest()
        self._tables.add(
            *(CallbackMessage, provider, digest, "application/json", body, attempt_id, "settled", "", None, *both(at))
        )

    def give_back(self, paid: Paid, at: datetime, reason: str) -> None:
        """A refund that is due from `at` on, as far as staff have come with it."""
        approver, sender = self._staff
        public_id = new_uuid(self._chance)
        status, updated_at = RefundStatus.DUE, at
        self._note_refund(public_id, paid, status, at, reason, actor=paid.payer)
        for step, later in _REFUND_STEPS:
            # Some are still on somebody's desk.
            if at + later > self._until or self._chance.random() < 0.01:
                break
            status, updated_at = step, at + later
            actor = approver if step == RefundStatus.APPROVED else sender
            self._note_refund(public_id, paid, status, updated_at, reason, actor=actor)
        is_sent = status in (RefundStatus.SENT, RefundStatus.DONE)
        self._tables.add(
            *(Refund, public_id, paid.id, paid.provider, paid.amount, XAF, status.value, reason),
            *(f"RMB-{public_id.hex[:16]}" if is_sent else "", None),
            *(None if status == RefundStatus.DUE else approver, at, updated_at),
        )

    def _note_refund(
        self, public_id: uuid.UUID, paid: Paid, status: RefundStatus, at: datetime, reason: str, *, actor: int
    ) -> None:
        self._journal.note(
            *(at, Action(f"refund.{status}"), "refund", public_id),
            actor=actor,
            amount=paid.amount,
            changes={"payment": str(paid.public_id)},
            personal={"reason": reason},
        )


def _outcome(status: Status) -> str:
    """What the gateway said when it was asked for the money."""
    return "unknown" if status == Status.UNKNOWN else "pending"
