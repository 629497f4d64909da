"""People, sign-ins and credits: from domain signals to events."""

from typing import Any
from uuid import UUID

from django.dispatch import receiver

from accounts import signals as accounts
from accounts.enums import EntryKind, Role, SecretPurpose, SessionEnd
from accounts.models import Account, AccountReview, Approval, Rate, TokenFamily, User
from audit.enums import Action
from audit.services import record


@receiver(accounts.user_created, dispatch_uid="audit.user_created")
def user_created(user: User, **kwargs: Any) -> None:
    record(
        Action.USER_CREATED,
        entity="user",
        entity_id=user.pk,
        changes={"role": user.role},
        personal={"email": user.email},
    )


@receiver(accounts.user_signed_in, dispatch_uid="audit.user_signed_in")
def user_signed_in(user: User, place: str, **kwargs: Any) -> None:
    record(Action.USER_SIGNED_IN, entity="user", entity_id=user.pk, changes={"role": user.role, "place": place})


@receiver(accounts.user_signed_out, dispatch_uid="audit.user_signed_out")
def user_signed_out(user: User, **kwargs: Any) -> None:
    record(Action.USER_SIGNED_OUT, entity="user", entity_id=user.pk)


@receiver(accounts.sign_in_failed, dispatch_uid="audit.sign_in_failed")
def sign_in_failed(email: str, user_id: int | None, reason: str, **kwargs: Any) -> None:
    record(
        Action.USER_SIGN_IN_FAILED,
        entity="user",
        entity_id=user_id or "",
        changes={"reason": reason},
        personal={"email": email[:254]},
    )


@receiver(accounts.sign_in_locked, dispatch_uid="audit.sign_in_locked")
def sign_in_locked(email: str, user_id: int | None, scope: str, seconds: int, **kwargs: Any) -> None:
    record(
        Action.USER_SIGN_IN_LOCKED,
        entity="user",
        entity_id=user_id or "",
        changes={"scope": scope, "seconds": seconds},
        personal={"email": email[:254]},
    )


@receiver(accounts.sign_in_alarm, dispatch_uid="audit.sign_in_alarm")
def sign_in_alarm(attempts: int, window: int, **kwargs: Any) -> None:
    record(Action.SIGN_IN_ALARM, entity="user", changes={"attempts": attempts, "window": window})


@receiver(accounts.refresh_reused, dispatch_uid="audit.refresh_reused")
def refresh_reused(family: TokenFamily, counter: int, **kwargs: Any) -> None:
    record(
        Action.SESSION_REFRESH_REUSED,
        entity="session",
        entity_id=family.public_id,
        changes={"user": family.user_id, "counter": counter, "current": family.counter},
    )


@receiver(accounts.sessions_ended, dispatch_uid="audit.sessions_ended")
def sessions_ended(user_id: int, families: list[UUID], reason: SessionEnd, **kwargs: Any) -> None:
    for family in families:
        record(
            Action.SESSION_ENDED, entity="session", entity_id=family, changes={"user": user_id, "reason": str(reason)}
        )


@receiver(accounts.second_factor_enabled, dispatch_uid="audit.second_factor_enabled")
def second_factor_enabled(user: User, replaced: bool, **kwargs: Any) -> None:
    record(Action.MFA_REPLACED if replaced else Action.MFA_ENABLED, entity="user", entity_id=user.pk)


@receiver(accounts.second_factor_removed, dispatch_uid="audit.second_factor_removed")
def second_factor_removed(user: User, reason: str, **kwargs: Any) -> None:
    record(Action(f"user.mfa_{reason}"), entity="user", entity_id=user.pk)


@receiver(accounts.second_factor_failed, dispatch_uid="audit.second_factor_failed")
def second_factor_failed(user: User, **kwargs: Any) -> None:
    record(Action.MFA_FAILED, entity="user", entity_id=user.pk)


@receiver(accounts.recovery_codes_renewed, dispatch_uid="audit.recovery_codes_renewed")
def recovery_codes_renewed(user: User, **kwargs: Any) -> None:
    record(Action.RECOVERY_CODES_RENEWED, entity="user", entity_id=user.pk)


@receiver(accounts.recovery_code_used, dispatch_uid="audit.recovery_code_used")
def recovery_code_used(user: User, left: int, **kwargs: Any) -> None:
    record(Action.RECOVERY_CODE_USED, entity="user", entity_id=user.pk, changes={"left": left})


@receiver(accounts.registration_repeated, dispatch_uid="audit.registration_repeated")
def registration_repeated(user: User, **kwargs: Any) -> None:
    record(Action.USER_REGISTRATION_REPEATED, entity="user", entity_id=user.pk)


@receiver(accounts.email_verified, dispatch_uid="audit.email_verified")
def email_verified(user: User, is_contested: bool, **kwargs: Any) -> None:
    changes = {"contested": True} if is_contested else {}
    record(Action.USER_EMAIL_VERIFIED, entity="user", entity_id=user.pk, changes=changes)


@receiver(accounts.secret_exhausted, dispatch_uid="audit.secret_exhausted")
def secret_exhausted(user_id: int, purpose: SecretPurpose, **kwargs: Any) -> None:
    record(Action.USER_CODE_EXHAUSTED, entity="user", entity_id=user_id, changes={"purpose": purpose})


@receiver(accounts.password_reset, dispatch_uid="audit.password_reset")
def password_reset(user: User, **kwargs: Any) -> None:
    record(Action.USER_PASSWORD_RESET, entity="user", entity_id=user.pk)


@receiver(accounts.password_changed, dispatch_uid="audit.password_changed")
def password_changed(user: User, **kwargs: Any) -> None:
    record(Action.USER_PASSWORD_CHANGED, entity="user", entity_id=user.pk)


@receiver(accounts.user_anonymised, dispatch_uid="audit.user_anonymised")
def user_anonymised(user: User, **kwargs: Any) -> None:
    record(Action.USER_ANONYMISED, entity="user", entity_id=user.pk)


@receiver(accounts.profile_changed, dispatch_uid="audit.profile_changed")
def profile_changed(user: User, old: dict[str, str], new: dict[str, str], **kwargs: Any) -> None:
    record(
        Action.USER_PROFILE_CHANGED,
        entity="user",
        entity_id=user.pk,
        changes={"fields": sorted(new)},
        personal={"old": old, "new": new},
    )


@receiver(accounts.role_changed, dispatch_uid="audit.role_changed")
def role_changed(user: User, old: Role, **kwargs: Any) -> None:
    record(Action.USER_ROLE_CHANGED, entity="user", entity_id=user.pk, changes={"old": old, "new": user.role})


@receiver(accounts.duties_changed, dispatch_uid="audit.duties_changed")
def duties_changed(user: User, old: list[str], new: list[str], **kwargs: Any) -> None:
    record(Action.USER_DUTIES_CHANGED, entity="user", entity_id=user.pk, changes={"old": old, "new": new})


@receiver(accounts.code_resent, dispatch_uid="audit.code_resent")
def code_resent(user: User, kind: str, **kwargs: Any) -> None:
    record(Action.USER_CODE_RESENT, entity="user", entity_id=user.pk, changes={"kind": kind})


@receiver(accounts.user_switched, dispatch_uid="audit.user_switched")
def user_switched(user: User, is_active: bool, **kwargs: Any) -> None:
    action = Action.USER_ENABLED if is_active else Action.USER_DISABLED
    record(action, entity="user", entity_id=user.pk)


@receiver(accounts.account_switched, dispatch_uid="audit.account_switched")
def account_switched(account: Account, is_active: bool, **kwargs: Any) -> None:
    action = Action.ACCOUNT_ENABLED if is_active else Action.ACCOUNT_DISABLED
    record(action, entity="account", entity_id=account.pk)


@receiver(accounts.rate_given, dispatch_uid="audit.rate_given")
def rate_given(account: Account, rate: Rate, **kwargs: Any) -> None:
    record(
        Action.ACCOUNT_RATE_GIVEN,
        entity="account",
        entity_id=account.pk,
        amount=rate.price,
        changes={"rate": rate.pk, "credits": rate.credits},
    )


@receiver(accounts.approval_moved, dispatch_uid="audit.approval_moved")
def approval_moved(approval: Approval, **kwargs: Any) -> None:
    # A reason that somebody typed may tell anything.
    personal = {"reason": approval.reason}
    if approval.note:
        personal["note"] = approval.note
    record(
        Action(f"approval.{approval.status}"),
        entity="approval",
        entity_id=approval.public_id,
        amount=approval.amount,
        changes={
            "kind": approval.kind,
            "subject": approval.subject,
            "currency": approval.currency,
            "requested_by": approval.requested_by_id,
        },
        personal=personal,
    )


@receiver(accounts.credits_moved, dispatch_uid="audit.credits_moved")
def credits_moved(
    account_id: int, kind: EntryKind, amount: int, balance_after: int, reference: str, **kwargs: Any
) -> None:
    record(
        Action(f"credits.{kind}"),
        entity="account",
        entity_id=account_id,
        amount=amount,
        changes={"balance_after": balance_after, "reference": reference},
    )


@receiver(accounts.people_arrived, dispatch_uid="audit.people_arrived")
def people_arrived(source: str, people: int, credits: int, reviews: int, **kwargs: Any) -> None:
    changes = {"source": source, "people": people, "credits": credits, "reviews": reviews}
    record(Action.IMPORT_ROWS, entity="user", changes=changes)


@receiver(accounts.people_taken_back, dispatch_uid="audit.people_taken_back")
def people_taken_back(source: str, batch: int, counts: dict[str, int], prices: list[str], **kwargs: Any) -> None:
    changes = {"source": source, **counts, "prices": prices}
    record(Action.IMPORT_UNDONE, entity="import", entity_id=batch, changes=changes)


@receiver(accounts.account_reviewed, dispatch_uid="audit.account_reviewed")
def account_reviewed(review: AccountReview, **kwargs: Any) -> None:
    record(
        Action.ACCOUNT_REVIEWED,
        entity="account",
        entity_id=review.account_id,
        changes={"reason": review.reason, "found": review.found, "explained": review.explained},
        personal={"note": review.note},
    )
