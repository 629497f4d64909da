"""What the constraints of EPG's identifiers find in a database that has been used without them."""

import pytest
from django.db import DEFAULT_DB_ALIAS, IntegrityError, connections
from django.db.migrations.loader import MigrationLoader

from common.money import MAX_PRICE

ID = "64b0000000000000000000d2"


@pytest.fixture
def scratch(tmp_path, django_db_blocker):
    """A database of its own, whose name Django knows for a while."""
    config = {**connections.databases[DEFAULT_DB_ALIAS], "ENGINE": "django.db.backends.sqlite3", "OPTIONS": {}}
    connections.databases["scratch"] = {**config, "NAME": str(tmp_path / "scratch.sqlite3"), "ATOMIC_REQUESTS": False}
    with django_db_blocker.unblock():
        yield connections["scratch"]
        connections["scratch"].close()
    del connections["scratch"]
    del connections.databases["scratch"]


def test_migration_names_what_staff_must_correct_and_tidies_the_rest(scratch):
    name = ("catalog", "0009_epg_ids_and_ceilings")
    loader = MigrationLoader(None)
    state = loader.project_state([("catalog", "0008_list_indexes")])
    pharmacies, stocks = (state.apps.get_model("catalog", model) for model in ("Pharmacy", "Stock"))

    def migrate():
        with scratch.schema_editor(atomic=False) as editor:
            loader.get_migration(*name).apply(state.clone(), editor)

    def ids():
        return list(pharmacies.objects.using("scratch").order_by("code").values_list("code", "epg_id"))

    with scratch.schema_editor() as editor:
        editor.create_model(pharmacies)
        editor.create_model(stocks)
    given = [("A", ID.upper()), ("B", f"{ID} "), ("C", "E-1"), ("D", ""), ("E", ""), ("F", f" {'AB' * 12}")]
    for code, epg_id in given:
        pharmacies.objects.using("scratch").create(code=code, name="x", town="x", epg_id=epg_id)
    last = pharmacies.objects.using("scratch").get(code="F")
    stocks.objects.using("scratch").create(pharmacy=last, product_code="P", quantity=1, price=MAX_PRICE + 1)

    with pytest.raises(ValueError) as stopped:
        migrate()
    assert str(stopped.value) == (
        "Correct these pharmacies in the admin, then migrate again. "
        "C: EPG identifier 'E-1' has not 24 hexadecimal digits; "
        f"A: EPG identifier '{ID.upper()}' belongs to another pharmacy, too; "
        f"B: EPG identifier '{ID} ' belongs to another pharmacy, too; "
        "F: the price of P is above 1,000,000,000"
    )
    assert ids() == given
    pharmacies.objects.using("scratch").filter(code__in="BC").update(epg_id="")
    stocks.objects.using("scratch").update(price=MAX_PRICE)
    migrate()
    assert ids() == [("A", ID), ("B", ""), ("C", ""), ("D", ""), ("E", ""), ("F", "ab" * 12)]
    with pytest.raises(IntegrityError):
        pharmacies.objects.using("scratch").filter(code="B").update(epg_id=ID)
