"""The call, made by one process only, outside of any transaction; and what the sweep does for those that died."""

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from catalog.epg import adapter
from catalog.epg.codes import is_cip
from common.connections import release_connection
from common.unit_of_work import persist, unit_of_work
from payments.services.batches import for_each
from reservations.enums import EpgStatus, Status
from reservations.models import EpgRequest
from reservations.services.epg.intents import grace
from reservations.services.epg.recording import move_request, record
from reservations.services.moves import lock
from reservations.signals import epg_request_moved

# How many requests of a kind one sweep takes on.
BATCH = 50


def submit(reservation_id: int) -> None:
    """Ask EPG for a requested reservation, once: whoever moves its request to `calling` makes the call."""
    order = _claim(reservation_id)
    if order is None:
        return
    release_connection()
    reply = adapter.reserve(order, deadline=settings.EPG_RESERVATION_SECONDS)
    persist(lambda: record(reservation_id, reply))


def submit_forgotten() -> int:
    """Ask for those whose process died between the intent and the call. Returns how many."""
    return for_each(_ids(_due(EpgStatus.CREATED)), submit)


def doubt_interrupted() -> int:
    """Call unknown what may have been sent by a process that did not live to tell. It is never sent again."""
    return for_each(_ids(_due(EpgStatus.CALLING)), _doubt)


def _claim(reservation_id: int) -> adapter.Order | None:
    with unit_of_work():
        reservation = lock(reservation_id)
        request = EpgRequest.objects.get(reservation=reservation)
        if request.status != EpgStatus.CREATED:
            return None
        now = timezone.now()
        if reservation.status != Status.REQUESTED or reservation.expires_at <= now:
            # Cancelled or expired before anybody called: nobody needs the boxes any more.
            move_request(request, EpgStatus.UNSENT, by=None)
            return None
        if not _take(request):
            return None
        user = reservation.user
        return adapter.Order(
            pharmacy=request.epg_id,
            buyer=user.get_full_name() or user.email,
            phone=user.phone,
            email=user.email,
            lines=[(line.product_code, line.quantity) for line in reservation.lines.all() if is_cip(line.product_code)],
        )


def _take(request: EpgRequest) -> bool:
    """Whether it is ours to call; the row count decides."""
    now = timezone.now()
    taken = EpgRequest.objects.filter(pk=request.pk, status=EpgStatus.CREATED).update(
        status=EpgStatus.CALLING, called_at=now, next_at=now + grace(), updated_at=now
    )
    if taken != 1:
        return False
    old, request.status = EpgStatus(request.status), EpgStatus.CALLING
    epg_request_moved.send(EpgRequest, request=request, old=old, by=None)
    return True


def _doubt(reservation_id: int) -> None:
    with unit_of_work():
        lock(reservation_id)
        request = EpgRequest.objects.get(reservation_id=reservation_id)
        # The process may have lived to tell since, or another sweep was faster.
        if request.status == EpgStatus.CALLING and request.next_at is not None and request.next_at <= timezone.now():
            request.answer = "interrupted"
            move_request(request, EpgStatus.UNKNOWN, by=None)


def _due(status: EpgStatus) -> QuerySet[EpgRequest]:
    return EpgRequest.objects.filter(status=status, next_at__lte=timezone.now()).order_by("next_at")


def _ids(requests: QuerySet[EpgRequest]) -> list[int]:
    return list(requests.values_list("reservation_id", flat=True)[:BATCH])
