"""Files of the catalogue in the admin: out, looked at, confirmed, in; never by who has no right."""

import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from openpyxl import Workbook

from accounts.enums import Duty, Role
from accounts.services.duties import set_groups
from accounts.tests.factories import make_user
from audit.models import Event
from catalog.exchange import RESOURCES
from catalog.models import DutyPeriod, Pharmacy, Product, SearchEntry, Stock
from catalog.tests.factories import PharmacyFactory, ProductFactory, StockFactory
from common.errors import Forbidden
from common.exchange import jobs, resources
from common.models import FileImport
from common.states import IllegalMove
from common.tasks import run_file_import

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _files(monkeypatch, tmp_path):
    monkeypatch.setattr(FileImport._meta.get_field("file"), "storage", FileSystemStorage(location=tmp_path))


@pytest.fixture
def keeper():
    user = make_user(Role.STAFF)
    set_groups(user, Role.STAFF, [Duty.CATALOGUE])
    return user


def receive(name: str, text: str | bytes, by: Any) -> FileImport:
    raw = text.encode() if isinstance(text, str) else text
    return jobs.receive(name, file_name=f"{name}.csv", raw=raw, by=by)


def counts(job: FileImport) -> tuple[int, int, int, int]:
    return job.created, job.updated, job.unchanged, job.refused


def test_products_are_added_and_changed_and_found(keeper):
    ProductFactory(code="A", label="Un", substance="Zinc", price=1500)
    job = receive("products", "code;libelle;genre\nA;Un de plus;\nB;Deux;parapharmacie\nC;;\nB;Encore;\n;x;\n", keeper)

    assert (job.state, counts(job)) == ("ready", (1, 1, 0, 3))
    assert job.changes == ["A : libelle Un → Un de plus", "B : nouvelle ligne"]
    assert job.refusals == [
        [4, "Libellé manquant."],
        [5, "Cette ligne répète la ligne 3."],
        [6, "Il manque : code."],
    ]
    assert list(Product.objects.values_list("code", "label")) == [("A", "Un")]

    done = jobs.confirm(job, by=keeper)

    assert (done.state, counts(done)) == ("done", (1, 1, 0, 3))
    rows = Product.objects.order_by("code").values_list("code", "label", "substance", "price", "kind")
    assert list(rows) == [("A", "Un de plus", "Zinc", 1500, "medicine"), ("B", "Deux", "", None, "parapharmacy")]
    assert SearchEntry.objects.get(code="B").label == "Deux"
    event = Event.objects.get(action="file_import.done")
    assert event.changes["by"] == keeper.pk
    assert (event.changes["created"], event.changes["updated"], event.changes["refused"]) == (1, 1, 3)
    assert Event.objects.filter(action="catalog.products_imported").count() == 1


def test_stock_is_set_by_the_service(keeper):
    stock = StockFactory(product_code=ProductFactory(code="A").code, quantity=3, price=100)
    house = stock.pharmacy.code
    job = receive(
        "stock",
        f"pharmacie;code;quantite;prix\n{house};A;7;\nnulle-part;A;1;1\n{house};Z;1;1\n{house};!;1;1\n{house};B;-1;1\n",
        keeper,
    )
    assert [reason for _line, reason in job.refusals] == [
        "Pharmacie inconnue.",
        "Produit inconnu.",
        "Code illisible.",
        "Quantité illisible.",
    ]

    jobs.confirm(job, by=keeper)

    stock.refresh_from_db()
    assert (stock.quantity, stock.price) == (7, 100)
    assert Event.objects.filter(action="catalog.stock_imported").count() == 1


def test_pharmacy_has_a_code_that_its_address_can_hold(keeper):
    codes = ("A/B", "A.B", "-A", "É1", "A B", "A?b", "A_b-1")
    job = receive("pharmacies", "code;nom;ville\n" + "".join(f"{code};X;Y\n" for code in codes), keeper)
    assert job.refusals == [[line, "Code illisible."] for line in range(2, 8)]
    jobs.confirm(job, by=keeper)
    assert list(Pharmacy.objects.values_list("code", flat=True)) == ["A_b-1"]


def test_pharmacies_and_duty_come_in(keeper):
    PharmacyFactory(code="p1", name="Une", town="Libreville", latitude=0.4, longitude=9.4)
    job = receive(
        "pharmacies", "code;nom;ville;telephones;latitude\np1;Deux;;077 12 34 56;\np2;Trois;Oyem;;1\n", keeper
    )
    assert job.refusals == [[3, "Position illisible."]]
    jobs.confirm(job, by=keeper)
    pharmacy = Pharmacy.objects.get()
    assert (pharmacy.name, pharmacy.town, pharmacy.phones) == ("Deux", "Libreville", ["+24177123456"])
    assert (pharmacy.latitude, pharmacy.search_text) == (0.4, Pharmacy.objects.get(code="p1").search_text)

    text = (
        "pharmacie;debut;fin;majoration\np1;2026-12-24 20:00;2026-12-25 08:00;500\np1;2026-12-26 20:00;2026-12-26;0\n"
    )
    turns = receive("duty", text, keeper)
    assert turns.refusals == [[3, "La fin précède le début."]]
    jobs.confirm(turns, by=keeper)
    assert [(turn.pharmacy.code, turn.surcharge) for turn in DutyPeriod.objects.all()] == [("p1", 500)]


def _one_of_each() -> None:
    stock = StockFactory(product_code=ProductFactory(code="A", label="=CMD()", category="'+x").code, price=None)
    now = timezone.now().replace(microsecond=0)
    DutyPeriod.objects.create(pharmacy=stock.pharmacy, starts_at=now, ends_at=now + timedelta(hours=9), zone="@home")


@pytest.mark.parametrize("name", [resource.name for resource in RESOURCES])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_what_goes_out_comes_in_and_changes_nothing(client, keeper, name, kind):
    _one_of_each()
    client.force_login(keeper)
    page = {"product": ("products", "product_prices"), "stock": ("stock",), "pharmacy": ("pharmacies",)}
    model = next((model for model, names in page.items() if name in names), "dutyperiod")

    answer = client.get(reverse(f"admin:catalog_{model}_export_file"), {"resource": name, "format": kind})
    job = receive(name, b"".join(answer.streaming_content), keeper)

    assert answer["Content-Disposition"] == f'attachment; filename="{name}.{kind}"'
    assert (job.state, job.refusals, job.changes, job.unchanged) == ("ready", [], [], 1)


def test_lines_are_added_only_with_the_right_to_add(keeper):
    keeper.groups.clear()
    from django.contrib.auth.models import Permission

    keeper.user_permissions.set(Permission.objects.filter(codename="change_product"))
    by = type(keeper).objects.get(pk=keeper.pk)
    ProductFactory(code="A", label="Un")

    job = jobs.confirm(receive("products", "code;libelle\nA;Une\nB;Deux\n", by), by=by)

    assert job.refusals == [[3, "Vous n'avez pas le droit d'ajouter des lignes."]]
    assert list(Product.objects.values_list("code", "label")) == [("A", "Une")]


def test_only_who_may_brings_and_only_who_brought_confirms(keeper):
    cashier = make_user(Role.STAFF)
    set_groups(cashier, Role.STAFF, [Duty.CASHIER])
    with pytest.raises(Forbidden):
        receive("products", "code;libelle\nA;Un\n", cashier)
    job = receive("products", "code;libelle\nA;Un\n", keeper)
    for other in (cashier, make_user(Role.STAFF), make_user(Role.ADMIN)):
        with pytest.raises(Forbidden):
            jobs.confirm(job, by=other)
    with pytest.raises(Forbidden):
        jobs.abandon(job, by=cashier)
    jobs.abandon(job, by=make_user(Role.ADMIN))
    with pytest.raises(IllegalMove):
        jobs.confirm(job, by=keeper)
    assert not Product.objects.exists()


def test_whoever_lost_the_right_meanwhile_changes_nothing(keeper, settings):
    settings.IMPORT_BACKGROUND_ROWS = 0
    job = receive("products", "code;libelle\nA;Un\n", keeper)
    keeper.groups.clear()

    jobs.run(job.pk)

    job.refresh_from_db()
    assert (job.state, job.error) == ("failed", "Vous n'avez pas le droit de faire cela.")
    assert not Product.objects.exists()


def _many(count: int) -> str:
    return "code;libelle\n" + "".join(f"P{number};Produit {number}\n" for number in range(count))


def test_a_large_file_is_done_by_a_worker_and_the_page_says_how_far(client, keeper, settings):
    settings.IMPORT_BACKGROUND_ROWS = 10
    client.force_login(keeper)
    file = SimpleUploadedFile("liste.csv", _many(20).encode())
    answer = client.post(reverse("admin:catalog_product_import_file"), {"resource": "products", "file": file})
    job = FileImport.objects.get()

    waiting = client.get(answer.url)
    assert (job.state, job.done, waiting["Refresh"]) == ("checking", 0, "2")
    assert "0 lignes sur 20 (0 %)" in waiting.content.decode()
    run_file_import.call(job.pk)
    ready = client.get(answer.url)
    assert "20 lignes sur 20 (100 %)" in ready.content.decode()
    assert "Refresh" not in ready

    client.post(reverse("admin:common_fileimport_confirm", args=[job.pk]))
    assert (FileImport.objects.get().state, Product.objects.count()) == ("applying", 0)
    run_file_import.call(job.pk)
    assert (FileImport.objects.get().state, Product.objects.count()) == ("done", 20)
    event = Event.objects.get(action="file_import.done")
    assert (event.actor_kind, event.changes["by"]) == ("task", keeper.pk)


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_killed_worker_leaves_the_rest_to_the_sweep(keeper, settings, steps):
    settings.IMPORT_BACKGROUND_ROWS = 10
    job = receive("products", _many(1_200), keeper)
    jobs.run(job.pk)
    job = jobs.confirm(FileImport.objects.get(), by=keeper)
    resource, lines = resources.get("products"), jobs._read(resources.get("products"), _many(1_200).encode())
    assert jobs._claim(job.pk)
    for _number in range(steps):
        assert jobs._step(job, resource, lines)
    assert Product.objects.count() == 500 * steps == FileImport.objects.get().done

    # The lease is still held: nobody else goes on.
    jobs.run(job.pk)
    assert FileImport.objects.get().done == 500 * steps
    with time_machine.travel(timezone.now() + timedelta(minutes=10)):
        assert jobs.run_due() == 1
        assert jobs.run_due() == 0

    job = FileImport.objects.get()
    assert (job.state, job.done, counts(job)) == ("done", 1_200, (1_200, 0, 0, 0))
    assert Product.objects.count() == 1_200


def test_two_who_do_the_same_step_count_it_once(keeper, settings):
    settings.IMPORT_BACKGROUND_ROWS = 10
    job = receive("products", _many(20), keeper)
    resource, lines = resources.get("products"), jobs._read(resources.get("products"), _many(20).encode())
    twin = FileImport.objects.get()

    assert not jobs._step(job, resource, lines)
    assert not jobs._step(twin, resource, lines)

    job = FileImport.objects.get()
    assert (job.state, job.done, counts(job)) == ("ready", 20, (20, 0, 0, 0))


def test_a_file_that_is_gone_or_bad_ends_with_a_sentence(keeper, settings):
    settings.IMPORT_BACKGROUND_ROWS = 0
    gone = receive("products", _many(1), keeper)
    gone.file.storage.delete(gone.file.name)
    jobs.run(gone.pk)
    large = receive("products", "code;mystere\n" + "A;1\n" * 200_000, keeper)
    assert (large.state, large.total) == ("checking", None)
    jobs.run(large.pk)

    found = dict(FileImport.objects.values_list("pk", "error"))
    assert found == {gone.pk: "Le fichier n'est plus là.", large.pk: "Colonnes inconnues : mystere."}
    assert set(FileImport.objects.values_list("state", flat=True)) == {"failed"}


def test_files_are_forgotten_and_reports_stay(keeper):
    job = receive("products", "code;libelle\nA;Un\n", keeper)
    assert jobs.forget_old_files() == 0
    with time_machine.travel(timezone.now() + timedelta(days=8)):
        jobs.forget_old_files()
    assert FileImport.objects.get().state == "abandoned"
    path = job.file.path
    with time_machine.travel(timezone.now() + timedelta(days=40)):
        assert jobs.forget_old_files() == 1
    job.refresh_from_db()
    assert (job.file.name, job.changes) == ("", ["A : nouvelle ligne"])
    assert not Path(path).exists()


def test_dates_and_numbers_of_a_workbook_are_understood(keeper):
    PharmacyFactory(code="p1")
    book = Workbook()
    book.active.append(["pharmacie", "debut", "fin", "majoration"])
    book.active.append(["p1", datetime(2026, 12, 24, 20), datetime(2026, 12, 25, 8), 500.0])  # noqa: DTZ001
    out = io.BytesIO()
    book.save(out)

    jobs.confirm(receive("duty", out.getvalue(), keeper), by=keeper)

    turn = DutyPeriod.objects.get()
    assert (timezone.localtime(turn.starts_at).hour, turn.surcharge) == (20, 500)


def test_an_auditor_exports_and_brings_nothing(client):
    auditor = make_user(Role.STAFF)
    set_groups(auditor, Role.STAFF, [Duty.AUDITOR])
    client.force_login(auditor)
    ProductFactory(code="A", label="Un")

    answer = client.get(reverse("admin:catalog_product_export_file"), {"resource": "products", "format": "csv"})
    assert answer.status_code == 200
    assert b"A,Un," in b"".join(answer.streaming_content)
    file = SimpleUploadedFile("liste.csv", b"code;libelle\nA;Autre\n")
    refused = client.post(reverse("admin:catalog_product_import_file"), {"resource": "products", "file": file})
    assert refused.status_code == 403
    assert not FileImport.objects.exists()


def test_pharmacists_neither_take_nor_bring_everybodys_stock(client):
    member = make_user(Role.PHARMACIST)
    StockFactory().pharmacy.members.create(user=member)
    client.force_login(member)

    address = {"resource": "stock", "format": "csv"}
    assert client.get(reverse("admin:catalog_stock_export_file"), address).status_code == 403
    assert client.get(reverse("admin:catalog_stock_import_file")).status_code == 403
    assert Stock.objects.count() == 1


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:00-05:00"])
@pytest.mark.parametrize(
    ("name", "head", "line"),
    [
        ("duty", "pharmacie;debut;fin", "PH1;{0};{0}"),
        ("product_prices", "code;prix;valable_des", "DOLI500;1500;{0}"),
    ],
)
def test_a_moment_that_no_zone_can_hold_is_refused(keeper, name, head, line, moment):
    PharmacyFactory(code="PH1")
    ProductFactory(code="DOLI500")
    job = receive(name, f"{head}\n{line.format(moment)}\n", keeper)
    assert counts(job)[3] == 1


def _break(monkeypatch, error):
    def import_lines(self, lines, **options):
        raise error

    monkeypatch.setattr(type(resources.get("products")), "import_lines", import_lines)


def _minutes_later():
    return time_machine.travel(timezone.now() + timedelta(minutes=10))


def test_an_import_that_fails_keeps_no_other_waiting(client, keeper, settings, monkeypatch, caplog):
    settings.IMPORT_BACKGROUND_ROWS = 0
    renamed, broken = receive("products", _many(1), keeper), receive("products", _many(2), keeper)
    waiting = receive("pharmacies", "code;nom;ville\nP1;Une;Oyem\n", keeper)
    FileImport.objects.filter(pk=renamed.pk).update(resource="articles")
    _break(monkeypatch, KeyError("label"))

    with _minutes_later():
        assert jobs.run_due() == 3
        assert jobs.run_due() == 0

    found = dict(FileImport.objects.values_list("pk", "state"))
    assert found == {renamed.pk: "failed", broken.pk: "failed", waiting.pk: "ready"}
    reasons = dict(FileImport.objects.exclude(error="").values_list("pk", "error"))
    assert reasons == {
        renamed.pk: "Ce genre de fichier ne s'importe plus : exportez-en un nouveau et reprenez.",
        broken.pk: "Une erreur imprévue a arrêté cet import ; elle est notée au journal du serveur.",
    }
    (logged,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert (logged.getMessage(), logged.file_import) == ("an import cannot be applied", broken.pk)
    client.force_login(keeper)
    for pk, reason in reasons.items():
        page = client.get(reverse("admin:common_fileimport_change", args=[pk]))
        assert (page.status_code, escape(reason) in page.content.decode()) == (200, True)
    assert client.get(reverse("admin:common_fileimport_changelist")).status_code == 200


def test_what_was_looked_at_under_a_name_of_before_is_neither_applied_nor_a_fault(client, keeper):
    job = receive("products", _many(1), keeper)
    FileImport.objects.filter(pk=job.pk).update(resource="articles")
    job.refresh_from_db()

    for answer in (jobs.confirm, jobs.abandon):
        with pytest.raises(Forbidden):
            answer(job, by=keeper)

    client.force_login(keeper)
    assert client.get(reverse("admin:common_fileimport_change", args=[job.pk])).status_code == 200
    assert (FileImport.objects.get().state, Product.objects.count()) == ("ready", 0)


def test_trouble_of_the_database_ends_no_import_and_stops_no_other(keeper, settings, monkeypatch, caplog):
    settings.IMPORT_BACKGROUND_ROWS = 0
    held, waiting = (
        receive("products", _many(1), keeper),
        receive("pharmacies", "code;nom;ville\nP1;Une;Oyem\n", keeper),
    )
    with monkeypatch.context() as trouble:
        _break(trouble, OperationalError("deadlock detected"))
        with _minutes_later():
            assert jobs.run_due() == 2

    assert dict(FileImport.objects.values_list("pk", "state")) == {held.pk: "checking", waiting.pk: "ready"}
    (logged,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert (logged.getMessage(), logged.file_import) == ("an import was interrupted", held.pk)
    with time_machine.travel(timezone.now() + timedelta(minutes=20)):
        assert jobs.run_due() == 1
    assert set(FileImport.objects.values_list("state", flat=True)) == {"ready"}
