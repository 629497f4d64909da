"""How much of everything."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Rows of each kind. What is not asked for (payments, credits, mails …) follows from these as it does in a year.

    `events` is the length of the log: what happened before its first event is not in it, as where a log begins later
    than the business.
    """

    users: int = 100_000
    reservations: int = 200_000
    appointments: int = 100_000
    events: int = 1_000_000
    products: int = 20_000
    pharmacies: int = 100
    practitioners: int = 300

    def __post_init__(self) -> None:
        if self.users < 1 or self.products < 1 or self.pharmacies < 1:
            raise ValueError("at least one of users, products and pharmacies")
        if min(self.reservations, self.appointments, self.events, self.practitioners) < 0:
            raise ValueError("sizes are not negative")
        if self.appointments and not self.practitioners:
            raise ValueError("appointments need practitioners")
