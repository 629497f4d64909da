"""A Redis server that keeps nothing."""

import shutil
from collections.abc import Mapping

import redis

from tests.engines.base import Engine, EngineError
from tests.engines.packages import install

BRING_YOUR_OWN = "set TEST_CACHE_URL to a Redis server for tests"


class Redis(Engine):
    name = "redis"

    @staticmethod
    def given(environ: Mapping[str, str]) -> dict[str, str] | None:
        url = environ.get("TEST_CACHE_URL")
        if not url:
            return None
        try:
            with redis.Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3) as client:
                client.ping()
        except redis.RedisError as error:
            raise EngineError(f"No Redis answers at TEST_CACHE_URL: {error}") from error
        return {"CACHE_URL": url}

    def start(self) -> dict[str, str]:
        program = shutil.which("redis-server")
        if program is None:
            install("redis-server", otherwise=BRING_YOUR_OWN)
            program = shutil.which("redis-server")
        directory = self.make_directory()
        port = self.launch(
            lambda port: [
                program,
                *("--bind", "127.0.0.1"),
                *("--port", str(port)),
                *("--dir", str(directory)),
                *("--save", ""),
                *("--appendonly", "no"),
            ],
            _answers,
        )
        return {"CACHE_URL": f"redis://127.0.0.1:{port}/0"}


def _answers(port: int, pid: int) -> bool:
    try:
        with redis.Redis(port=port, socket_timeout=3) as client:
            return client.info("server")["process_id"] == pid
    except redis.RedisError:
        return False
