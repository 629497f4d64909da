"""A date that no database gives back again: typed by staff, it is refused where it is typed, and written nowhere.

00:00 of 0001-01-01 in Libreville is 23:00 of a year 0 in UTC, which is no Python date: whoever reads the row fails.
"""

from datetime import UTC, datetime

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.enums import Role
from accounts.models import PriceList
from accounts.tests.factories import make_user
from appointments.models import TimeOff
from appointments.tests.factories import make_practitioner
from backoffice.tests.pages import page
from catalog.models import DutyPeriod, PlannedPrice
from catalog.tests.factories import PharmacyFactory, ProductFactory
from common.moments import UNREASONABLE
from common.tests.rows import contents

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, tzinfo=UTC)
YEARS = ["0001-01-01", "1999-12-31", "2200-01-02", "9999-12-31"]


def price_list(day):
    return {
        "action": "check_availability", "label": "R", "credits": "2", "next_credits": "3",
        "next_from_0": day, "next_from_1": "00:00:00",
    }  # fmt: skip


def duty(day):
    given = {"pharmacy": PharmacyFactory().pk, "zone": "", "surcharge": "0", "currency": "XAF"}
    starts, ends = (day, "2026-11-22") if day < "2026" else ("2026-11-21", day)
    return {**given, "starts_at_0": starts, "starts_at_1": "00:00:00", "ends_at_0": ends, "ends_at_1": "00:00:00"}


def planned_price(day):
    given = {"product_code": ProductFactory().code, "price": "5", "currency": "XAF"}
    return {**given, "effective_at_0": day, "effective_at_1": "00:00:00"}


@pytest.mark.parametrize("day", YEARS)
@pytest.mark.parametrize(
    "model, given",
    [(PriceList, price_list), (DutyPeriod, duty), (PlannedPrice, planned_price)],
)
def test_unreasonable_date_is_refused_where_it_is_typed(signed_in, model, given, day):
    client = signed_in(make_user(Role.ADMIN))
    body = given(day)
    before = contents()

    answer = client.post(page(model, "add"), body)

    assert (answer.status_code, str(UNREASONABLE) in answer.content.decode()) == (200, True)
    assert contents() == before
    assert client.get(page(model, "changelist")).status_code == 200


@pytest.mark.parametrize("day", ["2000-01-02", "2199-12-31"])
@pytest.mark.parametrize(
    "model, given",
    [(PriceList, price_list), (DutyPeriod, duty), (PlannedPrice, planned_price)],
)
def test_the_first_and_the_last_date_are_kept(signed_in, model, given, day):
    client = signed_in(make_user(Role.ADMIN))

    assert client.post(page(model, "add"), given(day)).status_code == 302
    assert model.objects.count() == 1


@pytest.mark.parametrize("day", YEARS)
def test_absence_typed_beside_its_doctor_is_refused(day):
    moment = timezone.make_aware(datetime.fromisoformat(day))
    absence = TimeOff(practitioner=make_practitioner(), starts_at=min(moment, NOW), ends_at=max(moment, NOW))

    with pytest.raises(ValidationError, match=str(UNREASONABLE)):
        absence.full_clean()


def test_the_database_refuses_it_too():
    year_one = datetime(1, 1, 2, tzinfo=UTC)
    rows = [
        PriceList(label="R", credits=2, next_credits=3, next_from=year_one),
        DutyPeriod(pharmacy=PharmacyFactory(), starts_at=year_one, ends_at=NOW),
        PlannedPrice(product_code="P", price=5, effective_at=year_one),
        TimeOff(practitioner=make_practitioner(), starts_at=year_one, ends_at=NOW),
    ]
    for row in rows:
        with pytest.raises(IntegrityError, match="reasonable"), transaction.atomic():
            row.save()
    assert connection.needs_rollback is False
