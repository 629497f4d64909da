"""A statement that a patient understands, in their language, as JSON and as CSV."""

import csv
import io
from datetime import UTC, date, datetime, time, timedelta

import pytest
import time_machine
from django.utils import timezone, translation

from accounts import statement
from accounts.enums import EntryKind
from accounts.models import CreditEntry
from accounts.services import ledger
from accounts.tests.factories import make_user
from common import csv as safe_csv
from reservations.labels import NOT_HONOURED, RESERVED

pytestmark = pytest.mark.django_db

JSON, CSV = "/api/v1/account/entries/", "/api/v1/account/entries.csv"


@pytest.fixture
def user():
    return make_user(credits=10)


def read(response):
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))


def labels(api, user, language):
    rows = api(user).get(JSON, headers={"Accept-Language": language}).json()["results"]
    return [row["label"] for row in reversed(rows)]


def test_everything_that_moves_credits_is_told_in_the_readers_language(api, user):
    with translation.override("en"):
        ledger.spend(user.pk, 1, reference="reservation:a", label=str(RESERVED) % {"pharmacy": "Louis"})
    with translation.override("fr"):
        ledger.refund(user.pk, 1, reference="reservation:a", label=str(NOT_HONOURED) % {"code": "K7Q2"})
    ledger.grant(user.pk, 30, kind=EntryKind.RATE, reference="payment:1", label="Famille", by=None)
    ledger.grant(user.pk, 2, reference="staff:1", label="geste", by=None)
    ledger.adjust(user.pk, -3, reason="erreur", reference="staff:2", by=user)
    ledger.spend(user.pk, 1, reference="other:1")

    assert labels(api, user, "fr") == [
        "Crédits de bienvenue",
        "Réservation à Louis",
        "Réservation K7Q2 non honorée",
        "Achat d'un forfait : Famille",
        "Crédits offerts : geste",
        "Correction : erreur",
        "Consommation",
    ]
    assert labels(api, user, "en") == [
        "Welcome credits",
        "Reservation at Louis",
        "Reservation K7Q2 not fulfilled",
        "Credit pack purchase: Famille",
        "Complimentary credits: geste",
        "Adjustment: erreur",
        "Credits spent",
    ]


def test_csv_is_the_same_statement_oldest_first(api, user):
    ledger.spend(user.pk, 3, reference="reservation:a", label="Réservation à Louis", by=user)
    ledger.grant(make_user().pk, 5, reference="gift", by=None)

    rows = read(api(user).get(CSV, headers={"Accept": "text/csv", "Accept-Language": "fr"}))

    shown = list(reversed(api(user).get(JSON).json()["results"]))
    assert rows == [
        {name: str(value) for name, value in row.items()} | {"created_at": line["created_at"]}
        for row, line in zip(shown, rows, strict=True)
    ]
    assert [datetime.fromisoformat(row["created_at"]) for row in rows] == [
        datetime.fromisoformat(row["created_at"]) for row in shown
    ]
    assert [(row["amount"], row["balance_after"], row["label"]) for row in rows] == [
        ("10", "10", "Crédits de bienvenue"),
        ("-3", "7", "Réservation à Louis"),
    ]


@pytest.mark.parametrize("path", [CSV, CSV + "/"])
def test_csv_answers_with_and_without_its_slash(path, api, user):
    assert len(read(api(user).get(path))) == 1


@pytest.mark.parametrize(
    "reason, written",
    [
        ('=HYPERLINK("http://x","y")', '\'=HYPERLINK("http://x","y")'),
        ("+1+1", "'+1+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("  =1", "'  =1"),
        ("＝1", "'＝1"),
        ("\r=1", "'\r'=1"),
        ("Crème;=1", "Crème;'=1"),
    ],
)
def test_formulas_are_neutralised_and_numbers_are_not(reason, written, api, user):
    CreditEntry.objects.create(
        account=user.account, amount=-1, balance_after=9, kind="spend", reference=reason, label=reason
    )

    last = read(api(user).get(CSV))[-1]

    assert (last["label"], last["reference"], last["amount"]) == (written, written, "-1")


@pytest.mark.parametrize("text", ["", "abc", "a=b", "Réservation à Louis", "12", 'un "mot", deux'])
def test_other_texts_stay_as_they_are(text):
    assert safe_csv.neutral(text) == text


def test_days_are_whole_ones_of_the_sites_time_zone(api, user):
    with time_machine.travel(datetime(2026, 3, 31, 22, 59, tzinfo=UTC)):
        ledger.spend(user.pk, 1, reference="a")
    with time_machine.travel(datetime(2026, 3, 31, 23, 1, tzinfo=UTC)):
        ledger.spend(user.pk, 1, reference="b")

    def references(query):
        return [row["reference"] for row in read(api(user).get(CSV, query))]

    assert references({"from": "2026-03-31", "to": "2026-03-31"}) == ["a"]
    assert references({"from": "2026-04-01", "to": "2026-04-01"}) == ["b"]
    assert references({"from": "2026-03-01", "to": "2026-04-30"}) == ["a", "b"]


@pytest.mark.parametrize(
    "query, code",
    [
        ({"from": "yesterday"}, "invalid"),
        ({"to": "2026-13-01"}, "invalid"),
        ({"from": "2026-02-01", "to": "2026-01-01"}, "invalid_range"),
        ({"from": "2024-01-01", "to": "2026-01-01"}, "range_too_long"),
        ({"from": "0001-01-01", "to": "0001-01-01"}, "invalid_range"),
        ({"from": "9999-12-31", "to": "9999-12-31"}, "invalid_range"),
        ({"from": "2024-01-01T00:00:00Z"}, "invalid"),
    ],
)
def test_dates_that_make_no_statement_are_refused(query, code, api, user):
    answer = api(user).get(CSV, query)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, code)


def test_statement_without_dates_is_the_last_year(api, user):
    old = CreditEntry.objects.create(account=user.account, amount=1, balance_after=1, kind="grant", reference="old")
    today = timezone.localdate()
    since, until = today - timedelta(days=365), today + timedelta(days=1)

    assert old.pk in {row[0] for row in statement.rows(user.account.pk, since=_day(since), until=_day(until))}
    assert len(read(api(user).get(CSV))) == 2


def _day(day: date) -> datetime:
    return datetime.combine(day, time.min, timezone.get_default_timezone())


def test_long_statement_is_read_a_page_at_a_time(api, user, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(statement, "_PAGE", 2)
    for number in range(4):
        ledger.spend(user.pk, 1, reference=f"r:{number}")
    client = api(user)

    with django_assert_num_queries(5):
        rows = read(client.get(CSV))

    assert [row["balance_after"] for row in rows] == ["10", "9", "8", "7", "6"]


def test_csv_needs_a_sign_in_and_shows_only_ones_own(api, user):
    assert api().get(CSV).status_code == 401
    assert {row["reference"] for row in read(api(make_user()).get(CSV, {"account": user.account.pk}))} == {
        CreditEntry.objects.latest("id").reference
    }
