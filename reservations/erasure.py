"""What reservations keep of a person: boxes and prices stay, what somebody typed about them does not."""

from reservations.enums import ACTIVE
from reservations.models import Reservation


def is_open(user_id: int) -> bool:
    """Boxes are kept for them."""
    return Reservation.objects.filter(user_id=user_id, status__in=ACTIVE).exists()


def erase(user_id: int) -> None:
    Reservation.objects.filter(user_id=user_id).exclude(reason="").update(reason="")
