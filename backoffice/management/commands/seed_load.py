from argparse import ArgumentTypeError
from dataclasses import fields
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware

from backoffice.load.sizes import Sizes
from backoffice.load.year import NotADebugDatabase, NotEmpty, seed_year
from catalog.progress import bar


class Command(BaseCommand):
    help = "Fills an empty database with a year of an invented business, to see how fast lists stay. Only with DEBUG."

    def add_arguments(self, parser: Any) -> None:
        for field in fields(Sizes):
            parser.add_argument(f"--{field.name}", type=int, default=field.default, help=f"default: {field.default:,}")
        parser.add_argument("--seed", type=int, default=1, help="another number gives another year")
        parser.add_argument("--until", type=_moment, help="the end of the year, RFC 3339 with offset (default: now)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            sizes = Sizes(**{field.name: options[field.name] for field in fields(Sizes)})
            seeded = seed_year(sizes, seed=options["seed"], until=options["until"], progress=bar)
        except ValueError as error:
            raise CommandError(str(error)) from error
        except NotADebugDatabase as error:
            raise CommandError("seed_load needs DEBUG=1: invented people do not belong where real ones are.") from error
        except NotEmpty as error:
            raise CommandError(f"{error} is not empty: seed_load only fills a database of its own.") from error
        self.stdout.write(f"seeded: {seeded}")


def _moment(text: str) -> Any:
    moment = parse_datetime(text)
    if moment is None or not is_aware(moment):
        raise ArgumentTypeError(f"{text!r} is no time with an offset")
    return moment
