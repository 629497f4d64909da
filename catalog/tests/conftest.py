"""The catalogue's tests run twice where a MongoDB is at hand: products beside everything else, and in MongoDB."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.db.utils import ConnectionHandler
from django.test.utils import CaptureQueriesContext

from catalog import vocabulary
from catalog.models import Product
from catalog.router import ALIAS
from config.databases import WEB_PROCESS, mongodb

RELATIONAL, MONGODB = "relational", "mongodb"
# From so many documents on a new collection is there sooner than an empty one.
MANY = 200
MONGODB_URL = os.environ.get("TEST_MONGODB_URL", "")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Only tests that touch the database are worth a second run."""
    marked = metafunc.definition.get_closest_marker
    if not marked("django_db") or marked("relational"):
        return
    engines = [] if marked("mongodb") else [RELATIONAL]
    metafunc.parametrize("catalogue_engine", [*engines, MONGODB] if MONGODB_URL else engines, indirect=True)


@pytest.fixture(scope="session")
def mongodb_settings() -> Iterator[dict[str, Any]]:
    """DATABASES["catalog"] of a database of this process, with the collection as migrations make it."""
    with pytest.MonkeyPatch.context() as patched:
        # Loading `config.wsgi`, as some tests do, makes this a web process, whose patience a busy machine wears out.
        patched.delenv(WEB_PROCESS, raising=False)
        config = mongodb(MONGODB_URL) | {"NAME": f"medoc_test_{os.getpid()}"}
    handler = ConnectionHandler({"default": {}, ALIAS: config})
    connection = handler[ALIAS]
    make_collection(connection)
    yield dict(handler.settings[ALIAS])
    connection.connection.drop_database(connection.database)
    connection.close_pool()


def make_collection(connection: Any) -> None:
    """The empty collection of products, with its indexes and its validator."""
    connection.database.drop_collection(Product._meta.db_table)
    with connection.schema_editor() as editor:
        editor.create_model(Product)


@pytest.fixture(autouse=True)
def catalogue_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Which engine holds the products in this test."""
    engine = getattr(request, "param", RELATIONAL)
    if engine == RELATIONAL:
        yield engine
        return
    config = request.getfixturevalue("mongodb_settings")
    with monkeypatch.context() as patched:
        patched.setitem(settings.DATABASES, ALIAS, config)
        connection = connections[ALIAS]
        collection = connection.database[Product._meta.db_table]
        if collection.estimated_document_count() > MANY:
            make_collection(connection)
        else:
            collection.delete_many({})
        yield engine
        del connections[ALIAS]


@pytest.fixture
def django_assert_num_queries(catalogue_engine: str) -> Callable[[int], AbstractContextManager[None]]:
    """Counts the queries of both engines together."""

    @contextmanager
    def check(number: int) -> Iterator[None]:
        with ExitStack() as stack:
            counts = [stack.enter_context(CaptureQueriesContext(connections[alias])) for alias in settings.DATABASES]
            yield
        queries = [query["sql"] for count in counts for query in count.captured_queries]
        assert len(queries) == number, "\n".join(queries)

    return check


@pytest.fixture(autouse=True)
def _no_vocabulary_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins like a new process."""
    monkeypatch.setattr(vocabulary, "_held", None)


@pytest.fixture
def shared_data() -> Path:
    """The folder with the real data. Where it exists, whatever a test misses in it is a failure."""
    given = os.environ.get("SHARED_DATA")
    folder = Path(given) if given else settings.BASE_DIR.parent / "shared" / "data"
    if not given and not folder.parent.is_dir():
        pytest.skip(f"NOT TESTED ON REAL DATA: {folder} does not exist; SHARED_DATA=… names it elsewhere")
    return folder
