"""Users and their accounts: what each becomes, and writing them a few thousand at a time."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from accounts.enums import ReviewReason, Role
from accounts.models import Account, User
from accounts.services.arrivals import Arrival, Review, add_arrivals
from catalog.progress import Progress
from common.bulk import take_ids
from common.unit_of_work import unit_of_work
from legacy.importing.batches import ACCOUNTS, RATES, SOURCE, USERS, Batch, Known
from legacy.importing.history import WELCOME
from legacy.importing.report import Report, Total
from legacy.importing.source import OldAccount, OldUser, moment
from legacy.importing.values import address_of, phone_of, stand_in, stored_hash

LABEL = "Solde repris de l'ancien service"
_NAME = 150
_CHUNK = 5_000


@dataclass(slots=True)
class Person:
    """Somebody as they come, still under their old numbers. `openings` are (credits, old account)."""

    old_id: int
    email: str
    is_reachable: bool
    password: str
    first_name: str
    last_name: str
    phone: str
    role: Role
    created_at: datetime
    updated_at: datetime
    accounts: list[OldAccount] = field(default_factory=list)
    is_active: bool = True
    rate: int | None = None
    subscribed_at: datetime | None = None
    openings: list[tuple[int, int]] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)


@dataclass(slots=True)
class Judging:
    """What judging people needs to know, and whom it tells."""

    report: Report
    users: Total
    credits: Total
    rates: frozenset[int]
    explained: Mapping[int, int]
    progress: Progress


def judge_people(users: Sequence[OldUser], accounts: Iterable[OldAccount], judging: Judging) -> list[Person]:
    """Everybody who comes or has come, with their accounts; notes every rule that a row met."""
    known = Known(USERS)
    by_user: dict[int | None, list[OldAccount]] = defaultdict(list)
    for account in accounts:
        by_user[account.user_id].append(account)
    addresses = {user.id: address_of(user.email) for user in users}
    taken = _taken(addresses, known)
    used: set[str] = set()
    unusable = make_password(None)
    people = []
    for user in judging.progress(users, len(users), "users"):
        theirs = by_user.pop(user.id, [])
        address = addresses[user.id]
        if address in taken and str(user.id) not in known.living:
            _leave_out(user, theirs, judging)
            continue
        is_doubled = address in used
        person = _judge_user(user, None if is_doubled else address, unusable, judging.report)
        if is_doubled:
            judging.report.note("user_email_doubled", USERS, user.id, address)
        elif address is None:
            missing = not (user.email or "").strip()
            judging.report.note(f"user_email_{'missing' if missing else 'unusable'}", USERS, user.id, user.email or "")
        used.add(person.email)
        person.accounts = theirs
        _judge_accounts(person, judging)
        people.append(person)
    for account in (each for left in by_user.values() for each in left):
        judging.report.note("account_of_nobody", ACCOUNTS, account.id, f"user {account.user_id}")
        judging.credits.leave_out("account_of_nobody", account.credit or 0)
    return people


def _taken(addresses: Mapping[int, str | None], known: Known) -> set[str]:
    """Which of these addresses belong to somebody who did not come from there with it."""
    ours = {int(new_id): int(old_id) for old_id, new_id in known.living.items()}
    wanted = sorted({address for address in addresses.values() if address})
    found = set()
    for start in range(0, len(wanted), _CHUNK):
        rows = User.objects.filter(email__in=wanted[start : start + _CHUNK]).values_list("pk", "email")
        found |= {email for pk, email in rows if pk not in ours or addresses.get(ours[pk]) != email}
    return found


def _leave_out(user: OldUser, accounts: Iterable[OldAccount], judging: Judging) -> None:
    judging.report.note("user_email_taken", USERS, user.id, user.email)
    judging.users.leave_out("user_email_taken")
    for account in accounts:
        judging.report.note("account_left_out", ACCOUNTS, account.id, f"user {user.id}, credit {account.credit}")
        judging.credits.leave_out("account_left_out", account.credit or 0)


def _judge_user(user: OldUser, address: str | None, unusable: str, report: Report) -> Person:
    phone, password = phone_of(user.phone), stored_hash(user.password)
    if phone is None:
        report.note("user_phone_unusable", USERS, user.id, user.phone)
    if password is None:
        report.note("user_hash_unusable", USERS, user.id)
    names = [(name or "").strip() for name in (user.firstname, user.lastname)]
    if max(map(len, names)) > _NAME:
        report.note("user_name_cut", USERS, user.id)
    created = moment(user.created_at)
    if created is None:
        report.note("user_time_missing", USERS, user.id)
        created = timezone.now()
    return Person(
        old_id=user.id,
        email=address or stand_in(user),
        is_reachable=address is not None,
        password=password or unusable,
        first_name=names[0][:_NAME],
        last_name=names[1][:_NAME],
        phone=phone or "",
        role=_role(user, report),
        created_at=created,
        updated_at=moment(user.updated_at) or created,
    )


def _role(user: OldUser, report: Report) -> Role:
    if user.role == "ADMIN":
        report.note("user_is_staff", USERS, user.id, user.email or "")
        return Role.STAFF
    if user.role is None:
        report.note("user_role_missing", USERS, user.id)
    elif user.role != "USER":
        report.note("user_role_unknown", USERS, user.id, user.role)
    return Role.PATIENT


def _judge_accounts(person: Person, judging: Judging) -> None:
    """One account of all that they had: the first one's rate, or the next one's; disabled where any is."""
    report = judging.report
    if not person.accounts:
        report.note("user_account_missing", USERS, person.old_id)
    for number, account in enumerate(person.accounts):
        if number:
            report.note("account_doubled", ACCOUNTS, account.id, f"of account {person.accounts[0].id}")
        person.is_active = person.is_active and account.activate is not False
        person.subscribed_at = person.subscribed_at or moment(account.subscription_date)
        if account.rate_id is not None and account.rate_id not in judging.rates:
            report.note("account_rate_vanished", ACCOUNTS, account.id, f"rate {account.rate_id}")
        elif person.rate is None:
            person.rate = account.rate_id
        if account.credit is None:
            report.note("account_credit_missing", ACCOUNTS, account.id)
        elif account.credit < 0:
            report.note("account_credit_negative", ACCOUNTS, account.id, account.credit)
            judging.credits.leave_out("account_credit_negative", account.credit)
        elif account.credit:
            person.openings.append((account.credit, account.id))
    found = sum(credits for credits, _account in person.openings)
    explained = judging.explained.get(person.old_id, WELCOME)
    if found > explained:
        report.note("account_unexplained", USERS, person.old_id, f"{found} credits, {explained} explained")
        person.reviews.append(Review(ReviewReason.UNEXPLAINED, found, explained))
    owed = sum(account.credit for account in person.accounts if account.credit is not None and account.credit < 0)
    if owed:
        person.reviews.append(Review(ReviewReason.NEGATIVE, owed, 0))


def write_people(people: Iterable[Person], batch: Batch, progress: Progress) -> int:
    """Those who are not here yet, so many a transaction together with what is remembered of them; how many."""
    users, rates = Known(USERS), Known(RATES)
    new = [person for person in people if str(person.old_id) not in users.living]
    for chunk in _chunks(progress(new, len(new), "people")):
        with unit_of_work():
            number = batch.row.pk
            before = [_number(users.withdrawn.get(str(person.old_id))) for person in chunk]
            theirs = dict(Account.objects.filter(user__in=filter(None, before)).values_list("user_id", "pk"))
            user_ids = _numbers(User, before)
            account_ids = _numbers(Account, [theirs.get(user_id) for user_id in user_ids])
            ids = list(zip(chunk, user_ids, account_ids, strict=True))
            add_arrivals([_arrival(*each, number, rates) for each in ids], label=LABEL, source=SOURCE)
            batch.remember(USERS, ((person.old_id, user_id) for person, user_id, _account in ids))
            batch.remember(
                ACCOUNTS, ((old.id, account_id) for person, _user, account_id in ids for old in person.accounts)
            )
    return len(new)


def _number(new_id: str | None) -> int | None:
    return None if new_id is None else int(new_id)


def _numbers(model: type[User] | type[Account], before: Sequence[int | None]) -> list[int]:
    """The number of each: that of who came and was taken back, or a new one."""
    new = iter(take_ids(model._meta.db_table, before.count(None)))
    return [next(new) if number is None else number for number in before]


def _arrival(person: Person, user_id: int, account_id: int, batch: int, rates: Known) -> Arrival:
    return Arrival(
        user_id=user_id,
        account_id=account_id,
        email=person.email,
        password=person.password,
        created_at=person.created_at,
        updated_at=person.updated_at,
        first_name=person.first_name,
        last_name=person.last_name,
        phone=person.phone,
        role=person.role,
        is_verified=person.is_reachable,
        account_is_active=person.is_active,
        rate_id=rates.number(person.rate),
        subscribed_at=person.subscribed_at,
        openings=[(credits, f"{opening_prefix(batch)}{old}") for credits, old in person.openings],
        reviews=person.reviews,
    )


def opening_prefix(batch: int) -> str:
    """How the references of a batch's opening entries begin."""
    return f"import:{batch}:account:"


def _chunks(people: Iterable[Person]) -> Iterator[list[Person]]:
    chunk: list[Person] = []
    for person in people:
        chunk.append(person)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
