import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from accounts.services.verification import verify_ledger
from backoffice.demo import people, shop
from backoffice.demo.journey import Difference, Journey
from backoffice.demo.load import epg_data, load_demo
from backoffice.demo.processes import NotStarted, Processes, require_free_port, stopped_by_signals
from catalog.models import Pharmacy
from common.context import acting


class Command(BaseCommand):
    help = "Runs the whole site on this machine with invented data, and walks the main job over HTTP."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--exit", action="store_true", help="stop after the journey: 0 when all is as it must be")
        parser.add_argument("--no-journey", action="store_true", help="only start the site")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("The demo needs DEBUG=1: everybody knows the password of its sign-ins.")
        port = int(os.environ.get("PORT", "8000"))
        processes = Processes(Path(settings.DATA_DIR) / "log")
        with stopped_by_signals():
            try:
                require_free_port(port, "PORT")
                require_free_port(settings.SIMULATORS_PORT, "SIMULATORS_PORT")
                pharmacy = self._prepare()
                self._start(processes, port)
                sold = self._sell()
                if not options["no_journey"]:
                    self._walk(port)
                self._show(port, pharmacy, sold)
                if not options["exit"]:
                    self.stdout.write("\nCtrl-C arrête tout.")
                    processes.wait()
            except KeyboardInterrupt:
                self.stdout.write("\nArrêt …")
            except Difference as error:
                raise CommandError(f"Le parcours s'arrête à la première différence. {error}") from error
            except (NotStarted, requests.RequestException, subprocess.CalledProcessError) as error:
                raise CommandError(str(error)) from error
            finally:
                processes.stop()

    def _prepare(self) -> Pharmacy:
        self.stdout.write("Base de données …")
        # A process of its own: where the database has two roles, only `manage.py migrate` connects as the owner.
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], check=True)
        with acting("command", "demo"):
            pharmacy = load_demo()
        self._epg_data.write_text(json.dumps(epg_data(), ensure_ascii=False), encoding="utf-8")
        # The processes that follow open their own.
        connection.close()
        return pharmacy

    @property
    def _epg_data(self) -> Path:
        return Path(settings.DATA_DIR) / "epg.json"

    def _start(self, processes: Processes, port: int) -> None:
        self.stdout.write("Simulateurs, site, worker et balayage …")
        simulators = f"http://127.0.0.1:{settings.SIMULATORS_PORT}"
        os.environ.setdefault("EPG_URL", f"{simulators}/epg")
        port_of_simulators = ("--port", str(settings.SIMULATORS_PORT))
        processes.start(
            "simulateurs", "manage.py", "simulators", *port_of_simulators, "--epg-data", str(self._epg_data)
        )
        processes.start("site", *_gunicorn(port))
        worker = "manage.py db_worker --queue-name * --interval 0.2 --no-reload --no-startup-delay"
        processes.start("worker", *worker.split())
        processes.start("balayage", "manage.py", "sweep", "--every", "2")
        processes.wait_for("simulateurs", f"{simulators}/")
        processes.wait_for("site", f"http://127.0.0.1:{port}/health")
        call_command("register_singpay_callback", stdout=io.StringIO())

    def _walk(self, port: int) -> None:
        journey = Journey(
            f"http://127.0.0.1:{port}",
            f"http://127.0.0.1:{settings.SIMULATORS_PORT}",
            settings.DEMO_PASSWORD,
            self.stdout.write,
        )
        journey.walk()
        verification = verify_ledger()
        if verification.findings:
            raise Difference(f"le grand livre : {verification.findings[0]}")
        self.stdout.write(f"\n✔ Tout concorde : {verification.accounts} comptes, grand livre vérifié.")

    def _sell(self) -> str:
        """The title of what is live at simulated eBay, empty where no worker could put it there."""
        if not shop.is_possible():
            return ""
        with acting("command", "demo"):
            return shop.open_shop(people.ensure(people.PHARMACIST))

    def _show(self, port: int, pharmacy: Pharmacy, sold: str) -> None:
        width = max(len(person.email) for person in people.PEOPLE)
        signs = "\n".join(f"    {person.email:<{width}}  {person.role.label}" for person in people.PEOPLE)
        self.stdout.write(
            f"\n  Site            http://127.0.0.1:{port}/docs   (contrat de l'API, à essayer sur place)"
            f"\n  Back-office     http://127.0.0.1:{port}/admin/"
            f"\n  Simulateurs     http://127.0.0.1:{settings.SIMULATORS_PORT}/"
            f"\n  Données         {settings.DATA_DIR}"
            f"\n\n  Identifiants (mot de passe {settings.DEMO_PASSWORD}) :\n{signs}"
            f"\n  La pharmacie de {people.PHARMACIST.email} : {pharmacy.name} ({pharmacy.code})"
        )
        if sold:
            self.stdout.write(
                f"  Elle vend aussi trois articles de parapharmacie ; « {sold} » est en ligne sur eBay :"
                f"\n    http://127.0.0.1:{settings.SIMULATORS_PORT}/control/ebay/listings"
            )


def _gunicorn(port: int) -> tuple[str, ...]:
    command = "-m gunicorn config.wsgi --workers 2 --worker-class gthread --threads 4 --log-level warning"
    return (*command.split(), "--bind", f"127.0.0.1:{port}", "--chdir", str(settings.BASE_DIR))
