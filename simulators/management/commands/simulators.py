"""`manage.py simulators`: the outside services, in the foreground, until Ctrl-C or SIGTERM."""

import json
import signal
import threading
from argparse import ArgumentParser
from pathlib import Path
from types import FrameType
from typing import Any, cast

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from simulators.config import SimulatorConfig
from simulators.server import SimulatorServer
from simulators.services.epg import Epg
from simulators.wire import BadRequest

DEFAULT_PORT = 8765
FIELD_OF_SETTING = {
    "MYPAYGA_API_KEY": "mypayga_api_key",
    "MYPAYGA_CALLBACK_SECRET": "mypayga_callback_secret",
    "SINGPAY_CLIENT_ID": "singpay_client_id",
    "SINGPAY_CLIENT_SECRET": "singpay_client_secret",
    "SINGPAY_WALLET": "singpay_wallet",
    "EPG_API_KEY": "epg_api_key",
    "EBAY_CLIENT_ID": "ebay_client_id",
    "EBAY_CLIENT_SECRET": "ebay_client_secret",
    "ETSY_API_KEY": "etsy_api_key",
}


class Command(BaseCommand):
    help = "Lance les simulateurs des services extérieurs (MyPayGa, SingPay, EPG, eBay, Etsy)."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=None, help="port (réglage SIMULATORS_PORT ; 0 : un port libre)")
        parser.add_argument("--host", default="127.0.0.1", help="adresse d'écoute")
        parser.add_argument("--epg-data", type=Path, help="fichier JSON {products, pharmacies} chargé dans EPG")

    def handle(self, *args: Any, **options: Any) -> None:
        port = options["port"]
        if port is None:
            port = getattr(settings, "SIMULATORS_PORT", DEFAULT_PORT)
        try:
            server = SimulatorServer(port=int(port), host=options["host"], config=config_from_settings())
        except OSError as error:
            raise CommandError(
                f"{options['host']}:{port} : {error.strerror}. Choisissez un autre SIMULATORS_PORT."
            ) from error
        if options["epg_data"]:
            load_epg(server, options["epg_data"])
        finished = threading.Event()

        def finish(signal_number: int, frame: FrameType | None) -> None:
            finished.set()

        previous = {number: signal.signal(number, finish) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with server:
                for name, service in server.services.items():
                    self.stdout.write(f"{service.title}: {server.base_url(name)}")
                self.stdout.flush()
                finished.wait()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def config_from_settings() -> SimulatorConfig:
    """The keys that the project's own clients use; what is not set keeps its demo value."""
    values = {field: getattr(settings, name, "") for name, field in FIELD_OF_SETTING.items()}
    return SimulatorConfig(**{field: value for field, value in values.items() if value})


def load_epg(server: SimulatorServer, path: Path) -> None:
    epg = cast(Epg, server.services["epg"])
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        epg.load(data["products"], data["pharmacies"])
    except (OSError, ValueError, KeyError, TypeError, BadRequest) as error:
        raise CommandError(f"{path} : {error}") from error
