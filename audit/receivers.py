"""From domain signals to events: one receiver a signal, one call each."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.dispatch import receiver

from accounts import signals as accounts
from accounts.enums import EntryKind, Role, SecretPurpose, SessionEnd
from accounts.models import Account, Approval, Rate, TokenFamily, User
from appointments import signals as appointments
from appointments.enums import EntryStatus
from appointments.enums import Status as AppointmentStatus
from appointments.models import Appointment, CalendarFeed, Practitioner, WaitlistEntry
from audit.enums import Action
from audit.services import record
from catalog import signals as catalog
from catalog.models import ProductChange, Stock
from payments import signals as payments
from payments.enums import Status as PaymentStatus
from payments.models import CallbackMessage, Payment, Refund
from reservations import signals as reservations
from reservations.enums import EpgStatus, EpgTask
from reservations.enums import Status as ReservationStatus
from reservations.models import EpgRequest, Reservation, ReservationLine


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


@receiver(catalog.products_imported, dispatch_uid="audit.products_imported")
def products_imported(source: str, counts: dict[str, int], **kwargs: Any) -> None:
    record(Action.PRODUCTS_IMPORTED, entity="product", changes={"source": source, **counts})


@receiver(catalog.product_change_announced, dispatch_uid="audit.product_change_announced")
def product_change_announced(change: ProductChange, values: dict[str, Any], **kwargs: Any) -> None:
    record(Action.PRODUCT_CHANGE_ANNOUNCED, entity="product", entity_id=change.code, changes={"new": values})


@receiver(catalog.product_change_settled, dispatch_uid="audit.product_change_settled")
def product_change_settled(change: ProductChange, **kwargs: Any) -> None:
    record(Action.PRODUCT_CHANGE_SETTLED, entity="product", entity_id=change.code)


@receiver(catalog.pharmacies_imported, dispatch_uid="audit.pharmacies_imported")
def pharmacies_imported(source: str, counts: dict[str, int], **kwargs: Any) -> None:
    record(Action.PHARMACIES_IMPORTED, entity="pharmacy", changes={"source": source, **counts})


@receiver(catalog.duty_imported, dispatch_uid="audit.duty_imported")
def duty_imported(source: str, counts: dict[str, int], **kwargs: Any) -> None:
    record(Action.DUTY_IMPORTED, entity="dutyperiod", changes={"source": source, **counts})


@receiver(catalog.stock_imported, dispatch_uid="audit.stock_imported")
def stock_imported(source: str, counts: dict[str, int], **kwargs: Any) -> None:
    record(Action.STOCK_IMPORTED, entity="stock", changes={"source": source, **counts})


@receiver(catalog.availability_checked, dispatch_uid="audit.availability_checked")
def availability_checked(code: str, **kwargs: Any) -> None:
    record(Action.AVAILABILITY_CHECKED, entity="product", entity_id=code)


@receiver(catalog.stock_changed, dispatch_uid="audit.stock_changed")
def stock_changed(stock: Stock, old: dict[str, Any], new: dict[str, Any], **kwargs: Any) -> None:
    record(Action.STOCK_CHANGED, entity="stock", entity_id=stock.pk, changes={"old": old, "new": new})


@receiver(reservations.reservation_moved, dispatch_uid="audit.reservation_moved")
def reservation_moved(
    reservation: Reservation, old: ReservationStatus | None, lines: list[ReservationLine] | None, **kwargs: Any
) -> None:
    # What somebody takes is personal, and a reason that somebody typed may tell anything.
    personal: dict[str, Any] = {}
    if lines:
        personal["lines"] = [[line.product_code, line.quantity] for line in lines]
    if reservation.reason:
        personal["reason"] = reservation.reason
    record(
        Action(f"reservation.{reservation.status}"),
        entity="reservation",
        entity_id=reservation.public_id,
        changes={"old": old, "new": reservation.status, "total": reservation.total},
        personal=personal,
    )


@receiver(reservations.reservation_paid, dispatch_uid="audit.reservation_paid")
def reservation_paid(reservation: Reservation, payment: Payment, **kwargs: Any) -> None:
    record(
        Action.RESERVATION_PAID,
        entity="reservation",
        entity_id=reservation.public_id,
        amount=payment.amount,
        changes={"payment": str(payment.public_id)},
    )


@receiver(reservations.epg_request_moved, dispatch_uid="audit.epg_request_moved")
def epg_request_moved(request: EpgRequest, old: EpgStatus, **kwargs: Any) -> None:
    changes: dict[str, Any] = {"old": old, "new": request.status, "number": request.number, "ttc": request.ttc}
    if request.task:
        changes["task"] = request.task
    record(
        Action(f"epg_request.{request.status}"),
        entity="reservation",
        entity_id=request.reservation.public_id,
        changes=changes,
    )


@receiver(reservations.epg_task_closed, dispatch_uid="audit.epg_task_closed")
def epg_task_closed(request: EpgRequest, task: EpgTask, **kwargs: Any) -> None:
    record(
        Action.EPG_TASK_CLOSED,
        entity="reservation",
        entity_id=request.reservation.public_id,
        changes={"task": task, "number": request.number},
    )


@receiver(appointments.appointment_changed, dispatch_uid="audit.appointment_changed")
def appointment_changed(appointment: Appointment, old: AppointmentStatus | None, **kwargs: Any) -> None:
    # Why somebody sees a doctor is personal, and so is why they do not.
    typed = {"reason": appointment.reason, "cancel_reason": appointment.cancel_reason}
    changes: dict[str, Any] = {"old": old, "new": appointment.status}
    if old is None:
        changes |= {"practitioner": appointment.practitioner_id, "starts_at": appointment.starts_at}
    if appointment.overbooked:
        changes["overbook_reason"] = appointment.overbook_reason
    record(
        Action(f"appointment.{appointment.status}"),
        entity="appointment",
        entity_id=appointment.public_id,
        changes=changes,
        personal={name: text for name, text in typed.items() if text},
    )


@receiver(appointments.appointment_rescheduled, dispatch_uid="audit.appointment_rescheduled")
def appointment_rescheduled(appointment: Appointment, old_starts_at: datetime, **kwargs: Any) -> None:
    record(
        Action.APPOINTMENT_RESCHEDULED,
        entity="appointment",
        entity_id=appointment.public_id,
        changes={"old": old_starts_at, "new": appointment.starts_at},
    )


@receiver(appointments.appointment_paid, dispatch_uid="audit.appointment_paid")
def appointment_paid(appointment: Appointment, payment: Payment | None, credits: int, **kwargs: Any) -> None:
    record(
        Action.APPOINTMENT_PAID,
        entity="appointment",
        entity_id=appointment.public_id,
        amount=payment.amount if payment else None,
        changes={"payment": str(payment.public_id)} if payment else {"credits": credits},
    )


@receiver(appointments.notes_changed, dispatch_uid="audit.appointment_notes_changed")
def appointment_notes_changed(appointment: Appointment, **kwargs: Any) -> None:
    record(Action.APPOINTMENT_NOTES_CHANGED, entity="appointment", entity_id=appointment.public_id)


@receiver(appointments.entry_changed, dispatch_uid="audit.waitlist_changed")
def waitlist_changed(entry: WaitlistEntry, old: EntryStatus | None, **kwargs: Any) -> None:
    record(
        Action(f"waitlist.{entry.status}"),
        entity="waitlist",
        entity_id=entry.public_id,
        changes={"old": old, "new": entry.status},
    )


@receiver(appointments.feed_changed, dispatch_uid="audit.calendar_changed")
def calendar_changed(feed: CalendarFeed, **kwargs: Any) -> None:
    record(
        Action.CALENDAR_REVOKED if feed.revoked_at else Action.CALENDAR_SHARED,
        entity="calendar",
        entity_id=feed.pk,
        changes={"kind": feed.kind, "with_names": feed.with_names},
    )


@receiver(appointments.practitioner_verified, dispatch_uid="audit.practitioner_verified")
def practitioner_verified(practitioner: Practitioner, is_verified: bool, **kwargs: Any) -> None:
    action = Action.PRACTITIONER_VERIFIED if is_verified else Action.PRACTITIONER_UNLISTED
    record(action, entity="practitioner", entity_id=practitioner.pk)


@receiver(payments.payment_moved, dispatch_uid="audit.payment_moved")
def payment_moved(payment: Payment, old: PaymentStatus | None, **kwargs: Any) -> None:
    changes: dict[str, Any] = {
        "old": old,
        "new": payment.status,
        "purpose": payment.purpose,
        "purpose_id": payment.purpose_id,
        "provider": payment.provider,
    }
    if payment.reason:
        changes["reason"] = payment.reason
    record(
        Action(f"payment.{payment.status}"),
        entity="payment",
        entity_id=payment.public_id,
        amount=payment.amount,
        changes=changes,
    )


@receiver(payments.callback_received, dispatch_uid="audit.callback_received")
def callback_received(message: CallbackMessage, **kwargs: Any) -> None:
    record(
        Action.CALLBACK_RECEIVED,
        entity="callback",
        entity_id=message.pk,
        changes={"provider": message.provider, "digest": message.digest},
    )


@receiver(payments.callback_refused, dispatch_uid="audit.callback_refused")
def callback_refused(provider: str, reason: str, message: CallbackMessage | None, **kwargs: Any) -> None:
    record(
        Action.CALLBACK_REFUSED,
        entity="callback",
        entity_id=message.pk if message else "",
        changes={"provider": provider, "reason": reason},
    )


@receiver(payments.refund_moved, dispatch_uid="audit.refund_moved")
def refund_moved(refund: Refund, **kwargs: Any) -> None:
    record(
        Action(f"refund.{refund.status}"),
        entity="refund",
        entity_id=refund.public_id,
        amount=refund.amount,
        changes={"payment": str(refund.payment.public_id)},
        personal={"reason": refund.reason},
    )
