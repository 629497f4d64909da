import django_filters

from reservations.enums import Status
from reservations.models import Reservation
from reservations.pickup import normalize_pickup_code


class ReservationFilter(django_filters.FilterSet):
    pickup_code = django_filters.CharFilter(method="by_pickup_code", label="pickup code")
    status = django_filters.ChoiceFilter(choices=Status.choices)

    class Meta:
        model = Reservation
        fields = ["pickup_code", "status"]

    def by_pickup_code(self, queryset: object, name: str, value: str) -> object:
        return queryset.filter(pickup_code=normalize_pickup_code(value))  # type: ignore[attr-defined]
