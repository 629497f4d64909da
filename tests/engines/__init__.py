"""Throw-away PostgreSQL, Redis and MongoDB-wire servers for tests and benchmarks.

`python -m tests.engines -- pytest` starts them, tells the command where they are, and stops them whatever happens.
A server that the caller brings (`TEST_DATABASE_URL`, `TEST_CACHE_URL`, `TEST_MONGODB_URL`) is used instead.
"""

from tests.engines.base import EngineError
from tests.engines.mongodb import MongoDB
from tests.engines.postgres import Postgres
from tests.engines.redis import Redis
from tests.engines.together import ENGINES, running

__all__ = ["ENGINES", "EngineError", "MongoDB", "Postgres", "Redis", "running"]
