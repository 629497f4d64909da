"""What an answer of EPG, or of somebody who has asked the pharmacy, makes of a request and its reservation."""

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from catalog.epg.adapter import Outcome, Reply
from catalog.epg.codes import is_cip
from common.unit_of_work import unit_of_work
from reservations.enums import EPG_MOVES, EPG_OPEN, EpgStatus, EpgTask, Status
from reservations.models import EpgRequest, Reservation
from reservations.services.moves import hold, lock, lock_stock, move
from reservations.signals import epg_request_moved

_STATUS_OF = {
    Outcome.CONFIRMED: EpgStatus.CONFIRMED,
    Outcome.REFUSED: EpgStatus.REFUSED,
    Outcome.UNKNOWN: EpgStatus.UNKNOWN,
    Outcome.NOT_REACHED: EpgStatus.UNSENT,
}


def record(reservation_id: int, reply: Reply) -> None:
    """Write down what came of the call, however late. What staff have found out meanwhile stands."""
    status = _STATUS_OF[reply.outcome]
    with unit_of_work():
        reservation, request = lock_both(reservation_id)
        request.answer = reply.answer[:300]
        if not EPG_MOVES.allows(request.status, status):
            request.save(update_fields=["answer", "updated_at"])
        elif status == EpgStatus.CONFIRMED:
            confirm(reservation, request, number=reply.number, ttc=reply.ttc, by=None)
        elif status == EpgStatus.REFUSED:
            refuse(reservation, request, reason=_("La pharmacie ne peut pas servir cette réservation."), by=None)
        elif status == EpgStatus.UNSENT:
            move_request(request, EpgStatus.UNSENT, by=None)
            _reject(reservation, reason=_("La pharmacie n'a pas pu être jointe."), by=None)
        else:
            move_request(request, EpgStatus.UNKNOWN, by=None)


def lock_both(reservation_id: int) -> tuple[Reservation, EpgRequest]:
    """A reservation and its request, behind the locks that a confirmation needs."""
    lock_stock(reservation_id)
    reservation = lock(reservation_id)
    return reservation, EpgRequest.objects.get(reservation=reservation)


def confirm(reservation: Reservation, request: EpgRequest, *, number: str, ttc: int | None, by: User | None) -> None:
    """The pharmacy keeps the boxes under `number`: the patient's time begins now.

    Where the reservation ended meanwhile, the pharmacy keeps them for nobody, and has to be told so. A total that is
    not ours does not change what the patient pays: the price was told before, and is on the line. Somebody has to find
    out which of the two is wrong.
    """
    now = timezone.now()
    request.number, request.ttc, request.confirmed_at = number, ttc, now
    if reservation.status != Status.REQUESTED or reservation.expires_at <= now:
        move_request(request, EpgStatus.CONFIRMED, task=EpgTask.RELEASE, by=by)
        return
    agreed = ttc is None or ttc == _our_total(reservation)
    move_request(request, EpgStatus.CONFIRMED, task=EpgTask.NONE if agreed else EpgTask.PRICE, by=by)
    reservation.expires_at = now + settings.HOLD_UNPAID
    reservation.save(update_fields=["expires_at", "updated_at"])
    hold(reservation, until=reservation.expires_at)
    move(reservation, Status.CONFIRMED, by=by)


def refuse(reservation: Reservation, request: EpgRequest, *, reason: str, by: User | None) -> None:
    """The pharmacy keeps nothing: credits return."""
    move_request(request, EpgStatus.REFUSED, by=by)
    _reject(reservation, reason=reason, by=by)


def move_request(request: EpgRequest, status: EpgStatus, *, by: User | None, task: EpgTask = EpgTask.NONE) -> None:
    """Move a request whose reservation the caller has locked, save it whole, announce it.

    What is unknown is always somebody's task. Raises `IllegalMove` (409) for what `EPG_MOVES` does not allow.
    """
    EPG_MOVES.check(request.status, status)
    old = EpgStatus(request.status)
    request.status = status
    if status not in EPG_OPEN:
        request.next_at = None
    request.task = EpgTask.RESOLVE if status == EpgStatus.UNKNOWN else task
    request.task_since = timezone.now() if request.task else None
    request.save(
        update_fields=[
            "status",
            "number",
            "ttc",
            "answer",
            "confirmed_at",
            "next_at",
            "task",
            "task_since",
            "updated_at",
        ]
    )
    epg_request_moved.send(EpgRequest, request=request, old=old, by=by)


def _reject(reservation: Reservation, *, reason: str, by: User | None) -> None:
    if reservation.status == Status.REQUESTED:
        move(reservation, Status.REJECTED, by=by, reason=reason)


def _our_total(reservation: Reservation) -> int:
    """Of what EPG was asked for, at our prices."""
    return sum(line.total for line in reservation.lines.all() if is_cip(line.product_code))
