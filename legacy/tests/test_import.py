"""The old service's rows come over: each dirty one by its rule, once, in whatever pieces, and back again."""

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.models import Account, AccountReview, CreditEntry, PriceList, Rate, User
from accounts.services import corrections, ledger
from accounts.services.verification import verify_ledger
from accounts.tests.factories import make_user
from audit.models import Event, EventPersonal, Seal
from audit.seals.verifying import verify
from common.models import ImportBatch, ImportedRow
from legacy.importing import batches, people, reference, running
from legacy.importing.rules import RULES
from legacy.tests.old_database import PASSWORD, THEN, Old, make_dirty, old_database, server
from marketplaces.tests.factories import make_merchant
from payments.services.starting import create_payment
from payments.tests.factories import make_rate

pytestmark = pytest.mark.django_db

# 06:07:08 in Libreville, which is one hour ahead.
THEN_UTC = datetime(2023, 4, 5, 5, 7, 8, tzinfo=UTC)
NAME_OF_MINE = "taken@example.org"
CHANGED_PRICES = "its prices were changed since"
TOTALS = [
    "rates: old 9, here 3, rate_credit_unusable +1, rate_price_unusable +5: explained",
    "price lists: old 4, here 1, price_list_credit_unusable +1, price_list_known +1, price_list_label_missing +1: "
    "explained",
    "users: old 12, here 11, user_email_taken +1: explained",
    "credits: old 573, here 564, account_credit_negative -5, account_left_out +7, account_of_nobody +7: explained",
    "events: old 22, here 22: equal",
]


@pytest.fixture(scope="module")
def old_server() -> Iterator[str]:
    with server() as url:
        yield url


@pytest.fixture
def old(old_server: str) -> Iterator[Old]:
    with old_database(old_server) as database:
        yield database


@pytest.fixture
def dirty(old: Old) -> Old:
    """The old database with every kind of dirt, and what is here already."""
    make_dirty(old)
    make_user(email=NAME_OF_MINE)
    PriceList.objects.create(label="Déjà là", credits=1)
    return old


@pytest.fixture
def bring(tmp_path: Path, capsys: Any) -> Callable[..., list[str]]:
    """`bring(old, …)` runs the command; the lines that it printed."""

    def run(old: Old, *options: str) -> list[str]:
        call_command("import_legacy", "--database", old.url, "--report", str(tmp_path / "report.csv"), *options)
        return capsys.readouterr().out.splitlines()

    return run


_DOOMED = """
import os, signal, sys
import django
django.setup()
from django.core.management import call_command
from legacy.importing.events import Judge
genuine = Judge._judge
def dies(self, event):
    if event.id == 10:
        os.kill(os.getpid(), signal.SIGKILL)
    return genuine(self, event)
Judge._judge = dies
call_command("import_legacy", "--database", sys.argv[1], "--report", sys.argv[2])
"""


@pytest.fixture
def doomed_import(tmp_path: Path) -> Callable[[Old], int]:
    """`doomed_import(old)` imports in a process that SIGKILL takes at the tenth event; how it ended."""

    def run(old: Old) -> int:
        given = connection.settings_dict
        url = f"postgres://{given['USER']}:{given['PASSWORD']}@{given['HOST']}:{given['PORT']}/{given['NAME']}"
        environment = {"DEBUG": "1", "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"}
        command = [sys.executable, "-c", _DOOMED, old.url, str(tmp_path / "doomed.csv")]
        done = subprocess.run(
            command, env=os.environ | environment, cwd=project_settings.BASE_DIR, capture_output=True, check=False
        )
        return done.returncode

    return run


def undo(number: int, capsys: Any) -> str:
    call_command("import_legacy", "--undo", str(number))
    return capsys.readouterr().out.strip()


def of_old(table: str, old_id: int) -> int:
    """Our number of an old row."""
    return int(ImportedRow.objects.get(table=table, old_id=str(old_id)).new_id)


def user_of(old_id: int) -> User:
    return User.objects.get(pk=of_old("users", old_id))


def noted(path: Path) -> dict[str, list[str]]:
    """Rule → the old ids that the file lists under it."""
    found: dict[str, list[str]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["rule"], []).append(row["id"])
    return found


EXPECTED = {
    "rate_price_decimals": ["2"],
    "rate_price_unusable": ["3", "4", "5", "8", "9"],
    "rate_credit_unusable": ["6"],
    "rate_label_missing": ["7"],
    "price_list_label_missing": ["2"],
    "price_list_credit_unusable": ["3"],
    "price_list_known": ["4"],
    "user_email_missing": ["3"],
    "user_email_unusable": ["11"],
    "user_email_doubled": ["2"],
    "user_email_taken": ["8"],
    "user_role_missing": ["5"],
    "user_role_unknown": ["6"],
    "user_is_staff": ["4"],
    "user_phone_unusable": ["5"],
    "user_hash_unusable": ["7"],
    "user_name_cut": ["12"],
    "user_time_missing": ["12"],
    "user_account_missing": ["10"],
    "account_of_nobody": ["20", "21"],
    "account_left_out": ["8"],
    "account_doubled": ["19"],
    "account_credit_missing": ["3"],
    "account_credit_negative": ["5"],
    "account_rate_vanished": ["7", "9"],
    "account_unexplained": ["6"],
    "event_user_vanished": ["16"],
    "event_entity_vanished": ["16", "17", "20"],
    "event_action_unknown": ["17", "18"],
    "event_time_missing": ["16", "18"],
    "event_amount_decimals": ["20"],
    "event_amount_unusable": ["19"],
    "event_address_unusable": ["16"],
}


def test_every_dirty_row_meets_its_rule_and_is_listed(dirty: Old, bring: Any, tmp_path: Path) -> None:
    lines = bring(dirty)

    assert {rule: sorted(ids, key=int) for rule, ids in noted(tmp_path / "report.csv").items()} == EXPECTED
    assert set(RULES) - set(EXPECTED) == {name for name in RULES if name.startswith(("product_", "stock_"))}
    assert lines[0] == f"1 × rate_price_decimals ({RULES['rate_price_decimals']}): 2"
    assert lines[-7:-2] == TOTALS
    number = ImportBatch.objects.get().pk
    assert lines[-1] == f"batch {number}: 3 rates, 1 pricelists, 11 users, 22 events brought over"
    summary = json.loads((tmp_path / "report.json").read_text())
    assert summary["rules"] == {rule: len(ids) for rule, ids in EXPECTED.items()}
    assert (tmp_path / "report.csv").stat().st_mode & 0o777 == 0o600


def test_people_come_with_their_names_phones_roles_and_times(dirty: Old, bring: Any) -> None:
    bring(dirty)

    marie, nameless, chief = user_of(1), user_of(3), user_of(4)
    assert (marie.email, marie.first_name, marie.last_name) == ("marie@example.org", "Marie", "Exemple")
    assert (marie.phone, nameless.phone, chief.phone) == ("+24177123456", "+24166123456", "+24177123457")
    assert (marie.created_at, marie.is_verified, marie.is_active) == (THEN_UTC, True, True)
    assert (user_of(2).email, user_of(3).email) == ("old-2@import.invalid", "old-3@import.invalid")
    assert not nameless.is_verified
    assert (chief.role, chief.is_staff, chief.is_superuser) == (Role.STAFF, True, False)
    assert [group.name for group in chief.groups.all()] == ["staff"]
    assert {user_of(number).role for number in (1, 5, 6)} == {Role.PATIENT}
    assert not user_of(7).has_usable_password()
    assert len(user_of(12).first_name) == 150
    assert User.objects.get(email=NAME_OF_MINE).first_name == ""


def test_credits_come_as_opening_entries_and_the_unexplained_are_flagged(dirty: Old, bring: Any) -> None:
    bring(dirty)

    number = ImportBatch.objects.get().pk
    two = user_of(9).account
    entries = CreditEntry.objects.filter(account=two).order_by("pk")
    assert list(entries.values_list("amount", "balance_after", "kind", "reference", "label")) == [
        (10, 10, "opening", f"import:{number}:account:9", people.LABEL),
        (6, 16, "opening", f"import:{number}:account:19", people.LABEL),
    ]
    assert (two.credit, two.is_active, two.rate_id) == (16, False, of_old("rates", 2))
    assert (of_old("accounts", 9), of_old("accounts", 19)) == (two.pk, two.pk)
    first = user_of(1).account
    assert (first.credit, first.rate_id, first.subscribed_at) == (8, of_old("rates", 1), THEN_UTC)
    assert user_of(7).account.rate_id is None
    flagged = AccountReview.objects.values_list("account__user", "reason", "found", "explained", "status")
    assert sorted(flagged, key=lambda row: row[2]) == [
        (user_of(5).pk, "negative", -5, 0, "open"),
        (user_of(6).pk, "unexplained", 500, 10, "open"),
    ]
    assert [user_of(number).account.credit for number in (3, 5, 6, 10)] == [0, 0, 500, 0]
    assert not CreditEntry.objects.filter(kind="welcome").exclude(account__user__email=NAME_OF_MINE).exists()
    assert verify_ledger().findings == []


def test_rates_and_prices_come_in_whole_francs(dirty: Old, bring: Any) -> None:
    bring(dirty)

    assert list(Rate.objects.order_by("price").values_list("label", "price", "credits", "is_active")) == [
        ("Forfait 7", 700, 5, True),
        ("Découverte", 1000, 10, True),
        ("Famille", 2501, 30, True),
    ]
    price = PriceList.objects.get(label="Vérifier")
    assert (price.credits, price.action) == (2, None)
    assert PriceList.objects.get(label="Déjà là").credits == 1


def test_events_keep_their_text_and_numbers_and_are_one_seal(dirty: Old, bring: Any) -> None:
    bring(dirty)

    events = {event.changes["imported"]["id"]: event for event in Event.objects.filter(changes__has_key="imported")}
    assert len(events) == 22
    first = events[1]
    assert first.changes == {
        "imported": {"id": 1, "action": "Création d'un compte", "entity_id": "1", "user": 1},
    }
    assert first.occurred_at == datetime(2023, 4, 4, 23, 30, tzinfo=UTC)
    assert (first.action, first.entity, first.entity_id) == ("user.created", "user", str(of_old("users", 1)))
    assert (first.actor_kind, first.actor_id) == ("user", str(of_old("users", 1)))
    assert EventPersonal.objects.get(event=first).ip == "10.0.0.1"
    paid = events[2]
    assert (paid.action, paid.amount, paid.entity_id) == ("credits.rate", 1000, str(of_old("accounts", 1)))
    gone = events[16]
    assert (gone.entity_id, gone.actor_id, gone.changes["imported"]["user"]) == ("", "", 777)
    assert gone.occurred_at == events[15].occurred_at == THEN_UTC
    strange = events[17]
    assert (strange.action, strange.changes["imported"]["action"]) == ("import.event", "Quelque chose d'autre")
    assert (events[19].amount, events[19].changes["imported"]["amount"]) == (None, "NaN")
    assert (events[20].amount, events[20].changes["imported"]["amount"]) == (1000, "999.5")
    assert (events[21].entity, events[21].entity_id) == ("reservation", "3400930000001")
    assert events[22].changes["place"] == "legacy_admin"
    seal = Seal.objects.order_by("-number").first()
    assert seal is not None
    assert seal.count == 22
    result = verify()
    assert (result.findings, result.sealed + result.unsealed) == ([], Event.objects.count())


def test_who_brought_it_is_the_command(dirty: Old, bring: Any) -> None:
    bring(dirty)

    ours = Event.objects.filter(action__startswith="import.").exclude(action="import.event")
    assert {(event.actor_kind, event.actor_id) for event in ours} == {("command", "import_legacy")}
    people_event, finished = ours.order_by("id")
    assert people_event.changes == {"source": "legacy", "people": 11, "credits": 564, "reviews": 2}
    assert finished.changes["users_brought"] == 11


def test_old_password_opens_the_api_and_is_made_anew(dirty: Old, bring: Any, settings: Any) -> None:
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher",
        "accounts.hashers.PasslibBcryptHasher",
    ]
    bring(dirty)
    client = APIClient()
    wrong = client.post("/api/v1/auth/login", {"email": "Marie@example.org", "password": "autre"}, format="json")
    right = client.post("/api/v1/auth/login", {"email": "Marie@example.org", "password": PASSWORD}, format="json")
    old_site = client.post("/auth/login_admin", {"username": "chef@example.org", "password": PASSWORD})

    assert (wrong.status_code, right.status_code, old_site.status_code) == (401, 200, 200)
    assert old_site.json()["user"]["role"] == "ADMIN"
    assert user_of(1).password.startswith("md5$")
    assert user_of(9).password.startswith("bcrypt_passlib$$2b$04$")


def test_old_routes_show_the_imported_history(dirty: Old, bring: Any, api: Any) -> None:
    bring(dirty)
    shown = api(make_user(Role.STAFF)).get("/event/get_by_timer/2023-04-05/2023-04-05").json()

    imported = [event for event in shown if event["date_time"].startswith("2023-04-05")]
    assert imported[-1]["action"] == "Création d'un compte"
    assert imported[-1]["current_user_id"] == of_old("users", 1)
    assert [event["amount"] for event in imported if event["action"] == "Souscription à une tarification"] == [
        1000,
        None,
        1000,
        1000,
    ]


def _everything() -> dict[str, list[Any]]:
    models = (User, Account, CreditEntry, AccountReview, Rate, PriceList, Event, EventPersonal, Seal)
    return {
        model.__name__: list(model._default_manager.order_by("pk").values())
        for model in (*models, ImportBatch, ImportedRow)
    }


def test_second_run_brings_nothing(dirty: Old, bring: Any) -> None:
    bring(dirty)
    before = _everything()
    lines = bring(dirty)

    assert _everything() == before
    assert lines[-1] == "nothing new"
    assert lines[-7:-2] == TOTALS


def test_rehearsal_says_the_same_and_writes_nothing(dirty: Old, bring: Any, tmp_path: Path) -> None:
    before = _everything()
    rehearsed = bring(dirty, "--dry-run")
    listed = noted(tmp_path / "report.csv")
    assert _everything() == before
    brought = bring(dirty)

    assert rehearsed[-1] == "dry run: nothing was written"
    assert rehearsed[:-1] == brought[:-1]
    assert noted(tmp_path / "report.csv") == listed


def test_later_run_brings_what_came_since(dirty: Old, bring: Any) -> None:
    bring(dirty)
    dirty.add("users", (30, "Neuve", "Venue", "neuve@example.org", None, "USER", None, THEN))
    dirty.add("events", (40, None, "Authentification", "users", "30", 30, None, THEN))
    lines = bring(dirty)

    assert lines[-1].endswith("0 rates, 0 pricelists, 1 users, 1 events brought over")
    assert lines[-3] == "events: old 23, here 23: equal"
    assert Event.objects.get(changes__imported__id=40).actor_id == str(of_old("users", 30))


def test_difference_that_nothing_explains_is_an_error(dirty: Old, bring: Any, capsys: Any) -> None:
    bring(dirty)
    dirty.execute("UPDATE accounts SET credit = credit + 100 WHERE id = 1")

    with pytest.raises(CommandError, match="nothing explains"):
        bring(dirty)
    assert "here 564" in (said := capsys.readouterr().out)
    assert "DIFFERENCE +100" in said


BOUNDARIES = {
    "before anything": (reference, "write_rates", 1),
    "among the rates": (Rate, "save", 2),
    "after the rates": (reference, "write_price_lists", 1),
    "before the second chunk of people": (people, "add_arrivals", 2),
    "before people are remembered": (batches.Batch, "remember", 6),
    "before the events": (running, "sealed_together", 1),
    "among the events": (running.Judge, "_judge", 10),
    "before the end": (batches.Batch, "finish", 1),
    "at the end": (running, "record", 1),
}


class Killed(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_killed_anywhere_the_next_run_finishes_it(
    boundary: str, dirty: Old, bring: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "_CHUNK", 4)
    owner, name, times = BOUNDARIES[boundary]
    genuine, calls = getattr(owner, name), 0

    def dies(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == times:
            raise Killed
        return genuine(*args, **kwargs)

    with monkeypatch.context() as doomed:
        doomed.setattr(owner, name, dies)
        with pytest.raises(Killed):
            bring(dirty)
    assert calls == times
    lines = bring(dirty)

    assert lines[-7:-2] == TOTALS
    assert ImportBatch.objects.get().state == "done"
    assert Event.objects.filter(changes__has_key="imported").count() == 22
    assert Event.objects.filter(action="import.finished").count() == 1
    assert 22 in Seal.objects.values_list("count", flat=True)
    assert verify_ledger().findings == []
    assert verify().findings == []
    assert bring(dirty)[-1] == "nothing new"


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's test database lives in this process")
def test_killed_for_real_among_the_events(dirty: Old, bring: Any, doomed_import: Any) -> None:
    assert doomed_import(dirty) == -signal.SIGKILL
    assert ImportBatch.objects.get().state == "running"
    assert not Event.objects.filter(changes__has_key="imported").exists()
    lines = bring(dirty)

    assert lines[-7:-2] == TOTALS
    assert lines[-1].endswith("0 users, 22 events brought over")
    assert verify_ledger().findings == []
    assert verify().findings == []


def test_undo_takes_everything_back_but_what_is_append_only(dirty: Old, bring: Any, capsys: Any) -> None:
    bring(dirty)
    mine, number = User.objects.get(email=NAME_OF_MINE), ImportBatch.objects.get().pk
    entries, events = CreditEntry.objects.count(), Event.objects.count()

    assert undo(number, capsys) == (f"batch {number}: 11 users, 3 rates, 1 pricelists, 0 stock taken back")
    people_here = User.objects.exclude(pk=mine.pk)
    assert people_here.count() == 11
    assert not people_here.exclude(email__endswith="@nobody.invalid", is_active=False, first_name="").exists()
    assert not Rate.objects.filter(is_active=True).exists()
    assert list(PriceList.objects.values_list("label", flat=True)) == ["Déjà là"]
    assert Account.objects.exclude(user=mine).filter(credit=0, is_active=False).count() == 11
    reversing = CreditEntry.objects.filter(kind="adjust")
    assert sorted(reversing.values_list("amount", flat=True)) == [-500, -16, -10, -10, -10, -10, -8]
    assert CreditEntry.objects.count() == entries + 7
    assert not AccountReview.objects.filter(status="open").exists()
    assert Event.objects.count() == events + 1
    undone = Event.objects.get(action="import.undone")
    assert (undone.entity, undone.entity_id, undone.actor_id) == ("import", str(number), "import_legacy")
    assert undone.changes == {"source": "legacy", "people": 11, "credits": 564, "rates": 3, "prices": ["Vérifier"]}
    assert ImportBatch.objects.get().state == "undone"
    assert verify_ledger().findings == []
    assert verify().findings == []
    assert undo(number, capsys) == f"batch {number} was taken back before"


def test_import_after_undo_gives_life_to_the_same_rows(dirty: Old, bring: Any, capsys: Any) -> None:
    bring(dirty)
    marie, first = user_of(1).pk, ImportBatch.objects.get().pk
    undo(first, capsys)
    lines = bring(dirty)

    assert lines[-7:-2] == TOTALS
    assert lines[-1].endswith("3 rates, 1 pricelists, 11 users, 0 events brought over")
    assert user_of(1).pk == marie
    assert (user_of(1).email, user_of(1).account.credit, user_of(1).is_active) == ("marie@example.org", 8, True)
    assert Rate.objects.filter(is_active=True).count() == 3
    assert verify_ledger().findings == []
    second = ImportBatch.objects.latest("pk").pk
    assert undo(second, capsys).startswith(f"batch {second}: 11 users")
    assert verify_ledger().findings == []


@pytest.mark.parametrize("life", ["signed in", "spent", "paid", "rate elsewhere", "approval", "merchant"])
def test_undo_is_refused_once_something_stands_on_it(life: str, dirty: Old, bring: Any) -> None:
    bring(dirty)
    marie, rate = user_of(1), Rate.objects.get(pk=of_old("rates", 1))
    reason = "credits have moved"
    if life == "signed in":
        User.objects.filter(pk=marie.pk).update(last_login=timezone.now())
        reason = "people have signed in"
    elif life == "spent":
        ledger.spend(marie.pk, 1, reference="x")
    elif life == "rate elsewhere":
        Account.objects.filter(user__email=NAME_OF_MINE).update(rate=rate)
        reason = "other accounts have its rates"
    elif life == "approval":
        corrections.grant_credits(marie.account, credits=10_000, reason="geste", by=make_user(Role.STAFF))
        reason = "approbations name them"
    elif life == "merchant":
        make_merchant(owner=marie)
        reason = "membres des marchands name them"
    else:
        create_payment(make_user(), purpose="rate", purpose_id=str(rate.pk), provider="mypayga", phone="077 12 34 56")
        reason = "payments are for its rates"
    before = _everything()

    with pytest.raises(CommandError, match=f"Nothing was taken back: {reason}"):
        call_command("import_legacy", "--undo", str(ImportBatch.objects.get().pk))
    assert _everything() == before


def _edit(row: PriceList | Rate, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(row, name, value)
    row.save()


@pytest.mark.parametrize(
    "model, table, fields, reasons",
    [
        (PriceList, "pricelists", {"action": "check_availability"}, ["its prices are charged", CHANGED_PRICES]),
        (
            PriceList,
            "pricelists",
            {"next_credits": 3, "next_from": THEN_UTC},
            ["its prices have a plan", CHANGED_PRICES],
        ),
        (PriceList, "pricelists", {"credits": 7}, [CHANGED_PRICES]),
        (Rate, "rates", {"price": 900}, ["its rates were changed since"]),
    ],
)
def test_undo_is_refused_where_staff_put_a_price_to_use(
    model: Any, table: str, fields: dict[str, Any], reasons: list[str], dirty: Old, bring: Any
) -> None:
    bring(dirty)
    _edit(model.objects.get(pk=of_old(table, 1)), **fields)
    before = _everything()

    with pytest.raises(CommandError, match=rf"Nothing was taken back: {'; '.join(reasons)}\."):
        call_command("import_legacy", "--undo", str(ImportBatch.objects.get().pk))
    assert _everything() == before


def test_undo_is_refused_for_a_price_that_was_changed_while_the_import_went_on(
    dirty: Old, bring: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = reference.write_price_lists

    def write_and_edit(*args: Any) -> int:
        count = write(*args)
        _edit(PriceList.objects.get(label="Vérifier"), credits=7)
        return count

    monkeypatch.setattr(reference, "write_price_lists", write_and_edit)
    bring(dirty)

    with pytest.raises(CommandError, match=CHANGED_PRICES):
        call_command("import_legacy", "--undo", str(ImportBatch.objects.get().pk))
    assert PriceList.objects.get(label="Vérifier").credits == 7


def test_undo_is_refused_for_a_rate_that_was_put_on_sale_again_but_not_for_one_that_is_off(
    dirty: Old, bring: Any, capsys: Any
) -> None:
    bring(dirty)
    number, rate = ImportBatch.objects.get().pk, Rate.objects.get(pk=of_old("rates", 1))
    for is_active in (False, True):
        _edit(rate, is_active=is_active)
    with pytest.raises(CommandError, match="its rates were changed since"):
        call_command("import_legacy", "--undo", str(number))

    _edit(rate, is_active=False)
    assert undo(number, capsys) == (f"batch {number}: 11 users, 3 rates, 1 pricelists, 0 stock taken back")


def test_undo_of_an_unknown_batch() -> None:
    with pytest.raises(CommandError, match="There is no such import"):
        call_command("import_legacy", "--undo", "999")


def test_other_databases_are_no_old_ones(old: Old, bring: Any) -> None:
    old.execute("ALTER TABLE users DROP COLUMN phone; DROP TABLE events CASCADE")
    with pytest.raises(CommandError, match=r"it lacks events.action, .*, users.phone"):
        bring(old)
    with pytest.raises(CommandError, match="The old database refused"):
        call_command("import_legacy", "--database", "postgresql://nobody:x@127.0.0.1:1/nowhere")


def test_empty_old_database_brings_nothing(old: Old, bring: Any) -> None:
    make_rate()
    assert bring(old)[-1] == "nothing new"
    assert not ImportBatch.objects.exists()


def test_report_goes_to_the_data_folder_by_default(old: Old, tmp_path: Path, settings: Any, capsys: Any) -> None:
    settings.DATA_DIR = tmp_path
    call_command("import_legacy", "--database", old.url, "--dry-run")

    assert (tmp_path / "imports" / "dry-run.csv").read_text() == "rule,table,id,detail\n"
    assert tmp_path == project_settings.DATA_DIR


def test_every_rule_is_documented() -> None:
    text = (project_settings.BASE_DIR / "docs" / "legacy.md").read_text()

    assert [rule for rule, sentence in RULES.items() if f"| `{rule}` | {sentence} |" not in text] == []
