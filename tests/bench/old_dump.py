"""A large old database, mostly clean: users with an account each, and events of the spellings that there were."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from legacy.tests.old_database import HASH, THEN, Old

_START = datetime(2022, 1, 1)  # noqa: DTZ001  (the old database knows no zone)
_ACTIONS = (
    ("Authentification", "users"),
    ("Disponibilité d'un produit", "api_epg"),
    ("Consommation de crédit", "accounts"),
    ("Authentification", "users"),
    ("Réservation d'un produit", "api_epg"),
    ("Souscription à une tarification", "accounts"),
    ("Modification d'un utilisateur", "users"),
    ("Autre chose", "users"),
)


def fill(old: Old, *, users: int, events: int) -> None:
    """Every thousandth event names somebody who is gone; every hundredth phone is none."""
    old.add("rates", (1, "Découverte", 1000, 10), (2, "Famille", 2500, 30))
    old.add("pricelists", (1, "Vérifier", 2))
    old.copy("users", (_user(number) for number in range(1, users + 1)))
    old.copy("accounts", ((number, number % 40, THEN, True, number, 1 + number % 2) for number in range(1, users + 1)))
    old.copy("events", _events(users, events))


def _user(number: int) -> tuple[Any, ...]:
    phone = "12" if number % 100 == 0 else f"07{number:06d}"
    return number, "Prénom", f"Nom {number}", f"Personne{number}@example.org", phone, "USER", HASH, THEN


def _events(users: int, events: int) -> Iterator[tuple[Any, ...]]:
    for number in range(1, events + 1):
        action, entity = _ACTIONS[number % len(_ACTIONS)]
        user = users + 5 if number % 1_000 == 0 else number % users + 1
        amount = 1000 if action.startswith("Sous") else None
        at = _START + timedelta(seconds=number * 30)
        yield number, f"10.{number % 200}.{number % 250}.7", action, entity, str(user), user, amount, at
