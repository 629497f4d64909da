"""Signing up: nobody learns from an answer, or from how long it took, whether an address has an account.

In every case one password hash is computed and one mail queued; for an address that has an account a person is created
all the same, and undone.

Whoever registers an address again that was never verified never sets a password: where they give another one, the
registration is *contested*. The code still proves the address, but neither password is kept, so that nobody who
registered somebody else's address, before its owner or after, can get in later. Name and role are said anew only while
nothing but such forms is known of the person (`is_provisional`), nobody has signed in and no code is on its way.
"""

import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import Group
from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.emails import normalize_email
from accounts.enums import Duty, Role, SecretPurpose, SessionEnd
from accounts.exceptions import AdministratorsOnly, EmailTaken, InvalidOtp
from accounts.mails import CODE_MAIL, INVITATION_MAIL, KNOWN_MAIL, RESET_MAIL, code_context
from accounts.models import User
from accounts.selectors import open_sessions
from accounts.services import limits, one_time
from accounts.services.duties import require_may_give
from accounts.services.hashing import hash_gate, hash_password
from accounts.services.sessions import end_sessions
from accounts.services.users import create_user
from accounts.signals import email_verified, registration_repeated, registration_requested, user_registered
from common import limits as counters
from common.errors import FieldError, Forbidden, Invalid
from common.mail import send_mail_later
from common.unit_of_work import unit_of_work

SELF_REGISTERED = (Role.PATIENT, Role.DOCTOR)
ONE_MAIL_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Registration:
    """What a registration has led to. `code` is the one that was mailed, or a useless one where none was issued."""

    email: str
    code: str


def register(
    *, email: str, password: str, role: Role = Role.PATIENT, specialty_ids: Sequence[int] = (), **profile: Any
) -> Registration:
    """Register an address; a code is mailed to it, or a word that it has an account already.

    `password` has passed the validators, `profile` holds names, phone in E.164, language and bio. Raises `Invalid`
    for specialties that cannot be.
    """
    _check_specialties(role, specialty_ids)
    address = normalize_email(email)
    user = User.objects.filter(email=address).first()
    if user is None:
        hashed = hash_password(password)
        try:
            return _register_new(address, hashed, role=role, specialty_ids=specialty_ids, profile=profile)
        except IntegrityError:
            # Somebody else was faster.
            user = User.objects.get(email=address)
    if _is_settled(user):
        _rehearse(hash_password(password), role=role, specialty_ids=specialty_ids, profile=profile)
        return _tell_known(user)
    return _register_again(user, password, role=role, specialty_ids=specialty_ids, profile=profile)


def register_openly(*, email: str, password: str, **profile: Any) -> User:
    """Register a patient for a client that knows no code: they are in the house at once, unverified; a code is mailed.

    Raises `EmailTaken` (400), which tells that an address has an account, and `RateLimited` (429) after too many of it.
    """
    address = normalize_email(email)
    with limits.telling():
        if User.objects.filter(email=address).exists():
            raise EmailTaken
        try:
            _register_new(address, hash_password(password), role=Role.PATIENT, specialty_ids=(), profile=profile)
        except IntegrityError as error:
            raise EmailTaken from error
    return User.objects.get(email=address)


def add_person(*, email: str, password: str | None, role: Role, page: str = "", by: User, **profile: Any) -> User:
    """Add somebody for them; without a password they are mailed an invitation to choose one on `page`.

    Raises `Forbidden` without `accounts.change_user`, and without `accounts.manage_access` for another role than that
    of a patient; `AdministratorsOnly`, `MoreThanOwn` (403); `EmailTaken` (400).
    """
    if not by.has_perm("accounts.change_user") or (role != Role.PATIENT and not by.has_perm("accounts.manage_access")):
        raise Forbidden
    if role == Role.ADMIN and not by.is_superuser:
        raise AdministratorsOnly
    if role == Role.STAFF:
        require_may_give(by, {Duty.GENERAL})
    hashed = hash_password(password)
    address = normalize_email(email)
    try:
        with unit_of_work():
            user = create_user(email=address, password=None, hashed_password=hashed, role=role, by=by, **profile)
            if password is None:
                send_mail_later(to=address, template=INVITATION_MAIL, context={"page": page}, language=user.language)
    except IntegrityError as error:
        if not User.objects.filter(email=address).exists():
            raise
        raise EmailTaken from error
    return user


def resend_code(email: str) -> None:
    """Mail a new code to whoever has registered this address, at most one a minute; the caller learns nothing."""
    _queue_code(normalize_email(email))


def verify_email(*, email: str, code: str) -> User:
    """Take the code as proof of the address, which also forgives its failed sign-ins.

    Raises `InvalidOtp` (400), the same whatever is wrong with it, and `RateLimited` (429). Not inside a transaction.
    """
    address = normalize_email(email)
    taken = counters.take((limits.CODE, address))
    user = User.objects.filter(email=address, is_active=True).first()
    # Nobody has the number 0: an unknown address takes as long.
    secret = one_time.try_code(user.pk if user else 0, SecretPurpose.VERIFY_EMAIL, code)
    if user is None or secret is None:
        raise InvalidOtp
    with unit_of_work():
        locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if not locked.is_active or not one_time.end(secret):
            raise InvalidOtp
        locked.is_verified, locked.is_provisional = True, False
        if secret.is_contested:
            locked.set_unusable_password()
            send_mail_later(to=locked.email, template=RESET_MAIL, language=locked.language)
        locked.save(update_fields=["is_verified", "is_provisional", "password", "updated_at"])
        _end_unverified_sessions(locked)
        email_verified.send(User, user=locked, is_contested=secret.is_contested)
    counters.give_back(taken)
    limits.forgive(locked)
    return locked


def _is_settled(user: User) -> bool:
    """Whether somebody has proved the address, or staff have decided about the person: nobody says anew who it is."""
    return user.is_verified or not user.is_active or user.role not in SELF_REGISTERED


def _end_unverified_sessions(user: User) -> None:
    """The old sites let people in unverified: whoever that was, it need not have been the owner of the address."""
    if open_sessions(user.pk).exists():
        end_sessions(user, reason=SessionEnd.ACCESS_CHANGED, by=user)


def _check_specialties(role: Role, specialty_ids: Sequence[int]) -> None:
    if not specialty_ids:
        return
    if role != Role.DOCTOR:
        raise _invalid_specialties("specialties_of_doctors", _("Seuls les médecins indiquent des spécialités."))
    answers = registration_requested.send(User, role=role, specialty_ids=list(specialty_ids))
    if not any(checked for _receiver, checked in answers):
        raise _invalid_specialties("unknown_specialty", _("Ces spécialités n'existent pas."))


def _invalid_specialties(code: str, detail: Any) -> Invalid:
    return Invalid(code=code, errors=[FieldError("specialty_ids", code, detail)])


def _register_new(
    address: str, hashed: str, *, role: Role, specialty_ids: Sequence[int], profile: dict[str, Any]
) -> Registration:
    with unit_of_work():
        user, code = _create(address, hashed, role=role, specialty_ids=specialty_ids, profile=profile)
        _mail_code(address, code, user.language)
    return Registration(address, code)


def _create(
    address: str, hashed: str, *, role: Role, specialty_ids: Sequence[int], profile: dict[str, Any]
) -> tuple[User, str]:
    user = create_user(email=address, password=None, hashed_password=hashed, role=role, is_provisional=True, **profile)
    code = one_time.issue_code(user, SecretPurpose.VERIFY_EMAIL)
    user_registered.send(User, user=user, specialty_ids=list(specialty_ids))
    return user, code


class _Rehearsed(Exception):
    """Undoes what was only done for the time it takes."""


def _rehearse(hashed: str, *, role: Role, specialty_ids: Sequence[int], profile: dict[str, Any]) -> None:
    """Take as long as a new person takes, and leave nothing."""
    with suppress(_Rehearsed), unit_of_work():
        _create(f"{uuid.uuid4().hex}@trial.invalid", hashed, role=role, specialty_ids=specialty_ids, profile=profile)
        raise _Rehearsed


def _register_again(
    user: User, password: str, *, role: Role, specialty_ids: Sequence[int], profile: dict[str, Any]
) -> Registration:
    """The address was never verified. The hash that a new person costs is spent on comparing the passwords."""
    with hash_gate():
        is_same = check_password(password, user.password)
    code = one_time.new_code()
    with unit_of_work():
        locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if _is_settled(locked):
            return _tell_known(locked)
        is_contested = not is_same or locked.password != user.password
        registration_repeated.send(User, user=locked)
        is_pending = one_time.pending_secret(locked, SecretPurpose.VERIFY_EMAIL) is not None
        if is_contested:
            one_time.contest(locked, SecretPurpose.VERIFY_EMAIL)
        if is_pending:
            _queue_code(locked.email)
        elif _mail_code(locked.email, code, profile.get("language", locked.language), at_most_every=ONE_MAIL_EVERY):
            one_time.issue_code(locked, SecretPurpose.VERIFY_EMAIL, code=code)
            if locked.is_provisional and locked.last_login is None:
                _say_anew(locked, role=role, specialty_ids=specialty_ids, profile=profile)
            return Registration(locked.email, code)
    return Registration(locked.email, one_time.new_code())


def _say_anew(user: User, *, role: Role, specialty_ids: Sequence[int], profile: dict[str, Any]) -> None:
    user.role = role
    for name, value in profile.items():
        setattr(user, name, value)
    user.save(update_fields=["role", *profile, "updated_at"])
    user.groups.set(Group.objects.filter(name=role))
    user_registered.send(User, user=user, specialty_ids=list(specialty_ids))


def _tell_known(user: User) -> Registration:
    with unit_of_work():
        registration_repeated.send(User, user=user)
        if user.is_active:
            send_mail_later(to=user.email, template=KNOWN_MAIL, language=user.language, at_most_every=ONE_MAIL_EVERY)
    return Registration(user.email, one_time.new_code())


def _mail_code(address: str, code: str, language: str, *, at_most_every: timedelta | None = None) -> bool:
    mail = send_mail_later(
        to=address,
        template=CODE_MAIL,
        context=code_context(code),
        language=language,
        expires_at=timezone.now() + one_time.CODE_LIFETIME,
        at_most_every=at_most_every,
    )
    return mail is not None


def _queue_code(address: str) -> None:
    """The code is made when the mail is sent (`accounts.mails`): until then an unknown address looks like any other."""
    send_mail_later(
        to=address,
        template=CODE_MAIL,
        expires_at=timezone.now() + one_time.CODE_LIFETIME,
        at_most_every=ONE_MAIL_EVERY,
    )
