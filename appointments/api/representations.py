"""Rows as the API shows them, by hand: on the hot path a serializer costs as much as a query."""

from typing import Any

from rest_framework import serializers

from accounts.models import User
from appointments.enums import ACTIVE, PaymentStatus
from appointments.models import Appointment, Practitioner, Specialty, VisitType, WaitlistEntry, WaitlistOffer
from appointments.selectors.free import Slot
from appointments.services.handling import free_until, read_notes

_time = serializers.DateTimeField()


def specialty(row: Specialty) -> dict[str, Any]:
    return {"id": row.pk, "name": row.name, "parent": row.parent_id}


def doctor(row: Any, visit_types: list[VisitType]) -> dict[str, Any]:
    return {
        "id": row.pk,
        "full_name": row.user.get_full_name(),
        "specialties": [{"id": each.pk, "name": each.name} for each in row.specialties.all()],
        "bio": row.bio,
        "place": row.place,
        "position": None if row.latitude is None else {"lat": row.latitude, "lon": row.longitude},
        "fee": row.fee,
        "fee_credits": row.fee_credits,
        "currency": row.currency,
        "languages": row.languages,
        "timezone": row.timezone,
        "distance_km": _rounded(row.distance_km),
        "visit_types": [_visit_type(each, row) for each in visit_types],
    }


def _visit_type(row: VisitType, practitioner: Practitioner) -> dict[str, Any]:
    own = row.fee is not None
    return {
        "id": row.pk,
        "name": row.name,
        "minutes": row.minutes,
        "fee": row.fee if own else practitioner.fee,
        "fee_credits": row.fee_credits if own or row.fee_credits is not None else practitioner.fee_credits,
        "is_remote": row.is_remote,
    }


def slot(found: Slot) -> dict[str, Any]:
    return {
        "starts_at": found.starts_at.isoformat(),
        "ends_at": found.ends_at.isoformat(),
        "visit_type": found.visit_type_id,
    }


def doctor_slot(found: Slot, row: Any) -> dict[str, Any]:
    named = {"doctor": row.pk, "full_name": row.user.get_full_name(), "distance_km": _rounded(row.distance_km)}
    return {**slot(found), **named}


def appointment(row: Appointment, payment_status: PaymentStatus, *, user: User) -> dict[str, Any]:
    """What `user` may see of it: the doctor the patient and their own notes, the patient neither."""
    zone = row.practitioner.zone
    body = {
        "id": str(row.public_id),
        "doctor": row.practitioner_id,
        "doctor_name": row.practitioner.user.get_full_name(),
        "place": row.practitioner.place,
        "visit_type": row.visit_type_id,
        "visit_type_name": row.visit_type.name,
        "is_remote": row.visit_type.is_remote,
        "patient": None
        if row.patient_id == user.pk
        else {"id": row.patient_id, "full_name": row.patient.get_full_name(), "phone": row.patient.phone},
        "starts_at": row.starts_at.astimezone(zone).isoformat(),
        "ends_at": row.ends_at.astimezone(zone).isoformat(),
        "status": str(row.status),
        "reason": row.reason or None,
        "price": row.price,
        "price_credits": row.price_credits,
        "currency": row.currency,
        "credits_charged": row.credits_charged,
        "payment_status": str(payment_status),
        "hold_expires_at": _time.to_representation(row.hold_expires_at) if row.hold_expires_at else None,
        "free_cancellation_until": free_until(row).astimezone(zone).isoformat() if row.status in ACTIVE else None,
        "overbooked": row.overbooked,
        "sequence": row.sequence,
        "cancelled_at": _time.to_representation(row.cancelled_at) if row.cancelled_at else None,
        "cancel_reason": row.cancel_reason or None,
        "created_at": _time.to_representation(row.created_at),
    }
    notes = read_notes(row, by=user)
    return body if notes is None else {**body, "private_notes": notes}


def entry(row: WaitlistEntry, offered: WaitlistOffer | None) -> dict[str, Any]:
    return {
        "id": str(row.public_id),
        "doctor": row.practitioner_id,
        "specialty": row.specialty_id,
        "visit_type": row.visit_type_id,
        "date_from": row.date_from.isoformat(),
        "date_to": row.date_to.isoformat(),
        "weekdays": row.weekdays,
        "time_from": row.time_from.isoformat() if row.time_from else None,
        "time_to": row.time_to.isoformat() if row.time_to else None,
        "status": str(row.status),
        "offer": _offer(offered.appointment) if offered else None,
        "created_at": _time.to_representation(row.created_at),
    }


def _offer(held: Appointment) -> dict[str, Any]:
    assert held.hold_expires_at is not None
    return {
        "appointment": str(held.public_id),
        "doctor": held.practitioner_id,
        "starts_at": held.starts_at.astimezone(held.practitioner.zone).isoformat(),
        "expires_at": _time.to_representation(held.hold_expires_at),
    }


def _rounded(kilometres: float | None) -> float | None:
    return None if kilometres is None else round(kilometres, 2)
