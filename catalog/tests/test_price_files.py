"""Prices as a file in the admin: out, a preview, and in."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from accounts.enums import Role
from accounts.tests.factories import make_user
from audit.models import Event
from catalog.models import PlannedPrice, PriceChange, Product
from catalog.tests.factories import ProductFactory
from common.models import FileImport

pytestmark = pytest.mark.django_db

EXPORT, IMPORT = "admin:catalog_product_export_file", "admin:catalog_product_import_file"


@pytest.fixture
def staff(client):
    client.force_login(make_user(Role.STAFF))
    return client


def upload(client, text):
    """What the job that looks at the file says."""
    answer = client.post(
        reverse(IMPORT), {"resource": "product_prices", "file": SimpleUploadedFile("prix.csv", text.encode())}
    )
    return FileImport.objects.latest("pk") if answer.status_code == 302 else answer


def confirm(client, job):
    return client.post(reverse("admin:common_fileimport_confirm", args=[job.pk]))


def exported(client):
    answer = client.get(reverse(EXPORT), {"resource": "product_prices", "format": "csv"})
    return b"".join(answer.streaming_content).decode()


def test_export_neutralises_formulas(staff):
    ProductFactory(code="A", label="=CMD()", price=1500)
    ProductFactory(code="B", label="Deux", price=None)
    assert exported(staff) == "\ufeffcode,libelle,prix,devise,valable_des\r\nA,'=CMD(),1500,XAF,\r\nB,Deux,,XAF,\r\n"


def test_preview_writes_nothing_and_confirming_does(staff):
    ProductFactory(code="A", label="Un", price=1500)
    ProductFactory(code="B", label="Deux", price=1500, price_is_indicative=True)
    ProductFactory(code="C", label="Trois", price=None)
    preview = upload(
        staff,
        "code;prix;devise;valable_des\nA;1 600;;\nB;1500;XAF;\nC;900;;2099-02-01\nC;;;\nZ;5;;\nA;7;;\n!;5;;\nB;cher;;\n"
        "B;0;;\nB;5;francs;\nB;5;;demain\n",
    )
    assert preview.changes == ["A Un : 1500 XAF → 1600 XAF", "C Trois : 900 XAF (01/02/2099 00:00)"]
    assert sorted(line for line, _reason in preview.refusals) == [6, 7, 8, 9, 10, 11, 12]
    assert (preview.unchanged, preview.refused, preview.state) == (2, 7, "ready")
    assert not PriceChange.objects.exists()
    assert not PlannedPrice.objects.exists()
    assert not Event.objects.filter(action__in=["reference.updated", "catalog.products_imported"]).exists()

    assert confirm(staff, preview).status_code == 302
    assert Product.objects.get(code="A").price == 1600
    assert Product.objects.get(code="B").price_is_indicative
    assert [(row.product_code, row.old_price, row.price, row.source) for row in PriceChange.objects.all()] == [
        ("A", 1500, 1600, "csv")
    ]
    planned = PlannedPrice.objects.get()
    assert (planned.product_code, planned.price) == ("C", 900)
    confirm(staff, preview)
    assert (PriceChange.objects.count(), PlannedPrice.objects.count()) == (1, 1)


def test_what_was_exported_changes_nothing(staff):
    ProductFactory(code="A", label="=1+1", price=1500, price_is_indicative=True)
    ProductFactory(code="B", label="Deux, ou trois", price=None)
    report = upload(staff, exported(staff))
    assert (report.changes, report.unchanged, report.refusals) == ([], 2, [])


@pytest.mark.parametrize(
    "text",
    ["", "code;libelle\nA;Un\n", "code;prix\n", 'code;prix\nA;"1\r' + "x" * 200_000, "code;prix;mystere\nA;1;2\n"],
)
def test_file_that_cannot_be_read_is_said(staff, text):
    ProductFactory(code="A", price=1500)
    answer = upload(staff, text)
    assert answer.status_code == 200
    assert len(list(answer.context["messages"])) == 1
    assert not FileImport.objects.exists()
    assert not PriceChange.objects.exists()


def test_no_file_is_said(staff):
    answer = staff.post(reverse(IMPORT), {"resource": "product_prices"})
    assert [str(message) for message in answer.context["messages"]] == ["Choisissez un fichier."]


def test_who_may_not_change_products_imports_none(client):
    ProductFactory(code="A", price=1500)
    for user, status in ((make_user(Role.PHARMACIST), 403), (make_user(Role.PATIENT), 302)):
        client.force_login(user)
        file = SimpleUploadedFile("prix.csv", b"code;prix\nA;1\n")
        answer = client.post(reverse(IMPORT), {"resource": "product_prices", "file": file})
        assert answer.status_code == status
        assert not FileImport.objects.exists()
        assert client.get(reverse(EXPORT)).status_code == status
    assert Product.objects.get(code="A").price == 1500
