"""Who may try a password, how often. Counted in SQL before the password is checked, given back when it was right.

A device on which the account's owner has signed in before has attempts of its own, so that strangers who use up the
account's cannot keep its owner out. Subjects are what was typed, not who exists: an unknown address is limited alike.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from accounts.emails import normalize_email
from accounts.exceptions import EmailTaken
from accounts.models import User
from accounts.services.sessions import device_digest
from accounts.signals import sign_in_alarm, sign_in_locked
from common import limits
from common.addresses import network_of, subscriber_of
from common.context import current
from common.errors import RateLimited
from common.limits import Claim, Limit, Taken
from common.unit_of_work import unit_of_work

_MINUTES, _HOURS, _DAYS = 60, 3600, 86400

# In the order in which everybody takes them.
ADDRESS = Limit("sign_in:address", attempts=600, window=15 * _MINUTES)
NETWORK = Limit("sign_in:network", attempts=20, window=6 * _HOURS, longest=24 * _HOURS)
ACCOUNT = Limit("sign_in:account", attempts=5, window=15 * _MINUTES, longest=1 * _HOURS)
DEVICE = Limit("sign_in:device", attempts=5, window=15 * _MINUTES, longest=1 * _HOURS, kept=30 * _DAYS)
CONFIRM = Limit("password:confirm", attempts=5, window=15 * _MINUTES, longest=1 * _HOURS)
# Over all codes of an address: thirty of a million an hour.
CODE = Limit("code:account", attempts=30, window=1 * _HOURS)
# Refusals that tell that an address has an account.
TOLD = Limit("registration:told", attempts=30, window=1 * _HOURS)
# Failures everywhere: nobody is refused, staff are told.
ALARM = Limit("sign_in:all", attempts=1000, window=15 * _MINUTES)


@dataclass(frozen=True)
class Attempt:
    """A sign-in that was counted and may now be tried; exactly one of its methods follows."""

    email: str
    taken: list[Taken]

    def succeeded(self) -> None:
        """Give the attempt back and know the device from now on."""
        limits.give_back(self.taken, remembering=(DEVICE, _device_of(self.email)))

    def failed(self, *, user_id: int | None) -> None:
        """Leave it counted; announce a window that it used up."""
        last = next((each for each in reversed(self.taken) if each.is_last), None)
        if last is not None:
            with unit_of_work():
                sign_in_locked.send(
                    User, email=self.email, user_id=user_id, scope=last.limit.scope, seconds=last.seconds_left
                )
        _count_for_alarm()

    def withdrawn(self) -> None:
        """Give it back: nothing was tried."""
        limits.give_back(self.taken)


def take_attempt(email: str) -> Attempt:
    """Count a sign-in from the context's device. Raises `RateLimited` (429), the same whoever has that address."""
    address = normalize_email(email)
    known = limits.take_known((DEVICE, _device_of(address)))
    if known is not None:
        return Attempt(address, [known])
    taken = limits.take((ADDRESS, subscriber_of(current().ip)), *_strangers(address))
    return Attempt(address, taken)


@contextmanager
def telling(*subjects: str) -> Iterator[None]:
    """Count what may end in `EmailTaken`, which tells that an address has an account, and give back what did not.

    Counted against the context's address and each of the `subjects`. Raises `RateLimited` (429). Not inside of a
    transaction.
    """
    taken = limits.take((TOLD, subscriber_of(current().ip)), *((TOLD, subject) for subject in subjects))
    has_told = False
    try:
        yield
    except EmailTaken:
        has_told = True
        raise
    finally:
        if not has_told:
            limits.give_back(taken)


def forgive(user: User) -> None:
    """Let the owner in again, who has just proved to be it by a code or a link that we mailed.

    Their account starts anew, and the context's device is one they have used.
    """
    limits.reset(*_strangers(user.email), (CONFIRM, str(user.pk)), (DEVICE, _device_of(user.email)))
    if current().ip:
        limits.remember(DEVICE, _device_of(user.email))


def _strangers(email: str) -> tuple[Claim, Claim]:
    return (NETWORK, f"{email} {network_of(current().ip)}"), (ACCOUNT, email)


def _device_of(email: str) -> str:
    return f"{email} {network_of(current().ip)} {device_digest().hex()}"


def _count_for_alarm() -> None:
    try:
        [taken] = limits.take((ALARM, ""))
    except RateLimited:
        return
    if taken.is_last:
        with unit_of_work():
            sign_in_alarm.send(User, attempts=ALARM.attempts, window=ALARM.window)
