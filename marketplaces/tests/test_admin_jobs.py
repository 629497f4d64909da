"""The back office's pages of the jobs: state, age, progress, the last error, and what staff may do."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.enums import Role
from accounts.tests.factories import make_user
from audit.models import Event
from backoffice.tests.pages import page_of
from marketplaces.enums import JobState, ListingState
from marketplaces.models import Job, Listing
from marketplaces.services.jobs import working
from marketplaces.tests.factories import make_dead_letter, make_item, make_job_rows
from marketplaces.tests.jobs_world import connected, rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fakes")]


@pytest.fixture
def client():
    browser = Client(headers={"Accept-Language": "fr"})
    browser.force_login(make_user(Role.STAFF))
    return browser


def dead_letter():
    merchant = connected()
    return merchant, make_dead_letter(make_item(merchant))


def test_staff_see_dead_letters_in_their_queue_and_try_again(client):
    merchant, job = dead_letter()
    waiting = {str(each.queue.title): each for each in client.get(reverse("admin:index")).context["queues"]}
    queue = waiting["Tâches de canaux échouées"]
    assert queue.count == 1
    (row,) = client.get(queue.url).context["rows"]
    assert row.answer == f"{merchant.name} · bad"

    assert client.post(page_of(job, "retry")).status_code in (200, 302)
    assert rows(merchant, Job)[0].state == JobState.PENDING
    assert Event.objects.latest("pk").actor_kind == "user"
    working.work()

    assert rows(merchant, Listing)[0].state == ListingState.LIVE
    assert client.get(queue.url).context["rows"] == []


def test_staff_put_a_dead_letter_away(client):
    merchant, job = dead_letter()
    client.post(page_of(job, "cancel"))

    assert rows(merchant, Job)[0].state == JobState.CANCELLED


def test_pages_show_steps_and_queues(client):
    merchant = connected()
    job = make_job_rows(make_item(merchant))

    content = client.get(page_of(job)).content.decode()
    assert "0 / ?" in content
    assert "/api/items" not in content
    assert merchant.name in client.get(reverse("admin:marketplaces_job_changelist")).content.decode()
    assert merchant.name in client.get(reverse("admin:marketplaces_channelqueue_changelist")).content.decode()
