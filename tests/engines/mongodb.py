"""MongoDB's wire protocol by SecantusDB, a Python package: no MongoDB server has to be installed."""

import importlib.util
import signal
import sys
from collections.abc import Mapping

import pymongo
from pymongo.errors import PyMongoError

from tests.engines.base import Engine, EngineError


class MongoDB(Engine):
    name = "mongodb"
    # Asked politely it takes two seconds to put data in order that is removed next.
    stop_signal = signal.SIGKILL

    @staticmethod
    def given(environ: Mapping[str, str]) -> dict[str, str] | None:
        url = environ.get("TEST_MONGODB_URL")
        if not url:
            return None
        try:
            with pymongo.MongoClient(url, serverSelectionTimeoutMS=3000) as client:
                client.admin.command("ping")
        except PyMongoError as error:
            raise EngineError(f"No MongoDB answers at TEST_MONGODB_URL: {error}") from error
        return {"TEST_MONGODB_URL": url}

    def start(self) -> dict[str, str]:
        if importlib.util.find_spec("secantus") is None:
            raise EngineError(
                "Install SecantusDB (pip install -r requirements-dev.txt), "
                "or set TEST_MONGODB_URL to a MongoDB server for tests."
            )
        directory = self.make_directory()
        # Named, so that no configuration file of the user's is found instead.
        configuration = directory / "secantusd.toml"
        configuration.touch()
        port = self.launch(
            lambda port: [
                *(sys.executable, "-m", "secantus"),
                *("--config", str(configuration)),
                *("--host", "127.0.0.1"),
                *("--port", str(port)),
                *("--storage-path", str(directory / "data")),
                *("--cache-size", "256M"),
            ],
            _answers,
        )
        return {"TEST_MONGODB_URL": f"mongodb://127.0.0.1:{port}/"}


def _answers(port: int, pid: int) -> bool:
    try:
        with pymongo.MongoClient("127.0.0.1", port, serverSelectionTimeoutMS=200, directConnection=True) as client:
            return client.admin.command("serverStatus")["pid"] == pid
    except PyMongoError:
        return False
