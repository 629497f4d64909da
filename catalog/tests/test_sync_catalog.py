"""The catalogue of EPG, from the simulator over sockets."""

import re

import pytest
import requests
from django.core.management import CommandError, call_command

from audit.enums import Action
from audit.models import Event
from catalog.epg import catalogue
from catalog.models import Product, SearchEntry
from catalog.services.sync import sync_catalog
from catalog.tests.factories import ProductFactory

pytestmark = pytest.mark.django_db


def item(number, label="", price=1500):
    return {"CIP": f"{3400940000000 + number}", "libelle": label or f"PRODUIT {number}", "prix_vente": price}


@pytest.fixture
def epg(simulators, settings, monkeypatch):
    settings.EPG_URL = f"{simulators.url}/epg"
    settings.PROVIDER_READ_SECONDS = 2
    monkeypatch.setattr(catalogue, "_PAUSE_SECONDS", 0)
    catalogue._client.cache_clear()

    class Epg:
        url = f"{simulators.url}/control/epg"

        def sells(self, *items):
            sent = requests.post(f"{self.url}/data", json={"products": items, "pharmacies": []}, timeout=5)
            assert sent.status_code == 200, sent.text

        def fails(self, fault, **options):
            sent = requests.post(f"{self.url}/faults", json={"fault": fault, **options}, timeout=5)
            assert sent.status_code in (200, 201, 204), sent.text

    return Epg()


def run(capsys, *options, page_size=2):
    call_command("sync_catalog", f"--page-size={page_size}", *options)
    return capsys.readouterr().out.splitlines()[-1]


def imports():
    return list(Event.objects.filter(action=Action.PRODUCTS_IMPORTED).order_by("id"))


def test_sync_writes_what_differs_and_marks_what_vanished(epg, capsys):
    epg.sells(*(item(number) for number in range(5)))
    assert run(capsys, "--dry-run").startswith("dry run: 3 pages, 5 created")
    assert not Product.objects.exists()
    assert not Event.objects.exists()
    assert run(capsys) == "3 pages, 5 created, 0 updated, 0 unchanged, 0 vanished, 0 remarks"
    # The simulator gives every third price as text.
    assert set(Product.objects.values_list("price", "source", "is_active")) == {(1500, "epg", True)}
    stamps = dict(Product.objects.values_list("code", "updated_at"))
    assert run(capsys) == "3 pages, 0 created, 0 updated, 5 unchanged, 0 vanished, 0 remarks"
    assert dict(Product.objects.values_list("code", "updated_at")) == stamps
    assert len(imports()) == 1

    epg.sells(item(0), item(1, price=2000), item(2, label="NOUVEAU NOM"), item(3))
    assert run(capsys) == "2 pages, 0 created, 3 updated, 2 unchanged, 1 vanished, 0 remarks"
    assert [event.changes["updated"] for event in imports()] == [0, 3]
    gone = Product.objects.get(code="3400940000004")
    assert (gone.is_active, gone.price, gone.label) == (False, 1500, "PRODUIT 4")
    assert SearchEntry.objects.get(code=gone.code).is_active is False
    assert SearchEntry.objects.get(code="3400940000002").label == "NOUVEAU NOM"
    epg.sells(*(item(number) for number in range(5)))
    assert "1 vanished" not in run(capsys)
    assert Product.objects.get(code=gone.code).is_active is True


def test_sync_keeps_what_others_told(epg, capsys):
    ProductFactory(code="3400940000000", label="DOLIPRANE", substance="PARACETAMOL", source="bdpm", price=1000,
                   price_is_indicative=True, is_active=False)  # fmt: skip
    ProductFactory(code="3400940000009", source="bdpm")
    epg.sells(item(0, label="DOLI", price=1234))
    run(capsys)
    product = Product.objects.get(code="3400940000000")
    assert (product.label, product.substance, product.source) == ("DOLIPRANE", "PARACETAMOL", "bdpm")
    assert (product.price, product.price_is_indicative, product.is_active) == (1234, False, False)
    # EPG never sold it: it did not vanish.
    assert Product.objects.get(code="3400940000009").is_active is True


def test_sync_survives_a_page_that_fails_for_a_while(epg, capsys):
    epg.sells(*(item(number) for number in range(4)))
    run(capsys)
    epg.sells(*(item(number, price=1600) for number in range(3)))
    # The first page answers; the second fails twice, and answers in the second round.
    original = catalogue._take

    def take(found, codes, number, page, size):
        original(found, codes, number, page, size)
        if number == 0:
            epg.fails("error_500", count=2)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(catalogue, "_take", take)
        assert run(capsys) == "2 pages, 0 created, 4 updated, 0 unchanged, 1 vanished, 0 remarks"


@pytest.mark.parametrize("fault", ["error_500", "garbage", "html", "truncated"])
def test_sync_goes_on_after_a_page_that_cannot_be_had_and_reports_it(epg, capsys, fault):
    epg.sells(*(item(number) for number in range(5)))
    run(capsys)
    epg.sells(*(item(number, price=1600) for number in range(4)))
    original = catalogue._page

    def page(number, size):
        epg.fails(fault, count=2) if number == 1 else None
        return original(number, size)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(catalogue, "_page", page)
        with pytest.raises(CommandError, match=re.escape("pages 1 could not")):
            run(capsys)
    # What was read is written; what is missing may be on the page that failed.
    assert Product.objects.filter(price=1600).count() == 2
    assert not Product.objects.filter(is_active=False).exists()


def test_sync_of_an_epg_that_is_down_changes_nothing(epg, capsys):
    epg.sells(item(0))
    run(capsys)
    epg.fails("error_500", count=10)
    with pytest.raises(CommandError, match="EPG does not answer"):
        run(capsys)
    assert Product.objects.get().is_active


def test_sync_of_an_empty_catalogue_marks_nothing(epg, capsys):
    epg.sells(item(0))
    run(capsys)
    epg.sells()
    assert run(capsys) == "0 pages, 0 created, 0 updated, 0 unchanged, 0 vanished, 0 remarks"
    assert Product.objects.get().is_active


@pytest.fixture
def lists(monkeypatch):
    """Have EPG answer with these pages, each with the number of pages that it tells."""
    monkeypatch.setattr(catalogue, "_PAUSE_SECONDS", 0)

    def answer(*pages, counts=None):
        told = counts or [len(pages)] * len(pages)
        answers = [{"items": list(page), "pageCount": count} for page, count in zip(pages, told, strict=True)]
        monkeypatch.setattr(catalogue, "_page", lambda number, size: answers[number])

    return answer


FIVE = [item(number) for number in range(5)]


@pytest.mark.parametrize(
    ("pages", "counts", "doubt"),
    [
        ((FIVE[:2], [], FIVE[4:]), None, "pages 1 had fewer items than were asked for"),
        ((FIVE[:1], FIVE[2:3], FIVE[4:]), None, "pages 0, 1 had fewer items than were asked for"),
        ((FIVE[:2], FIVE[4:]), [2, 3], "the number of pages changed meanwhile (2, 3)"),
    ],
)
def test_sync_of_pages_that_are_not_whole_marks_nothing_as_vanished(lists, caplog, pages, counts, doubt):
    lists(FIVE[:2], FIVE[2:4], FIVE[4:])
    assert sync_catalog(page_size=2).doubt == ""
    Product.objects.filter(code="3400940000004").update(price=1)
    lists(*pages, counts=counts)
    with caplog.at_level("ERROR"):
        report = sync_catalog(page_size=2)
    assert (report.doubt, report.vanished, report.counts.updated) == (doubt, 0, 1)
    assert [(record.message, record.reason) for record in caplog.records] == [
        ("nothing of EPG is marked as vanished", doubt)
    ]
    assert Product.objects.filter(is_active=True).count() == 5


def test_sync_marks_at_most_a_share_of_the_products_as_vanished(lists, settings, capsys):
    settings.EPG_URL = "http://127.0.0.1:9"
    many = [item(number) for number in range(60)]
    lists(many)
    sync_catalog(page_size=100)
    lists(many[:39])
    doubt = "21 of 60 products would vanish at once, more than EPG_VANISHED_PERCENT (10)"
    with pytest.raises(CommandError, match=re.escape(f"{doubt}: nothing was marked as vanished, run it again")):
        run(capsys, page_size=100)
    assert Product.objects.filter(is_active=True).count() == 60
    settings.EPG_VANISHED_PERCENT = 35
    assert run(capsys, page_size=100) == "1 pages, 0 created, 21 updated, 39 unchanged, 21 vanished, 0 remarks"
    settings.EPG_VANISHED_PERCENT = 0
    # So few are no share.
    lists(many[:19])
    assert run(capsys, page_size=100) == "1 pages, 0 created, 20 updated, 19 unchanged, 20 vanished, 0 remarks"


def test_product_that_is_listed_without_a_usable_label_has_not_vanished(lists):
    lists([item(0), item(1)])
    sync_catalog()
    lists([item(0), item(1) | {"libelle": ""}])
    report = sync_catalog()
    assert (report.vanished, report.doubt) == (0, "")
    assert [str(remark) for remark in report.remarks] == [
        "page 0:2 left out: 3400940000001 has no label that can be used"
    ]
    assert Product.objects.get(code="3400940000001").is_active
    lists([item(1) | {"libelle": ""}])
    assert sync_catalog().vanished == 1
    assert list(Product.objects.filter(is_active=True).values_list("code", flat=True)) == ["3400940000001"]


@pytest.mark.parametrize("label", [{"fr": "DOLI"}, ["DOLI"], True, 1.5, "half \ud800 a character"], ids=repr)
def test_sync_leaves_out_what_is_no_label_and_goes_on(lists, label):
    lists([item(0), item(1) | {"libelle": label}, item(2)])
    report = sync_catalog()
    assert [str(remark) for remark in report.remarks] == [
        "page 0:2 left out: 3400940000001 has no label that can be used"
    ]
    assert list(Product.objects.order_by("code").values_list("label", flat=True)) == ["PRODUIT 0", "PRODUIT 2"]


def test_sync_tells_what_it_left_out(epg, capsys):
    epg.sells(item(0), item(0), item(1, label=" "), {"CIP": "4000001", "libelle": "CIP7", "prix_vente": None})
    call_command("sync_catalog")
    assert capsys.readouterr().out.splitlines() == [
        "page 0:2 code 3400940000000 was there already",
        "page 0:3 left out: 3400940000001 has no label that can be used",
        "1 pages, 2 created, 0 updated, 0 unchanged, 0 vanished, 2 remarks",
    ]
    assert Product.objects.get(label="CIP7").code[:12] == "340094000001"


def test_sync_without_an_address(settings):
    settings.EPG_URL = ""
    with pytest.raises(CommandError, match="EPG_URL names no EPG"):
        call_command("sync_catalog")
