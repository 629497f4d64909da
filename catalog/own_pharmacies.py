"""The admin of one's own pharmacies: who is a member sees and does there what staff do everywhere."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.enums import Role
from catalog.models import PharmacyMember


def own_pharmacies(request: HttpRequest) -> frozenset[int]:
    """The keys of the pharmacies the signed-in person is a member of; asked once a request."""
    known: frozenset[int] | None = getattr(request, "_own_pharmacies", None)
    if known is None:
        known = frozenset()
        if request.user.is_authenticated:
            members = PharmacyMember.objects.filter(user_id=request.user.pk, user__role=Role.PHARMACIST)
            known = frozenset(members.values_list("pharmacy_id", flat=True))
        request._own_pharmacies = known  # type: ignore[attr-defined]
    return known


class OwnPharmaciesMixin:
    """For the `ModelAdmin` of rows that belong to a pharmacy; goes before it in the bases.

    A named permission opens all rows, membership those of one's own pharmacies. `pharmacy_field` is the column with
    the pharmacy's key (`pk` for pharmacies themselves). What members may change, subclasses say with
    `is_own(request, obj)`.
    """

    pharmacy_field = "pharmacy_id"

    def is_own(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether `obj` belongs to a pharmacy of the signed-in person; without one, whether they have any."""
        own = own_pharmacies(request)
        return bool(own) if obj is None else getattr(obj, self.pharmacy_field) in own

    def sees_all(self, request: HttpRequest) -> bool:
        """Whether a named permission lets the signed-in person see every row."""
        allowed: bool = super().has_view_permission(request)  # type: ignore[misc]
        return allowed

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(super().has_module_permission(request)) or self.is_own(request)  # type: ignore[misc]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.sees_all(request) or self.is_own(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        if self.sees_all(request):
            return rows
        return rows.filter(**{f"{self.pharmacy_field}__in": own_pharmacies(request)})
