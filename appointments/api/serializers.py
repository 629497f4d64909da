"""What is sent, checked field by field; what is answered, documented. `representations` writes the answers."""

from typing import Any

from rest_framework import serializers

from appointments.api.fields import WallTimeField
from appointments.api.params import DayField
from appointments.enums import EntryStatus, FeedKind, PaymentStatus, Status
from common.api.serializers import MomentField, StrictIntegerField, StrictSerializer

_KEY = {"min_value": 1, "max_value": 2**53 - 1}


class BookInputSerializer(StrictSerializer):
    """A slot to take. Staff name the `patient`, and say with `overbook_reason` why it goes beyond the schedule."""

    doctor = StrictIntegerField(**_KEY)
    visit_type = StrictIntegerField(**_KEY)
    starts_at = MomentField()
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True)
    patient = StrictIntegerField(required=False, **_KEY)
    overbook_reason = serializers.CharField(max_length=200, required=False)


class ChangeInputSerializer(StrictSerializer):
    """Another time, what the visit is about, or (for the doctor alone) private notes."""

    starts_at = MomentField(required=False)
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True)
    private_notes = serializers.CharField(max_length=10_000, required=False, allow_blank=True)


class CancelInputSerializer(StrictSerializer):
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True)


class JoinInputSerializer(StrictSerializer):
    """A doctor or a specialty, local days from and to, on some weekdays (0 is Monday) and at some hours."""

    doctor = StrictIntegerField(required=False, **_KEY)
    specialty = StrictIntegerField(required=False, **_KEY)
    visit_type = StrictIntegerField(required=False, **_KEY)
    date_from = DayField()
    date_to = DayField()
    weekdays = serializers.ListField(child=StrictIntegerField(min_value=0, max_value=6), required=False, max_length=7)
    time_from = WallTimeField(required=False)
    time_to = WallTimeField(required=False)


class ShareInputSerializer(StrictSerializer):
    """`with_names` puts patients' names into a doctor's calendar: only who asks for it gets them."""

    kind = serializers.ChoiceField(FeedKind.choices)
    with_names = serializers.BooleanField(required=False)


class SpecialtySerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    parent = serializers.IntegerField(allow_null=True)


class SpecialtyRefSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()


class DoctorPositionSerializer(serializers.Serializer[Any]):
    lat = serializers.FloatField()
    lon = serializers.FloatField()


class VisitTypeSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    minutes = serializers.IntegerField()
    fee = serializers.IntegerField()
    fee_credits = serializers.IntegerField(allow_null=True)
    is_remote = serializers.BooleanField()


class DoctorSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    full_name = serializers.CharField()
    specialties = SpecialtyRefSerializer(many=True)
    bio = serializers.CharField()
    place = serializers.CharField()
    position = DoctorPositionSerializer(allow_null=True)
    fee = serializers.IntegerField(help_text="whole units of the currency, 0 = free")
    fee_credits = serializers.IntegerField(allow_null=True, help_text="null: credits are not taken")
    currency = serializers.CharField()
    languages = serializers.ListField(child=serializers.CharField())
    timezone = serializers.CharField()
    distance_km = serializers.FloatField(allow_null=True, help_text="null without `near` or without a position")
    visit_types = VisitTypeSerializer(many=True)


class SlotSerializer(serializers.Serializer[Any]):
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    visit_type = serializers.IntegerField()


class DoctorSlotSerializer(SlotSerializer):
    doctor = serializers.IntegerField()
    full_name = serializers.CharField()
    distance_km = serializers.FloatField(allow_null=True)


class CountSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()


class SlotListSerializer(serializers.Serializer[Any]):
    """A list that its own question bounds: everything on one page."""

    results = SlotSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    meta = CountSerializer()


class DoctorSlotListSerializer(SlotListSerializer):
    results = DoctorSlotSerializer(many=True)


class PatientSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    full_name = serializers.CharField()
    phone = serializers.CharField()


class AppointmentSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    doctor = serializers.IntegerField()
    doctor_name = serializers.CharField()
    place = serializers.CharField()
    visit_type = serializers.IntegerField()
    visit_type_name = serializers.CharField()
    is_remote = serializers.BooleanField()
    patient = PatientSerializer(help_text="null for the patient's own", allow_null=True)
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    status = serializers.ChoiceField(choices=Status.choices)
    reason = serializers.CharField(allow_null=True)
    price = serializers.IntegerField()
    price_credits = serializers.IntegerField(allow_null=True)
    currency = serializers.CharField()
    credits_charged = serializers.IntegerField()
    payment_status = serializers.ChoiceField(choices=PaymentStatus.choices)
    hold_expires_at = serializers.DateTimeField(allow_null=True)
    free_cancellation_until = serializers.DateTimeField(allow_null=True)
    overbooked = serializers.BooleanField()
    sequence = serializers.IntegerField()
    cancelled_at = serializers.DateTimeField(allow_null=True)
    cancel_reason = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    private_notes = serializers.CharField(required=False, help_text="for the doctor alone")


class WaitlistOfferSerializer(serializers.Serializer[Any]):
    appointment = serializers.UUIDField()
    doctor = serializers.IntegerField()
    starts_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class EntrySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    doctor = serializers.IntegerField(allow_null=True)
    specialty = serializers.IntegerField(allow_null=True)
    visit_type = serializers.IntegerField(allow_null=True)
    date_from = serializers.DateField()
    date_to = serializers.DateField()
    weekdays = serializers.ListField(child=serializers.IntegerField())
    time_from = serializers.TimeField(allow_null=True)
    time_to = serializers.TimeField(allow_null=True)
    status = serializers.ChoiceField(choices=EntryStatus.choices)
    offer = WaitlistOfferSerializer(allow_null=True)
    created_at = serializers.DateTimeField()


class FeedSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    kind = serializers.ChoiceField(FeedKind.choices)
    with_names = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    url = serializers.CharField(required=False, help_text="told once, when the calendar is shared")
