from datetime import timedelta

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.enums import PricedAction, Role
from accounts.models import PriceList
from accounts.selectors import action_price
from accounts.services.price_lists import apply_due_credits
from accounts.tests.factories import make_user
from audit.models import Event
from common.models import FileImport

pytestmark = pytest.mark.django_db

EXPORT, IMPORT = "admin:accounts_pricelist_export_file", "admin:accounts_pricelist_import_file"


def reserve(**fields):
    return PriceList.objects.create(action=PricedAction.RESERVE, label="Réserver", credits=2, **fields)


def test_planned_credits_are_charged_from_their_moment_on(api):
    moment = timezone.now() + timedelta(hours=1)
    row = reserve(next_credits=5, next_from=moment)
    assert action_price(PricedAction.RESERVE) == 2
    assert apply_due_credits() == 0
    with time_machine.travel(moment, tick=False):
        assert action_price(PricedAction.RESERVE) == 5
        assert [each["credits"] for each in api().get("/api/v1/price-lists/").json()["results"]] == [5]
        assert apply_due_credits() == 1
        assert apply_due_credits() == 0
        assert action_price(PricedAction.RESERVE) == 5
    row.refresh_from_db()
    assert (row.credits, row.next_credits, row.next_from) == (5, None, None)
    event = Event.objects.get(action="reference.updated", entity="pricelist")
    assert (event.changes["old"]["credits"], event.changes["new"]["credits"]) == (2, 5)


@pytest.mark.parametrize("fields", [{"next_credits": 5}, {"next_from": timezone.now()}])
def test_planned_credits_have_a_date(fields):
    with pytest.raises(IntegrityError), transaction.atomic():
        reserve(**fields)


@pytest.fixture
def staff(client):
    client.force_login(make_user(Role.STAFF))
    return client


def upload(client, text):
    file = SimpleUploadedFile("tarifs.csv", text.encode())
    assert client.post(reverse(IMPORT), {"resource": "price_lists", "file": file}).status_code == 302
    return FileImport.objects.latest("pk")


def test_export_and_import_of_the_same_change_nothing(staff):
    reserve(next_credits=5, next_from=timezone.now().replace(microsecond=0) + timedelta(days=1))
    PriceList.objects.create(label="=1+1", credits=1)
    exported = b"".join(
        staff.get(reverse(EXPORT), {"resource": "price_lists", "format": "csv"}).streaming_content
    ).decode()
    assert ",'=1+1,1,,\r\n" in exported
    report = upload(staff, exported)
    assert (report.changes, report.unchanged, report.refusals) == ([], 2, [])


def test_preview_writes_nothing_and_confirming_does(staff):
    reserve()
    text = (
        "action;libelle;credits;nouveaux_credits;valable_des\nreserve;Réserver;3;4;2099-01-01\n;Autre;1;;\n"
        "reserve;Encore;1;;\nvoler;Voler;1;;\nbook_appointment;;1;;\ncheck_availability;Voir;-1;;\n"
        "check_availability;Voir;1;2;demain\n"
    )
    preview = upload(staff, text)
    assert preview.changes == ["reserve : 2 → 3 → 4 (2099-01-01 00:00)", "Autre : – → 1"]
    assert [line for line, _reason in preview.refusals] == [4, 5, 6, 7, 8]
    assert list(PriceList.objects.values_list("label", "credits")) == [("Réserver", 2)]
    assert not Event.objects.filter(action="reference.updated").exists()

    assert staff.post(reverse("admin:common_fileimport_confirm", args=[preview.pk])).status_code == 302
    assert list(PriceList.objects.values_list("label", "credits", "next_credits")) == [
        ("Réserver", 3, 4),
        ("Autre", 1, None),
    ]
    assert Event.objects.filter(action="reference.updated", entity="pricelist").count() == 1


def test_who_may_not_change_the_list_imports_none(client):
    reserve()
    client.force_login(make_user(Role.PHARMACIST))
    file = SimpleUploadedFile("tarifs.csv", b"action;libelle;credits\nreserve;R;9\n")
    answer = client.post(reverse(IMPORT), {"resource": "price_lists", "file": file})
    assert answer.status_code == 403
    assert PriceList.objects.get().credits == 2
