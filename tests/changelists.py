"""Walks the lists of the admin as an administrator, every filter, order, page and search, and says what each costs."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR, SEARCH_VAR
from django.db import connection
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import User
from common.sql import fetch_all
from marketplaces.tenancy import crossing
from payments.models import Payment, PaymentAttempt
from reservations.models import Reservation

# What every page of the admin asks: whose session it is, and what that person may do.
_SIGN_IN = re.compile(
    r'"?django_session"?|FROM "?auth_permission|FROM "?accounts_user"? WHERE \(?"?accounts_user"?."id" ='
)
# What is written down once the page is there.
_AFTERWARDS = re.compile(r"^\s*(INSERT|UPDATE|WITH|BEGIN|COMMIT|SAVEPOINT|RELEASE)")


@dataclass(frozen=True)
class Statement:
    """`seconds` are those of the round trip, `busy` what PostgreSQL's process worked of them (None: not known)."""

    sql: str
    params: Any
    seconds: float
    busy: float | None


@dataclass(frozen=True)
class Page:
    """A page of a list: `model` is `app.model`, `kind` what was asked for, `query` how."""

    model: str
    kind: str
    query: str

    @property
    def url(self) -> str:
        name = f"admin:{self.model.replace('.', '_')}_changelist"
        return f"{reverse(name)}?{self.query}" if self.query else reverse(name)

    def __str__(self) -> str:
        return f"{self.model} {self.kind} {self.query}".strip()


@dataclass
class Cost:
    """`statements` are those beyond session, user and permissions, of the fastest of the times it was asked."""

    page: Page
    rows: int
    statements: list[Statement] = field(default_factory=list)

    @property
    def queries(self) -> int:
        return len(self.statements)

    @property
    def milliseconds(self) -> float:
        return sum(statement.seconds for statement in self.statements) * 1000

    @property
    def busy(self) -> float | None:
        """Milliseconds that PostgreSQL worked: what is left of `milliseconds` on a machine that does nothing else."""
        known = [statement.busy for statement in self.statements if statement.busy is not None]
        return sum(known) * 1000 if len(known) == len(self.statements) else None


@contextmanager
def listening() -> Iterator[list[Statement]]:
    """Every statement of the connection meanwhile, with what it took."""
    heard: list[Statement] = []

    def listen(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        before, started = worked(), time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            seconds, after = time.perf_counter() - started, worked()
            busy = None if before is None or after is None else after - before
            heard.append(Statement(sql, params, seconds, busy))

    with backend_clock() as worked, connection.execute_wrapper(listen):
        yield heard


@contextmanager
def backend_clock() -> Iterator[Callable[[], float | None]]:
    """Seconds of processor time of the connection's own server process, where that runs on this machine."""
    connection.ensure_connection()
    info = getattr(connection.connection, "info", None)
    path = Path("/proc", str(info.backend_pid if info else ""), "schedstat")
    if info is None or not path.exists():
        yield lambda: None
        return
    with path.open() as clock:

        def worked() -> float:
            clock.seek(0)
            return int(clock.read().split()[0]) / 1e9

        yield worked


def ask(client: Client, page: Page, *, times: int = 1) -> Cost:
    best: Cost | None = None
    for _ in range(times):
        with listening() as heard:
            answer = client.get(page.url)
        if answer.status_code != 200:
            raise AssertionError(f"{page}: {answer.status_code} {answer.get('Location', '')}")
        own = [each for each in heard if not _SIGN_IN.search(each.sql) and not _AFTERWARDS.match(each.sql)]
        cost = Cost(page, len(answer.context["cl"].result_list), own)
        if best is None or cost.milliseconds < best.milliseconds:
            best = cost
    assert best is not None
    return best


def model_admins() -> list[admin.ModelAdmin[Any]]:
    return [
        registered for _model, registered in sorted(admin.site._registry.items(), key=lambda item: item[0]._meta.label)
    ]


def pages(model_admin: Any, user: User, terms: list[str], *, each_choice: bool = True) -> Iterator[Page]:
    """The list as it opens, its second and its last page, each choice (or the first) of each filter, each order, each
    search."""
    model: type[Model] = model_admin.model
    label = model._meta.label_lower

    def page(kind: str, **parameters: Any) -> Page:
        return Page(label, kind, urlencode(parameters))

    request = RequestFactory().get("/")
    request.user = user
    # Merchants' rows show themselves to nobody else.
    with crossing():
        changes = model_admin.get_changelist_instance(request)
    yield page("list")
    last = min(changes.paginator.num_pages, changes.result_count // changes.list_per_page + 1)
    for number in sorted({2, last}):
        if 1 < number <= changes.paginator.num_pages:
            yield page("page", **{PAGE_VAR: number})
    for spec in changes.filter_specs:
        for name, value in islice(_choices(spec), None if each_choice else 1):
            yield page("filter", **{name: value})
    for number in changes.get_ordering_field_columns() if model_admin.sortable_by else ():
        for sign in ("", "-"):
            yield page("order", **{ORDER_VAR: f"{sign}{number}"})
    if model_admin.get_search_fields(request):
        for term in terms:
            yield page("search", **{SEARCH_VAR: term})


def _choices(spec: Any) -> Iterator[tuple[str, Any]]:
    """Parameter and value of each choice that a filter offers; of a related object, of one."""
    if isinstance(spec, admin.SimpleListFilter):
        yield from ((spec.parameter_name, value) for value, _label in spec.lookup_choices)
    elif isinstance(spec, admin.BooleanFieldListFilter):
        yield from ((spec.lookup_kwarg, value) for value in ("1", "0"))
    elif isinstance(spec, admin.ChoicesFieldListFilter):
        yield from ((spec.lookup_kwarg, value) for value, _label in spec.field.flatchoices if value)
    elif isinstance(spec, admin.RelatedFieldListFilter):
        for pk in spec.field.related_model._default_manager.order_by("pk").values_list("pk", flat=True)[:1]:
            yield spec.lookup_kwarg, pk
    else:
        raise AssertionError(f"no choices are known of a {type(spec).__name__}")


def search_terms() -> list[str]:
    """What somebody at a desk types: of a person in the middle of the table, and of nobody."""
    person = User.objects.exclude(phone="").order_by("pk")[User.objects.count() // 2 - 1]
    national = f"0{person.phone.removeprefix('+241')}"
    reservation = Reservation.objects.order_by("pk")[Reservation.objects.count() // 2]
    payment = Payment.objects.order_by("pk")[Payment.objects.count() // 2]
    attempt = PaymentAttempt.objects.get(payment=payment.pk) if payment else None
    return [
        person.email,
        person.email[:8],
        person.last_name,
        person.last_name[:2],
        f"{national[:3]} {national[3:5]} {national[5:7]} {national[7:]}",
        person.phone,
        national[-6:],
        national[-4:],
        reservation.pickup_code,
        f"{reservation.pickup_code[:4].lower()}-{reservation.pickup_code[4:]}",
        str(reservation.public_id),
        str(payment.public_id),
        attempt.reference if attempt else "",
        "doliprane",
        "paracetamol 500",
        "zzzzzz",
        "000000",
        "12",
    ]


def sequential_scans(cost: Cost, *, of_more_than: int) -> list[str]:
    """Tables of so many rows (as PostgreSQL counts them) that a statement of the page would read from end to end."""
    sizes = dict(fetch_all("SELECT relname, reltuples FROM pg_class WHERE relkind = 'r'"))
    found = []
    for statement in cost.statements:
        if not statement.sql.lstrip().upper().startswith("SELECT"):
            continue
        plan = fetch_all(f"EXPLAIN (FORMAT JSON) {statement.sql}", statement.params)[0][0]
        found += [
            table
            for table, is_limited in _scanned(plan[0]["Plan"])
            if sizes.get(table, 0) > of_more_than and not is_limited
        ]
    return found


def pages_read(cost: Cost) -> int:
    """Pages of 8 kB that PostgreSQL looks at to answer once more: the same on a slow machine and a fast one."""
    read = 0
    for statement in cost.statements:
        if statement.sql.lstrip().upper().startswith("SELECT"):
            plan = fetch_all(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement.sql}", statement.params)[0][0]
            read += plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"]
    return read


def _scanned(node: dict[str, Any], *, is_limited: bool = False) -> Iterator[tuple[str, bool]]:
    """Tables read in sequence, and whether a LIMIT without any filter ends that early."""
    if node["Node Type"] == "Seq Scan":
        yield node["Relation Name"], is_limited and "Filter" not in node
    for child in node.get("Plans", ()):
        stops = node["Node Type"] == "Limit" or (is_limited and node["Node Type"] in ("Subquery Scan", "Nested Loop"))
        yield from _scanned(child, is_limited=stops)
