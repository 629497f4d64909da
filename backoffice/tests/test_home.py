"""The admin's first page: exact figures, each with the list it stands for, and to each person what is theirs."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from accounts.enums import Duty, Role
from accounts.models import User
from accounts.tests.factories import make_user
from appointments.tests.factories import make_appointment
from backoffice.figures.daily import count_due
from backoffice.health import check_queue
from backoffice.home import services
from backoffice.tests.days import MONDAY, WEDNESDAY, at, make_days
from common.http import Client as HttpClient
from common.http import is_turned_away
from payments.models import PaymentAttempt
from payments.providers.base import Outcome
from reservations.tests.factories import make_pharmacist, make_pharmacy, make_reservation, make_stock

pytestmark = pytest.mark.django_db

SignedIn = Callable[[User | None], Client]
CHOSEN = {"from": MONDAY.isoformat(), "to": WEDNESDAY.isoformat()}


def _home(client: Client, **query: str) -> Any:
    response = client.get(reverse("admin:index"), query)
    assert response.status_code == 200
    return response


def _values(response: Any) -> dict[str, tuple[int, int]]:
    return {str(card.title): (card.value, card.today) for card in response.context["cards"]}


def _rows(client: Client, url: str) -> int:
    response = client.get(url)
    assert response.status_code == 200, url
    count: int = response.context["cl"].result_count
    return count


def test_home_shows_the_six_figures_of_the_days_asked_for(signed_in: SignedIn) -> None:
    with at(WEDNESDAY, 7):
        client = signed_in(make_user(Role.ADMIN))
    make_days()
    with at(WEDNESDAY):
        response = _home(client, **CHOSEN)
        assert _values(response) == {
            "Connexions": (4, 1),
            # The administrator is one of them.
            "Comptes créés": (3, 1),
            "Vérifications de disponibilité": (3, 2),
            "Réservations": (4, 1),
            "Forfaits souscrits": (3, 1),
            "Crédits consommés": (8, 1),
            "Rendez-vous pris": (0, 0),
        }
        by_title = {str(card.title): card for card in response.context["cards"]}
        assert {str(part.label): part.value for part in by_title["Réservations"].parts} == {
            "Confirmée": 1,
            "Retirée": 1,
            "Annulée": 1,
            "Expirée": 1,
        }
        assert by_title["Forfaits souscrits"].detail == "135 crédits"
        assert by_title["Crédits consommés"].detail == "en 4 fois"
        (row,) = response.context["providers"]
        assert (row.name, row.rate, row.received) == (
            "mypayga",
            67,
            "5\N{NO-BREAK SPACE}000\N{NO-BREAK SPACE}XAF",
        )
        assert [(str(part.label), part.value) for part in row.outcomes] == [
            ("Réussis", 2),
            ("Échoués", 1),
            ("En cours", 1),
        ]

        today = _values(_home(client, period="today"))
        assert today["Connexions"] == (1, 1)
        assert today["Réservations"] == (1, 1)
        assert _values(_home(client))["Connexions"] == (4, 1)


def test_every_figure_links_to_as_many_rows(signed_in: SignedIn) -> None:
    with at(WEDNESDAY, 7):
        client = signed_in(make_user(Role.ADMIN))
    make_days()
    with at(WEDNESDAY):
        for query in (CHOSEN, {"period": "week"}, {"from": MONDAY.isoformat(), "to": MONDAY.isoformat()}):
            response = _home(client, **query)
            seen = 0
            for card in response.context["cards"]:
                # Credits are summed up; how many entries that is, the detail says.
                expected = (
                    int(re.search(r"\d+", card.detail or "0")[0]) if "consommés" in str(card.title) else card.value
                )
                assert _rows(client, card.url) == expected, (card.title, card.url)
                for part in card.parts:
                    assert _rows(client, part.url) == part.value, (part.label, part.url)
                    seen += 1
            for row in response.context["providers"]:
                for part in row.outcomes:
                    assert _rows(client, part.url) == part.value, (part.label, part.url)
                    seen += 1
            assert seen >= 4


def test_home_is_the_same_once_days_are_counted(signed_in: SignedIn) -> None:
    with at(WEDNESDAY, 7):
        client = signed_in(make_user(Role.ADMIN))
    make_days()
    with at(WEDNESDAY):
        before = _home(client, **CHOSEN)
        count_due()
        after = _home(client, **CHOSEN)
    assert _values(before) == _values(after)
    assert [chart.rows for chart in before.context["charts"]] == [chart.rows for chart in after.context["charts"]]
    assert before.context["providers"] == after.context["providers"]


def test_charts_draw_every_day_and_say_it_in_a_table(signed_in: SignedIn) -> None:
    with at(WEDNESDAY, 7):
        client = signed_in(make_user(Role.ADMIN))
    make_days()
    with at(WEDNESDAY):
        response = _home(client, **CHOSEN)
    charts = {chart.title: chart for chart in response.context["charts"]}
    assert list(charts) == ["Activité", "Réservations par état", "Paiements par issue", "Crédits"]
    assert [series.label for series in charts["Activité"].series] == ["Connexions", "Vérifications", "Comptes créés"]
    assert charts["Activité"].rows == [("18/03", [1, 2, 1]), ("17/03", [2, 1, 1]), ("16/03", [1, 0, 1])]
    assert charts["Paiements par issue"].rows == [("18/03", [0, 0, 1]), ("17/03", [1, 1, 0]), ("16/03", [1, 0, 0])]
    assert charts["Crédits"].rows == [("18/03", [75, 1]), ("17/03", [30, 5]), ("16/03", [30, 2])]
    page = unescape(response.content.decode())
    assert page.count('<canvas class="chart" role="img" aria-label=') == 4
    assert '<th scope="row" class="font-normal px-2 py-1 text-left">16/03</th>' in page


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"from": "2026-03-18", "to": "2026-03-16"}, "Le premier jour vient après le dernier."),
        ({"from": "2026-03-19", "to": "2026-03-20"}, "Ces jours sont encore à venir."),
        ({"from": "2025-01-01", "to": "2026-03-18"}, "Au plus 366 jours à la fois."),
        ({"from": "18/03/2026", "to": ""}, "Choisissez un premier et un dernier jour."),
        ({"from": "'\"><script>", "to": "2026-03-18"}, "Choisissez un premier et un dernier jour."),
        ({"period": "zzz"}, ""),
    ],
)
def test_days_that_cannot_be_shown_are_said_and_the_last_thirty_shown(
    signed_in: SignedIn, query: dict[str, str], problem: str
) -> None:
    with at(WEDNESDAY):
        response = _home(signed_in(make_user(Role.STAFF)), **query)
    assert response.context["period_problem"] == problem
    assert (response.context["period"].preset, len(response.context["period"].days)) == ("month", 30)


def test_home_costs_as_many_queries_for_one_row_as_for_three(signed_in: SignedIn) -> None:
    client = signed_in(make_user(Role.STAFF))

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            _home(client)
        return len(seen)

    make_reservation()
    at_one = queries()
    make_reservation()
    make_reservation()
    # Session, user and rights; the figures: what is counted and six sources; thirteen queues and two for the duty
    # roster; the oldest pending payment, the gateways, the queue of tasks.
    assert queries() == at_one == 4 + 7 + 13 + 2 + 1 + 1 + 1


def test_a_pharmacist_sees_the_figures_of_their_own_pharmacies_alone(signed_in: SignedIn) -> None:
    own, other = make_pharmacy(), make_pharmacy()
    make_reservation(stock=make_stock(own))
    make_reservation(stock=make_stock(other))
    make_reservation(stock=make_stock(other))
    count_due()

    response = _home(signed_in(make_pharmacist(own)))

    assert _values(response) == {"Réservations": (1, 1)}
    assert response.context["providers"] == []
    assert response.context["services"] == []
    assert response.context["oldest_pending"] is None
    assert b"Paiements par prestataire" not in response.content


def test_a_secretary_sees_appointments_and_no_money(signed_in: SignedIn) -> None:
    secretary = make_user(Role.STAFF)
    secretary.groups.set([Group.objects.get(name=Duty.MEDICAL_SECRETARY)])
    make_reservation()
    make_appointment()

    response = _home(signed_in(secretary))

    assert _values(response)["Rendez-vous pris"] == (1, 1)
    assert set(_values(response)) == {"Comptes créés", "Rendez-vous pris"}
    assert not response.context["shows_payments"]
    assert response.context["services"] == []


def test_an_auditor_sees_every_figure(signed_in: SignedIn) -> None:
    auditor = make_user(Role.STAFF)
    auditor.groups.set([Group.objects.get(name=Duty.AUDITOR)])
    make_reservation()

    response = _home(signed_in(auditor))

    assert len(response.context["cards"]) == 7
    assert _values(response)["Réservations"] == (1, 1)
    assert response.context["shows_payments"]
    assert [service.name for service in response.context["services"]][-1] == "File des tâches"


def test_the_payment_that_waits_longest_is_named(signed_in: SignedIn) -> None:
    made: Any = make_days()
    response = _home(signed_in(make_user(Role.STAFF)))
    assert response.context["oldest_pending"].url == reverse(
        "admin:payments_payment_change", args=(made["pending"].pk,)
    )


def _say(attempt: PaymentAttempt, outcome: Outcome) -> None:
    PaymentAttempt.objects.filter(pk=attempt.pk).update(outcome=outcome)


def test_services_say_what_each_last_answered(signed_in: SignedIn, settings: Any) -> None:
    made: Any = make_days()
    client = signed_in(make_user(Role.STAFF))

    def state(name: str) -> str:
        found = {service.name: service.state for service in _home(client).context["services"]}
        return found[name]

    assert {service.name for service in _home(client).context["services"]} == {
        *(name for name in settings.PAYMENT_PROVIDERS if name != "counter"),
        "File des tâches",
    }
    attempt = made["pending"].attempts.get()
    _say(attempt, Outcome.PENDING)
    assert state("mypayga") == "success"
    _say(attempt, Outcome.UNKNOWN)
    assert state("mypayga") == "warning"
    assert state("singpay") == ""


def test_a_breaker_that_opened_shows(settings: Any) -> None:
    client = HttpClient("singpay", "http://127.0.0.1:1")
    assert not is_turned_away("singpay")
    for _failure in range(5):
        client.breaker.failed()
    assert is_turned_away("singpay")
    assert {each.name: each.state for each in services._gateways()}["singpay"] == "danger"
    client.breaker.succeeded()
    assert not is_turned_away("singpay")


def test_a_queue_that_nobody_empties_is_an_alarm() -> None:
    DBTaskResult.objects.all().delete()
    assert services._queue().state == "success"
    assert check_queue()
    task = DBTaskResult.objects.create(
        status=TaskResultStatus.READY,
        task_path="common.tasks.x",
        args_kwargs={"args": [], "kwargs": {}},
        priority=0,
        backend_name="default",
        queue_name="default",
    )
    assert services._queue().state == "success"
    DBTaskResult.objects.filter(pk=task.pk).update(enqueued_at=timezone.now() - timedelta(minutes=6))
    assert services._queue().state == "danger"
    with pytest.raises(TimeoutError):
        check_queue()
