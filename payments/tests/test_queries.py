"""Lists cost the same number of queries however long they are."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from payments.enums import RefundStatus, Status
from payments.tests.factories import make_payment, make_refund

pytestmark = pytest.mark.django_db


def queries(client, path):
    with CaptureQueriesContext(
        connection,
    ) as captured:
        answer = client.get(path)
    assert answer.status_code == 200
    return len(answer.json()["results"]), len(captured)


@pytest.mark.parametrize(
    "path, make, expected",
    [
        ("/api/v1/payments/", lambda user: make_payment(Status.SUCCEEDED, user=user), 2),
        ("/api/v1/refunds/", lambda user: make_refund(RefundStatus.DUE), 4),
    ],
)
def test_list_costs_as_much_for_three_rows_as_for_one(path, make, expected, api, staff):
    client = api(staff)
    make(staff)
    assert queries(client, path) == (1, expected)
    make(staff)
    make(staff)
    assert queries(client, path) == (3, expected)
