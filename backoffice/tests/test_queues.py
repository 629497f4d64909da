"""What waits: every queue with its rows, the buttons that settle them, and the way back."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from accounts.enums import Duty, Role
from accounts.models import User
from accounts.tests.factories import make_user
from appointments.tests.factories import make_practitioner
from backoffice import duty_gaps
from backoffice.queues import QUEUES
from backoffice.tests.days import MONDAY, at
from backoffice.tests.pages import page_of
from backoffice.tests.world import make_rate_payment, make_refund, make_world
from catalog.models import DutyPeriod
from common.enums import MailState
from common.mail import send_mail_later
from common.models import Mail
from payments.enums import Status
from payments.models import Refund
from reservations.tests.factories import make_pharmacist, make_pharmacy

pytestmark = pytest.mark.django_db

SignedIn = Callable[[User | None], Client]


def _waiting(client: Client) -> dict[str, tuple[int, str]]:
    response = client.get(reverse("admin:index"))
    return {str(waiting.queue.title): (waiting.count, waiting.url) for waiting in response.context["queues"]}


def test_every_queue_has_a_page_of_its_own(signed_in: SignedIn) -> None:
    make_world()
    client = signed_in(make_user(Role.ADMIN))
    assert len({queue.name for queue in QUEUES}) == len(QUEUES)
    for queue in QUEUES:
        count = client.get(reverse("queue", args=(queue.name,))).context["rows"]
        listed = client.get(queue.list_url)
        assert listed.status_code == 200, queue.name
        assert len(count) == listed.context["cl"].result_count, queue.name


def test_a_held_payment_is_settled_from_its_queue_and_leads_back(signed_in: SignedIn) -> None:
    held = make_rate_payment(status=Status.HELD)
    client = signed_in(make_user(Role.STAFF))
    count, address = _waiting(client)["Paiements à vérifier"]
    assert count == 1

    (row,) = client.get(address).context["rows"]
    assert str(row.answer) == "montant différent de celui demandé"
    assert [button.url.partition("?")[0] for button in row.buttons] == [
        page_of(held, "accept_held"),
        page_of(held, "dismiss_held"),
    ]
    asked = client.get(row.buttons[1].url)
    response = client.post(row.buttons[1].url, {"reason": "", "once": asked.context["once"]})

    assert (response.status_code, response.url) == (302, address)
    held.refresh_from_db()
    assert held.status == Status.FAILED
    assert _waiting(client)["Paiements à vérifier"][0] == 0
    assert "Rien n'attend ici." in client.get(address).content.decode()


def test_a_refund_is_approved_from_its_queue(signed_in: SignedIn) -> None:
    refund = make_refund()
    client = signed_in(make_user(Role.STAFF))
    (row,) = client.get(_waiting(client)["Remboursements à approuver"][1]).context["rows"]
    (button,) = row.buttons
    client.post(button.url, {"once": client.get(button.url).context["once"]})
    assert Refund.objects.get(pk=refund.pk).status == "approved"


def test_doctors_mails_and_tasks_wait_for_somebody(signed_in: SignedIn) -> None:
    doctor = make_practitioner(verified=False)
    make_practitioner()
    send_mail_later(to="nobody@example.org", template="already_registered")
    Mail.objects.update(state=MailState.FAILED, next_at=None, context=b"", error="550 no such user")
    DBTaskResult.objects.create(
        status=TaskResultStatus.FAILED,
        task_path="common.tasks.x",
        args_kwargs={"args": [], "kwargs": {}},
        priority=0,
        backend_name="default",
        queue_name="default",
        traceback="Traceback…\nValueError: no such row\n",
        started_at=timezone.now(),
        finished_at=timezone.now(),
    )
    client = signed_in(make_user(Role.ADMIN))
    waiting = _waiting(client)

    def rows(title: str) -> Any:
        return client.get(waiting[title][1]).context["rows"]

    (row,) = rows("Praticiens à vérifier")
    assert [button.url.partition("?")[0] for button in row.buttons] == [page_of(doctor, "verify")]
    assert [row.answer for row in rows("E-mails échoués")] == ["550 no such user"]
    assert [row.answer for row in rows("Tâches échouées")] == ["ValueError: no such row"]


def test_queues_are_closed_to_those_who_may_not_see_the_rows(signed_in: SignedIn) -> None:
    make_world()
    keeper = make_user(Role.STAFF)
    keeper.groups.set([Group.objects.get(name=Duty.CATALOGUE)])
    client = signed_in(keeper)
    assert set(_waiting(client)) == {"Trous dans les gardes"}
    for queue in QUEUES:
        assert client.get(reverse("queue", args=(queue.name,))).status_code == 403, queue.name
    assert client.get(reverse("queue", args=("nothing",))).status_code == 404
    pharmacist = signed_in(make_pharmacist(make_pharmacy()))
    assert pharmacist.get(reverse("queue", args=("duty-gaps",))).status_code == 403
    assert pharmacist.get(reverse("queue", args=(QUEUES[0].name,))).context["rows"] == []


def _turn(pharmacy: Any, first: datetime, hours: float) -> None:
    DutyPeriod.objects.create(pharmacy=pharmacy, starts_at=first, ends_at=first + timedelta(hours=hours))


def test_gaps_are_the_days_without_anybody_on_duty_in_towns_that_take_turns(signed_in: SignedIn) -> None:
    with at(MONDAY, 10):
        staff = make_user(Role.STAFF)
        client = signed_in(staff)
        port, mine = (
            make_pharmacy(town="Port-Gentil", town_key="port gentil"),
            make_pharmacy(town="Moanda", town_key="moanda"),
        )
        make_pharmacy(town="Nulle part", town_key="nulle part")
        never_closed = make_pharmacy(town="Oyem", town_key="oyem", always_open=True)
        midnight = timezone.localtime().replace(hour=0, minute=0)
        _turn(never_closed, midnight - timedelta(days=3), 24)
        # Whole days, but for the third; the first from the week before.
        _turn(port, midnight - timedelta(days=5), 7 * 24)
        _turn(port, midnight + timedelta(days=3), 11 * 24)
        # All nights from 20:00 to 8:00 but the last of all: that day has the morning.
        for day in range(-1, 13):
            _turn(mine, midnight + timedelta(days=day, hours=20), 12)

        assert duty_gaps.gaps() == [duty_gaps.Gap("Port-Gentil", MONDAY + timedelta(days=2))]
        assert _waiting(client)["Trous dans les gardes"][0] == 1
        content = client.get(reverse("queue", args=("duty-gaps",))).content.decode()
    assert "mercredi 18 mars" in content
    assert "Port-Gentil" in content
    assert "Moanda" not in content
