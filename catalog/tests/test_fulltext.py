"""The index follows the entries however they are written, and its migration can be taken back."""

from types import SimpleNamespace

import pytest
from django.db import connection

from catalog import fulltext
from catalog.enums import ProductKind
from catalog.models import SearchEntry
from catalog.search import search
from common import sql

pytestmark = pytest.mark.django_db


def make_entry(code="A", text="doliprane"):
    return SearchEntry.objects.create(
        code=code, text=text, label=text.upper(), kind=ProductKind.MEDICINE, is_active=True
    )


def test_index_follows_insert_update_and_delete():
    entry = make_entry()
    assert search("doliprane").count == 1
    SearchEntry.objects.filter(pk=entry.pk).update(text="smectalia")
    assert (search("doliprane").count, search("smectalia").count) == (0, 1)
    SearchEntry.objects.filter(pk=entry.pk).update(is_active=False)
    assert search("smectalia").count == 1
    SearchEntry.objects.all().delete()
    assert search("smectalia").count == 0


def test_index_holds_what_was_there_before_it():
    """As the migration meets it: drop, write, create again."""
    if connection.vendor == "postgresql":
        pytest.skip("the application's role has no DDL; `migrate catalog 0001` and back does the same")
    make_entry()
    # Django's own editor of SQLite wants no transaction around it.
    editor = SimpleNamespace(connection=connection, execute=lambda statement, params: sql.fetch_all(statement))
    fulltext.drop(None, editor)
    SearchEntry.objects.update(text="smectalia")
    fulltext.create(None, editor)
    assert (search("doliprane").count, search("smectalia").count) == (0, 1)


def test_index_belongs_to_the_engine():
    if connection.vendor == "postgresql":
        found = {
            name
            for (name,) in sql.fetch_all("SELECT indexname FROM pg_indexes WHERE tablename = 'catalog_searchentry'")
        }
        assert {"searchentry_words", "searchentry_start"} <= found
    else:
        found = {
            name for (name,) in sql.fetch_all("SELECT name FROM sqlite_master WHERE tbl_name = 'catalog_searchentry'")
        }
        triggers = {f"catalog_searchentry_{event}" for event in ("inserted", "updated", "deleted")}
        assert triggers | {"searchentry_start"} <= found
        sql.fetch_all("INSERT INTO catalog_searchindex(catalog_searchindex) VALUES ('integrity-check')")
