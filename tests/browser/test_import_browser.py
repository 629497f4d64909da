"""A list of products comes in from a spreadsheet: looked at first, done on a second click."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from selenium import webdriver
from selenium.webdriver.common.by import By

from accounts.enums import Role
from accounts.models import User
from accounts.tests.factories import make_user
from backoffice.tests.pages import page
from catalog.models import Product
from catalog.tests.factories import ProductFactory
from common.models import FileImport
from tests.browser.accessibility import grave_faults
from tests.browser.driving import click, errors_of, wait

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

SignIn = Callable[[User], None]
Screenshot = Callable[..., None]

FILE = "code;libelle\n3400930000001;DOLIPRANE 1000 mg, comprimé\n3400930000002;\n"


def _text(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.TAG_NAME, "body").text


def test_a_file_is_looked_at_before_anything_is_written(
    browser: webdriver.Chrome,
    live_server: Any,
    sign_in: SignIn,
    screenshot: Screenshot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(FileImport._meta.get_field("file"), "storage", FileSystemStorage(location=tmp_path / "kept"))
    ProductFactory(code="3400930000001", label="DOLIPRANE 1000 mg")
    sheet = tmp_path / "produits.csv"
    sheet.write_text(FILE, encoding="utf-8")
    sign_in(make_user(Role.STAFF, first_name="Estelle", last_name="Exemple"))

    browser.get(live_server.url + page(Product, "changelist"))
    click(browser, page(Product, "import_file"))
    wait(browser, lambda: browser.find_elements(By.NAME, "file"))
    assert grave_faults(browser) == []
    screenshot("import-1-choose")
    browser.find_element(By.NAME, "file").send_keys(str(sheet))
    browser.find_element(By.CSS_SELECTOR, "form[enctype] button[type=submit]").click()
    wait(browser, lambda: "modifiées : 1" in _text(browser) and "refusées : 1" in _text(browser))
    screenshot("import-2-preview")
    assert grave_faults(browser) == []
    assert "Ligne 3" in _text(browser)
    job = FileImport.objects.get()
    assert Product.objects.get(code="3400930000001").label == "DOLIPRANE 1000 mg"

    click(browser, page(FileImport, "confirm", job.pk))
    wait(browser, lambda: browser.find_elements(By.NAME, "once"))
    browser.find_element(By.CSS_SELECTOR, "form:has(input[name=once]) button[type=submit]").click()
    wait(browser, lambda: "L'import est en route." in _text(browser))
    screenshot("import-3-done")

    job.refresh_from_db()
    assert job.state == "done"
    assert Product.objects.get(code="3400930000001").label == "DOLIPRANE 1000 mg, comprimé"
    assert not Product.objects.filter(code="3400930000002").exists()
    assert errors_of(browser) == []
