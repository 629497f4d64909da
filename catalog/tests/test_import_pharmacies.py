import re

import pytest
from django.core.management import CommandError, call_command

from audit.models import Event
from catalog.models import Pharmacy
from catalog.pharmacy_list import COLUMNS

pytestmark = pytest.mark.django_db

HEADER = ",".join(COLUMNS)
ROWS = [
    'LBV1,Pharmacie de l\'Église,Libreville,"Akébé Ville, Rond-point",011 44 57 07 / 066 15 80 00,'
    '"Lun-Sam: 8h-19h",0,0.39241,9.45356',
    "LBV2,Pharmacie Nouvelle,Libreville,,07 12 34 56 ou +241 62 05 51 50,24h/24 - 7j/7,1,0.39241,9.45356",
    "PG1,Pharmacie Centrale,Port-Gentil,Parking,12 / 011 55 21 64,,oui,,",
    "PG2,,Port-Gentil,,,,0,,",
    "LBV1,Encore une,Libreville,,,,0,,",
    "PG3,Pharmacie du Cap,Port-Gentil,,,,0,nord,8.7",
    "a b,Pharmacie,Port-Gentil,,,,0,,",
    ",,,,,,,,",
]
LEFT_OUT = [
    "pharmacies.csv:5 left out: no nom",
    "pharmacies.csv:6 left out: code LBV1 stands on line 2 already",
    "pharmacies.csv:8 left out: code 'a b' cannot be used",
]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "pharmacies.csv"
    path.write_text("\n".join([HEADER, *ROWS, ""]), encoding="utf-8")
    return path


def run(path, capsys, *options):
    call_command("import_pharmacies", str(path), *options)
    return capsys.readouterr().out.splitlines()


def test_import_of_pharmacies(file, capsys):
    assert run(file, capsys) == [
        "pharmacies.csv:4 phone '12' cannot be read",
        *LEFT_OUT[:2],
        "pharmacies.csv:7 position 'nord', '8.7' cannot be read",
        LEFT_OUT[2],
        "7 pharmacies, 4 imported (4 created, 0 updated, 0 unchanged), 3 left out",
    ]
    church = Pharmacy.objects.get(code="LBV1")
    assert (church.name, church.town, church.quarter) == (
        "Pharmacie de l'Église",
        "Libreville",
        "Akébé Ville, Rond-point",
    )
    assert church.phones == ["+24111445707", "+24166158000"]
    assert (church.latitude, church.longitude, church.position_is_approximate) == (0.39241, 9.45356, True)
    assert (church.hours, church.always_open, church.is_active, church.epg_id) == ("Lun-Sam: 8h-19h", False, True, "")
    assert church.search_text == "pharmacie de l eglise libreville akebe ville rond point lbv1"
    assert church.town_key == "libreville"
    assert list(Pharmacy.objects.filter(always_open=True).order_by("code").values_list("code", flat=True)) == [
        "LBV2",
        "PG1",
    ]
    assert Pharmacy.objects.get(code="LBV2").phones == ["+24177123456", "+24162055150"]
    assert Pharmacy.objects.get(code="PG1").phones == ["+24111552164"]
    unknown = Pharmacy.objects.get(code="PG3")
    assert (unknown.latitude, unknown.longitude, unknown.position_is_approximate) == (None, None, False)


def test_import_twice_changes_nothing(file, capsys):
    run(file, capsys)
    before = list(Pharmacy.objects.order_by("pk").values())
    events = Event.objects.count()
    assert run(file, capsys)[-1] == "7 pharmacies, 4 imported (0 created, 0 updated, 4 unchanged), 3 left out"
    assert list(Pharmacy.objects.order_by("pk").values()) == before
    assert Event.objects.count() == events


def test_import_keeps_what_staff_decided(file, capsys):
    run(file, capsys)
    Pharmacy.objects.filter(code="LBV1").update(
        is_active=False, epg_id="64b0000000000000000000e1", latitude=0.4, longitude=9.5, position_is_approximate=False
    )
    assert run(file, capsys)[-1] == "7 pharmacies, 4 imported (0 created, 0 updated, 4 unchanged), 3 left out"
    church = Pharmacy.objects.get(code="LBV1")
    assert (church.is_active, church.epg_id, church.latitude, church.longitude) == (
        False,
        "64b0000000000000000000e1",
        0.4,
        9.5,
    )


def test_import_dry_run_changes_nothing(file, capsys):
    assert run(file, capsys, "--dry-run")[-1] == (
        "dry run: 7 pharmacies, 4 imported (4 created, 0 updated, 0 unchanged), 3 left out"
    )
    assert not Pharmacy.objects.exists()
    assert not Event.objects.exists()


def test_import_is_one_event_with_counts(file, capsys):
    run(file, capsys)
    event = Event.objects.get()
    assert (event.action, event.actor_kind, event.actor_id) == (
        "catalog.pharmacies_imported",
        "command",
        "import_pharmacies",
    )
    assert event.changes == {"source": "pharmacies.csv", "created": 4, "updated": 0, "unchanged": 0, "left_out": 3}


def test_import_reads_what_spreadsheets_write(tmp_path, capsys):
    path = tmp_path / "tableur.csv"
    rows = [HEADER.replace(",", ";"), "LBV1;Pharmacie Élise;Libreville;;011445707;;0;0,39241;9,45356"]
    path.write_bytes("\r\n".join(rows).encode("cp1252"))
    assert run(path, capsys) == ["1 pharmacies, 1 imported (1 created, 0 updated, 0 unchanged), 0 left out"]
    pharmacy = Pharmacy.objects.get()
    assert (pharmacy.name, pharmacy.latitude) == ("Pharmacie Élise", 0.39241)


def test_import_refuses_a_file_without_the_columns(tmp_path):
    path = tmp_path / "autre.csv"
    path.write_text("code,name\n1,x\n")
    with pytest.raises(CommandError, match=re.escape("autre.csv lacks the columns nom, ville")):
        call_command("import_pharmacies", str(path))


def test_import_refuses_a_quote_that_is_not_closed(tmp_path):
    path = tmp_path / "autre.csv"
    path.write_text(f'{HEADER}\nLBV1,A,Libreville,,,,0,,\nLBV2,"B,Libreville,,,,0,,\nLBV3,C,Libreville,,,,0,,\n')
    with pytest.raises(CommandError, match=re.escape("autre.csv:3 has a quote that is not closed")):
        call_command("import_pharmacies", str(path))
    assert not Pharmacy.objects.exists()


def test_import_refuses_a_file_that_is_not_there(tmp_path):
    with pytest.raises(CommandError, match="is no file"):
        call_command("import_pharmacies", str(tmp_path / "absent.csv"))


def test_import_of_the_real_list(shared_data, capsys):
    file = shared_data / "pharmacies_gabon_names.csv"
    assert run(file, capsys) == ["87 pharmacies, 87 imported (87 created, 0 updated, 0 unchanged), 0 left out"]
    assert Pharmacy.objects.filter(always_open=True).count() == 18
    assert Pharmacy.objects.exclude(position_is_approximate=True).count() == 0
    assert Pharmacy.objects.get(code="LBV002").phones == ["+24111445707", "+24166158000"]
    assert run(file, capsys) == ["87 pharmacies, 87 imported (0 created, 0 updated, 87 unchanged), 0 left out"]
