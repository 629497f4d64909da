"""People who come from another system, many at once, with the credits that they had there.

They have no welcome credits: what they bring is booked as an opening entry each, and what is odd about it waits for
somebody (`AccountReview`). They can be taken back while nothing has been built on them.
"""

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.db import DEFAULT_DB_ALIAS
from django.db.models import F, ForeignKey, ForeignObjectRel, Max, Model, QuerySet, Value
from django.db.models.fields import CharField
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from accounts.emails import NOBODY
from accounts.enums import BACK_OFFICE_ROLES, EntryKind, ReviewReason, ReviewStatus, Role
from accounts.models import Account, AccountReview, CreditEntry, OneTimeSecret, PriceList, Rate, User
from accounts.signals import people_arrived, people_taken_back
from common.bulk import copy_rows, merge_rows
from common.unit_of_work import unit_of_work

_CHUNK = 5_000

_USER = (
    "id email password first_name last_name phone role language bio is_verified is_active is_staff is_superuser "
    "token_version mfa_enabled created_at updated_at"
).split()
_ACCOUNT = "id user_id credit is_active rate_id subscribed_at created_at updated_at".split()
_ENTRY = "account_id amount balance_after kind reference label created_by_id created_at updated_at".split()
_REVIEW = "account_id reason found explained status note created_at updated_at".split()


@dataclass(frozen=True, slots=True)
class Review:
    """Something odd about the credits of somebody who arrives; `found` and `explained` in credits."""

    reason: ReviewReason
    found: int
    explained: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A person with their account, as they are to be here; ids are new (`common.bulk.take_ids`) or of taken-back rows.

    `password` is a hash that one of `PASSWORD_HASHERS` knows. `openings` are credits (> 0) with the reference of each.
    """

    user_id: int
    account_id: int
    email: str
    password: str
    created_at: datetime
    updated_at: datetime
    first_name: str = ""
    last_name: str = ""
    phone: str = ""
    role: Role = Role.PATIENT
    is_verified: bool = False
    account_is_active: bool = True
    rate_id: int | None = None
    subscribed_at: datetime | None = None
    openings: Sequence[tuple[int, str]] = ()
    reviews: Sequence[Review] = field(default=())

    @property
    def credits(self) -> int:
        return sum(amount for amount, _reference in self.openings)


def add_arrivals(arrivals: Sequence[Arrival], *, label: str, source: str) -> None:
    """Store so many people, their accounts, entries and reviews together, announced once.

    `label` is what the statement says of an opening entry. Raises `django.db.IntegrityError` where an address is taken.
    """
    now = timezone.now()
    with unit_of_work():
        merge_rows(User._meta.db_table, _USER, (_user(each) for each in arrivals), key=["id"])
        _join_groups(arrivals)
        merge_rows(Account._meta.db_table, _ACCOUNT, (_account(each, now) for each in arrivals), key=["id"])
        copy_rows(CreditEntry._meta.db_table, _ENTRY, _entries(arrivals, label, now))
        copy_rows(
            AccountReview._meta.db_table,
            _REVIEW,
            (
                (each.account_id, str(review.reason), review.found, review.explained, "open", "", now, now)
                for each in arrivals
                for review in each.reviews
            ),
        )
        people_arrived.send(
            User,
            source=source,
            people=len(arrivals),
            credits=sum(each.credits for each in arrivals),
            reviews=sum(len(each.reviews) for each in arrivals),
        )


def _user(person: Arrival) -> tuple[object, ...]:
    return (
        person.user_id,
        person.email,
        person.password,
        person.first_name,
        person.last_name,
        person.phone,
        str(person.role),
        "fr",
        "",
        person.is_verified,
        True,
        person.role in BACK_OFFICE_ROLES,
        person.role == Role.ADMIN,
        1,
        False,
        person.created_at,
        person.updated_at,
    )


def _account(person: Arrival, now: datetime) -> tuple[object, ...]:
    return (
        person.account_id,
        person.user_id,
        person.credits,
        person.account_is_active,
        person.rate_id,
        person.subscribed_at,
        person.created_at,
        now,
    )


def _entries(arrivals: Sequence[Arrival], label: str, now: datetime) -> Iterator[tuple[object, ...]]:
    for person in arrivals:
        balances = itertools.accumulate(amount for amount, _reference in person.openings)
        for (amount, reference), balance in zip(person.openings, balances, strict=True):
            kind = str(EntryKind.OPENING)
            yield person.account_id, amount, balance, kind, reference, label, None, now, now


def _join_groups(arrivals: Sequence[Arrival]) -> None:
    groups = dict(Group.objects.values_list("name", "pk"))
    rows = [(each.user_id, groups[each.role]) for each in arrivals if each.role in groups]
    merge_rows(User.groups.through._meta.db_table, ["user_id", "group_id"], rows, key=["user_id", "group_id"])


# What arrivals themselves are made of, and links that anybody may have mailed to them.
_OURS = {
    (Account, "user"),
    (AccountReview, "account"),
    (CreditEntry, "account"),
    (OneTimeSecret, "user"),
    (User.groups.through, "user"),
}
_REVERSAL = "taken back:"


def what_stands_on(user_ids: Collection[int], *, apart: type[Model] | None = None) -> list[str]:
    """What has been built on these arrivals: they signed in, credits moved, or rows of other apps name them.

    Locks them first, until the transaction ends: nobody signs in, moves credits or names them from then on. Of tables
    below the abstract model `apart` the caller asks `who_names` where their rows can be seen.
    """
    found = []
    people, accounts = User.objects.all(), Account.objects.all()
    later = CreditEntry.objects.exclude(kind=EntryKind.OPENING)
    for chunk in _chunks(user_ids):
        list(people.filter(pk__in=chunk).order_by("pk").select_for_update().values_list("pk"))
        list(accounts.filter(user__in=chunk).order_by("pk").select_for_update().values_list("pk"))
        if people.filter(pk__in=chunk, last_login__isnull=False).exists():
            found.append("people have signed in")
        # What was brought over and undone before was reversed then: those two entries are no life.
        moved = later.filter(account__user__in=chunk).exclude(reference__startswith=_REVERSAL)
        if moved.exists():
            found.append("credits have moved")
        rows = accounts.filter(user__in=chunk)
        found += [f"{_name(each)} name them" for each in _pointing(User, apart=apart) if _names(each, chunk)]
        found += [
            f"{_name(each)} name their accounts" for each in _pointing(Account, apart=apart) if _names(each, rows)
        ]
    return sorted(set(found))


def who_names(user_ids: Collection[int], *, within: type[Model]) -> list[str]:
    """What tables below the abstract model `within` name these people, as `what_stands_on` says it; locks nothing."""
    fields = _pointing(User, within=within)
    return sorted({f"{_name(each)} name them" for chunk in _chunks(user_ids) for each in fields if _names(each, chunk)})


def _pointing(
    model: type[Model], *, apart: type[Model] | None = None, within: type[Model] = Model
) -> list[ForeignKey[Any, Any]]:
    """Every reference to `model`, also those that have no way back (`related_name="+"`), but for `_OURS`."""
    relations = [each for each in model._meta.get_fields(include_hidden=True) if isinstance(each, ForeignObjectRel)]
    fields = [each.field for each in relations if isinstance(each.field, ForeignKey)]
    return [
        field
        for field in fields
        if (field.model, field.name) not in _OURS
        and issubclass(field.model, within)
        and not (apart is not None and issubclass(field.model, apart))
    ]


def _names(field: ForeignKey[Any, Any], rows: Collection[int] | QuerySet[Model]) -> bool:
    found: bool = field.model._base_manager.filter(**{f"{field.name}__in": rows}).exists()
    return found


def _name(field: ForeignKey[Any, Any]) -> str:
    return str(field.model._meta.verbose_name_plural)


def take_back_arrivals(
    user_ids: Collection[int],
    *,
    rates: Collection[int] = (),
    prices: Collection[int] = (),
    note: str,
    source: str,
    batch: int,
) -> None:
    """Make nobody of arrivals that nothing stands on: credits reversed, accounts closed, addresses and names gone.

    With them go the `rates` (off sale) and `prices` (deleted) that came along; all of it is announced once. `note` is
    what the reversing entry and closed reviews say. The people's rows stay, for events and entries point at them.
    """
    now = timezone.now()
    credits = 0
    with unit_of_work():
        for chunk in _chunks(user_ids):
            credits += _reverse(chunk, note, now)
            Account.objects.filter(user__in=chunk).update(
                credit=0, is_active=False, rate=None, subscribed_at=None, updated_at=now
            )
            AccountReview.objects.filter(account__user__in=chunk, status=ReviewStatus.OPEN).update(
                status=ReviewStatus.SETTLED, settled_at=now, note=note[:200], updated_at=now
            )
            OneTimeSecret.objects.filter(user__in=chunk).delete()
            User.groups.through.objects.filter(user__in=chunk).delete()
            User.objects.filter(pk__in=chunk).update(
                email=Concat(Cast("pk", CharField()), Value(f"@{NOBODY}")),
                password=make_password(None),
                first_name="",
                last_name="",
                phone="",
                role=Role.PATIENT,
                is_active=False,
                is_staff=False,
                is_superuser=False,
                is_verified=False,
                token_version=F("token_version") + 1,
                updated_at=now,
            )
        Rate.objects.filter(pk__in=rates).update(is_active=False, updated_at=now)
        gone = sorted(PriceList.objects.filter(pk__in=prices).values_list("label", flat=True))
        # Without a word from each row: the one announcement tells of them.
        PriceList.objects.filter(pk__in=prices)._raw_delete(DEFAULT_DB_ALIAS)
        people_taken_back.send(
            User,
            source=source,
            batch=batch,
            counts={"people": len(user_ids), "credits": credits, "rates": len(rates)},
            prices=gone,
        )


def _reverse(chunk: Sequence[int], note: str, now: datetime) -> int:
    balances = list(
        Account.objects.filter(user__in=chunk, credit__gt=0).select_for_update(no_key=True).values_list("pk", "credit")
    )
    newest = dict(
        CreditEntry.objects.filter(account__in=[pk for pk, _credit in balances], kind=EntryKind.OPENING)
        .values_list("account")
        .annotate(last=Max("pk"))
    )
    kind = str(EntryKind.ADJUST)
    rows = [(pk, -credit, 0, kind, f"{_REVERSAL}{pk}:{newest[pk]}", note, None, now, now) for pk, credit in balances]
    copy_rows(CreditEntry._meta.db_table, _ENTRY, rows)
    return sum(credit for _pk, credit in balances)


def _chunks(ids: Collection[int]) -> Iterator[list[int]]:
    ordered = sorted(ids)
    for start in range(0, len(ordered), _CHUNK):
        yield ordered[start : start + _CHUNK]
