import django_filters

from appointments.enums import Status
from appointments.models import Appointment
from common.api.filters import AwareDateTimeFilter


class AppointmentFilter(django_filters.FilterSet):
    status = django_filters.ChoiceFilter(choices=Status.choices)
    starts_after = AwareDateTimeFilter(field_name="starts_at", lookup_expr="gte", label="begins at or after")
    starts_before = AwareDateTimeFilter(field_name="starts_at", lookup_expr="lt", label="begins before")

    class Meta:
        model = Appointment
        fields = ["status", "starts_after", "starts_before"]
