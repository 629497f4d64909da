import re
import resource

import pytest
from django.core.management import CommandError, call_command

from audit.enums import Action
from audit.models import Event
from catalog import bdpm
from catalog.models import CatalogVersion, Product, SearchEntry
from catalog.rows import Counts
from catalog.services.bdpm import import_bdpm
from catalog.tests import bdpm_files
from common.errors import Invalid

pytestmark = pytest.mark.django_db


@pytest.fixture
def directory(tmp_path):
    return bdpm_files.write(tmp_path)


def everything():
    products = Product.objects.order_by("code").values()
    return list(products), list(SearchEntry.objects.order_by("code").values()), CatalogVersion.objects.get().number


def test_import_accounts_for_every_presentation(directory):
    report = import_bdpm(directory)
    assert report.presentations == 12
    assert report.counts == Counts(created=bdpm_files.IMPORTED)
    assert report.left_out == len(bdpm_files.LEFT_OUT)
    assert report.without_price == 1
    assert [str(remark) for remark in report.remarks] == [
        "CIS_bdpm.txt:4 2 columns instead of 12",
        *bdpm_files.LEFT_OUT,
    ]
    assert Product.objects.count() == SearchEntry.objects.count() == bdpm_files.IMPORTED


def test_import_of_one_presentation(directory):
    import_bdpm(directory)
    assert Product.objects.values().get(code="3400930000017") | {"created_at": 0, "updated_at": 0} == {
        "code": "3400930000017",
        "label": "DOLIPRÂNE 500 mg, comprimé - boîte de 16",
        "substance": "PARACETAMOL",
        "form": "comprimé",
        "category": None,
        "kind": "medicine",
        "prescription_required": None,
        "price": 1430,
        "price_is_indicative": True,
        "currency": "XAF",
        "is_active": True,
        "source": "bdpm",
        "created_at": 0,
        "updated_at": 0,
    }
    entry = SearchEntry.objects.get(code="3400930000017")
    assert entry.text == "doliprane 500 mg comprime boite de 16 paracetamol 3400930000017 3000001"
    assert (entry.label, entry.substance, entry.is_active) == (
        "DOLIPRÂNE 500 mg, comprimé - boîte de 16",
        "PARACETAMOL",
        True,
    )


def test_import_of_prices(directory):
    import_bdpm(directory)
    prices = dict(Product.objects.values_list("code", "price"))
    assert prices["3400930000024"] is None
    assert prices["3400930000055"] == 961825
    assert prices["3400930000062"] == 8098230
    assert Product.objects.get(code="3400930000024").price_is_indicative is False


def test_import_keeps_long_labels_whole(directory):
    import_bdpm(directory)
    label = f"KYPROLIS 60 mg, poudre – œil - {bdpm_files.LONG_LABEL}"
    assert (
        Product.objects.get(code="3400930000062").label == SearchEntry.objects.get(code="3400930000062").label == label
    )


def test_import_marks_what_is_not_on_sale(directory):
    import_bdpm(directory)
    withdrawn = ["3400930000031", "3400930000048", "3400930000079"]
    assert list(Product.objects.filter(is_active=False).order_by("code").values_list("code", flat=True)) == withdrawn
    assert (
        list(SearchEntry.objects.filter(is_active=False).order_by("code").values_list("code", flat=True)) == withdrawn
    )


def test_import_twice_changes_nothing(directory):
    import_bdpm(directory)
    before = everything()
    events = Event.objects.count()
    assert import_bdpm(directory).counts == Counts(unchanged=bdpm_files.IMPORTED)
    assert everything() == before
    assert Event.objects.count() == events


def test_import_of_changed_prices_updates_only_them(directory):
    import_bdpm(directory)
    before, _, version = everything()
    bdpm_files.write(directory, prices={"3400930000017": "2,50", "3400930000055": ""})
    assert import_bdpm(directory).counts == Counts(updated=2, unchanged=bdpm_files.IMPORTED - 2)
    after, _, _ = everything()
    assert [row["code"] for row, old in zip(after, before, strict=True) if row != old] == [
        "3400930000017",
        "3400930000055",
    ]
    assert Product.objects.get(code="3400930000017").price == 1640
    assert Product.objects.get(code="3400930000055").price is None
    # No word has changed.
    assert CatalogVersion.objects.get().number == version


def test_import_leaves_what_the_files_do_not_say(directory):
    import_bdpm(directory)
    Product.objects.filter(code="3400930000017").update(category="Antalgiques", prescription_required=False)
    SearchEntry.objects.filter(code="3400930000017").update(prescription_required=False)
    assert import_bdpm(directory).counts == Counts(unchanged=bdpm_files.IMPORTED)
    product = Product.objects.get(code="3400930000017")
    assert (product.category, product.prescription_required) == ("Antalgiques", False)


def test_import_restores_a_lost_search_entry(directory):
    import_bdpm(directory)
    SearchEntry.objects.filter(code="3400930000017").delete()
    import_bdpm(directory)
    assert SearchEntry.objects.filter(code="3400930000017").exists()


def test_import_dry_run_changes_nothing(directory):
    report = import_bdpm(directory, dry_run=True)
    assert report.counts == Counts(created=bdpm_files.IMPORTED)
    assert not Product.objects.exists()
    assert not SearchEntry.objects.exists()
    assert not CatalogVersion.objects.exists()
    assert not Event.objects.exists()


def test_import_is_one_event_with_counts(directory):
    call_command("import_bdpm", str(directory), verbosity=0)
    event = Event.objects.exclude(action=Action.PRODUCT_CHANGE_ANNOUNCED).get()
    assert (event.action, event.actor_kind, event.actor_id) == ("catalog.products_imported", "command", "import_bdpm")
    assert event.changes == {"source": "bdpm", "created": 7, "updated": 0, "unchanged": 0, "left_out": 5}


def test_command_prints_what_it_did(directory, capsys):
    call_command("import_bdpm", str(directory))
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "CIS_bdpm.txt:4 2 columns instead of 12",
        *bdpm_files.LEFT_OUT,
        "12 presentations, 7 imported (7 created, 0 updated, 0 unchanged), 5 left out, 1 without price",
    ]
    # No progress bar where there is no terminal.
    assert printed.err == ""


def test_command_names_missing_files(directory):
    (directory / bdpm.GENERICS).unlink()
    with pytest.raises(CommandError, match=re.escape("lacks CIS_GENER_bdpm.txt")):
        call_command("import_bdpm", str(directory))
    assert not Product.objects.exists()


@pytest.mark.parametrize(
    ("name", "kept", "what"),
    [
        (bdpm.GENERICS, 0, "is empty"),
        (bdpm.GENERICS, -30, "ends in the middle of a line"),
        (bdpm.GENERICS, -1, "ends in the middle of a line"),
        (bdpm.SPECIALITIES, 0, "is empty"),
        (bdpm.SPECIALITIES, -2, "ends in the middle of a line"),
        (bdpm.PRESENTATIONS, 0, "is empty"),
        (bdpm.PRESENTATIONS, "2,18", "ends in the middle of a line"),
    ],
)
def test_files_that_are_empty_or_cut_change_nothing(directory, name, kept, what):
    import_bdpm(directory)
    before, events = everything(), Event.objects.count()
    path = directory / name
    raw = path.read_bytes()
    # A price of 2,18 would become one of 2.
    path.write_bytes(raw[: raw.index(b"2,18") + 1] if kept == "2,18" else raw[:kept])
    with pytest.raises(Invalid) as refusal:
        import_bdpm(directory)
    assert (refusal.value.code, str(refusal.value.detail)) == (
        "file_incomplete",
        f"In {directory} {name} {what}: fetch it again.",
    )
    assert everything() == before
    assert Event.objects.count() == events


def test_command_names_files_that_are_not_whole(directory):
    (directory / bdpm.GENERICS).write_text(" \n\n")
    (directory / bdpm.SPECIALITIES).write_text("60000001\tDOLI")
    with pytest.raises(
        CommandError,
        match=re.escape("CIS_bdpm.txt ends in the middle of a line, CIS_GENER_bdpm.txt is empty: fetch it again"),
    ):
        call_command("import_bdpm", str(directory))
    assert not Product.objects.exists()


def test_import_of_the_real_database(shared_data):
    report = import_bdpm(shared_data / "bdpm")
    assert report.presentations == 20_874
    assert report.counts == Counts(created=20_871)
    assert [str(remark) for remark in report.remarks] == [
        "CIS_CIP_bdpm.txt:6879 no speciality 63278664 in CIS_bdpm.txt",
        "CIS_CIP_bdpm.txt:10236 no speciality 64917175 in CIS_bdpm.txt",
        "CIS_CIP_bdpm.txt:20700 no speciality 69912584 in CIS_bdpm.txt",
    ]
    assert report.without_price == Product.objects.filter(price=None).count() == 7_288
    assert Product.objects.filter(is_active=True).count() == 17_167
    assert Product.objects.exclude(substance="").count() == 11_946
    assert SearchEntry.objects.count() == 20_871
    assert import_bdpm(shared_data / "bdpm").counts == Counts(unchanged=20_871)
    # Kilobytes on Linux; the whole test process is in it.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 500_000
