"""Doctors as patients look for them."""

from datetime import date

from django.db.models import Exists, F, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.fields import FloatField
from django.db.models.functions import Cast

from appointments.models import Practitioner, Specialty
from appointments.selectors import free
from catalog.geo import Position, distance_km

# So many doctors are asked whether they have time; whoever finds more narrows the search down.
MOST = 200


def doctors(
    *,
    specialty_id: int | None = None,
    q: str = "",
    near: Position | None = None,
    language: str = "",
    available_on: date | None = None,
) -> QuerySet[Practitioner]:
    """Listed doctors with `distance_km` (None without `near`): the nearest first, or by name.

    `q` is words of name, place or specialty, all of which must be there. A wider specialty includes those below it.
    """
    rows = Practitioner.objects.listed().select_related("user").prefetch_related("specialties")
    if specialty_id is not None:
        mine = Specialty.objects.filter(practitioners=OuterRef("pk"))
        rows = rows.filter(Exists(mine.filter(Q(pk=specialty_id) | Q(parent_id=specialty_id))))
    for word in q.split()[:8]:
        named = Specialty.objects.filter(practitioners=OuterRef("pk")).filter(
            Q(name_fr__icontains=word) | Q(name_en__icontains=word)
        )
        rows = rows.filter(
            Q(user__first_name__icontains=word)
            | Q(user__last_name__icontains=word)
            | Q(place__icontains=word)
            | Exists(named)
        )
    if language:
        rows = rows.annotate(spoken=Cast("languages", TextField())).filter(spoken__contains=f'"{language}"')
    if near is None:
        rows = rows.annotate(distance_km=Value(None, output_field=FloatField()))
        rows = rows.order_by("user__last_name", "user__first_name", "pk")
    else:
        rows = rows.annotate(distance_km=distance_km(near)).order_by(F("distance_km").asc(nulls_last=True), "pk")
    if available_on is not None:
        ids = list(rows.values_list("pk", flat=True)[:MOST])
        rows = rows.filter(pk__in=free.available_on(free.practices(ids), available_on))
    return rows
