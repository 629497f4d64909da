"""What people find out by asking the pharmacy, where EPG could not tell."""

from accounts.models import User
from catalog.epg.adapter import LONGEST_NUMBER
from common.errors import Invalid
from common.states import IllegalMove
from common.unit_of_work import unit_of_work
from reservations.enums import EpgStatus, EpgTask
from reservations.models import EpgRequest, Reservation
from reservations.services.epg.recording import confirm, lock_both, refuse
from reservations.services.handling import require_handler
from reservations.signals import epg_task_closed


def found_upstream(request: EpgRequest, *, number: str, ttc: int | None = None, by: User) -> EpgRequest:
    """The pharmacy has it under `number`, for `ttc` whole francs if it says so.

    Raises `Forbidden`, `Invalid` (no number), `IllegalMove` (409) where it is not unknown any more.
    """
    require_handler(request.reservation, by)
    number = number.strip()
    if not number or len(number) > LONGEST_NUMBER:
        raise Invalid
    with unit_of_work():
        reservation, locked = _locked_unknown(request)
        confirm(reservation, locked, number=number, ttc=ttc, by=by)
    return locked


def not_found_upstream(request: EpgRequest, *, reason: str, by: User) -> EpgRequest:
    """The pharmacy knows nothing of it: the reservation is rejected, unless it ended before; credits return.

    `reason` is for the patient. Raises `Forbidden`, `IllegalMove` (409).
    """
    require_handler(request.reservation, by)
    with unit_of_work():
        reservation, locked = _locked_unknown(request)
        refuse(reservation, locked, reason=reason, by=by)
    return locked


def close_task(request: EpgRequest, *, by: User) -> EpgRequest:
    """The pharmacy was told, or the price was cleared up. Raises `Forbidden`, `IllegalMove` (409)."""
    require_handler(request.reservation, by)
    with unit_of_work():
        _reservation, locked = lock_both(request.reservation_id)
        if locked.task not in (EpgTask.RELEASE, EpgTask.PRICE):
            raise IllegalMove
        task = EpgTask(locked.task)
        locked.task, locked.task_since = EpgTask.NONE, None
        locked.save(update_fields=["task", "task_since", "updated_at"])
        epg_task_closed.send(EpgRequest, request=locked, task=task, by=by)
    return locked


def _locked_unknown(request: EpgRequest) -> tuple[Reservation, EpgRequest]:
    reservation, locked = lock_both(request.reservation_id)
    if locked.status != EpgStatus.UNKNOWN:
        raise IllegalMove
    return reservation, locked
