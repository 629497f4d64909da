"""Several engines at once, started in parallel and stopped whatever happens."""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager

from tests.engines.base import Engine
from tests.engines.mongodb import MongoDB
from tests.engines.postgres import Postgres
from tests.engines.redis import Redis

ENGINES: dict[str, type[Engine]] = {engine.name: engine for engine in (Postgres, Redis, MongoDB)}


@contextmanager
def running(
    names: Sequence[str] = tuple(ENGINES), *, durable: bool = False, environ: Mapping[str, str] = os.environ
) -> Iterator[dict[str, str]]:
    """The environment variables of the named engines, which run as long as the block does. Raises EngineError."""
    settings: dict[str, str] = {}
    missing: list[Engine] = []
    for name in names:
        if given := ENGINES[name].given(environ):
            settings |= given
        else:
            missing.append(Postgres(durable=durable) if name == Postgres.name else ENGINES[name]())
    # The pool outlives the servers: a server is ended by the kernel when the thread that started it ends.
    with ThreadPoolExecutor(max_workers=len(ENGINES)) as pool:
        starts = [pool.submit(engine.start) for engine in missing]
        try:
            for start in starts:
                settings |= start.result()
            yield settings
        finally:
            wait(starts)
            for engine in missing:
                engine.stop()
