"""The old service's PostgreSQL, with its schema and its dirt, in a database of its own."""

import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tests.engines import running

PASSWORD = "Ancien-mot-1"
# passlib's, with four rounds.
HASH = "$2b$04$mbHZ66t6KfAck9F6mW3/sOFqlhDJmAkha8uL7frHNAqdiISykFTRe"

# No foreign keys: rows whose other end is gone are what the import is about.
_SCHEMA = """
CREATE TABLE users (id serial PRIMARY KEY, firstname varchar, lastname varchar NOT NULL, email varchar UNIQUE,
  phone varchar, role varchar, password varchar, created_at timestamp, updated_at timestamp);
CREATE TABLE rates (id serial PRIMARY KEY, libelle varchar, price double precision, credit bigint,
  created_at timestamp, updated_at timestamp);
CREATE TABLE accounts (id serial PRIMARY KEY, credit int, subscription_date timestamp, activate boolean, user_id int,
  rate_id int, created_at timestamp, updated_at timestamp);
CREATE TABLE pricelists (id serial PRIMARY KEY, libelle varchar, credit int, created_at timestamp,
  updated_at timestamp);
CREATE TABLE events (id serial PRIMARY KEY, ip_address varchar, action varchar, entity varchar, entity_id text,
  current_user_id int, amount double precision, date_time timestamp);
"""
COLUMNS = {
    "users": "id firstname lastname email phone role password created_at",
    "rates": "id libelle price credit",
    "accounts": "id credit subscription_date activate user_id rate_id",
    "pricelists": "id libelle credit",
    "events": "id ip_address action entity entity_id current_user_id amount date_time",
}
THEN = "2023-04-05 06:07:08"


class Old:
    """An old database at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url

    def add(self, table: str, *rows: Sequence[Any]) -> None:
        """Rows in the order of `COLUMNS`, NULL where they end early."""
        self.copy(table, rows)

    def copy(self, table: str, rows: Iterable[Sequence[Any]]) -> None:
        names = COLUMNS[table].split()
        statement = f"COPY {table} ({', '.join(names)}) FROM STDIN"
        with psycopg.connect(self.url) as connection, connection.cursor().copy(statement) as copy:
            for row in rows:
                copy.write_row([*row, *[None] * (len(names) - len(row))])

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(statement)  # type: ignore[arg-type]


@contextmanager
def server() -> Iterator[str]:
    """The URL of somebody who may create databases: the suite's own server, or one for these tests."""
    if url := os.environ.get("DATABASE_OWNER_URL"):
        yield url
        return
    with running(["postgres"]) as settings:
        yield settings["DATABASE_OWNER_URL"]


@contextmanager
def old_database(server_url: str) -> Iterator[Old]:
    """An empty one, dropped afterwards."""
    name = f"old_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        try:
            old = Old(urlunsplit(urlsplit(server_url)._replace(path=f"/{name}")))
            old.execute(_SCHEMA)
            yield old
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def make_dirty(old: Old) -> None:
    """One row for every rule, and a few in order."""
    long = "x" * 160
    old.add(
        "users",
        (1, "Marie", "Exemple", "Marie@Example.org", "07123456", "USER", HASH, THEN),
        (2, "Marie", "Autre", " MARIE@example.org ", None, "USER", HASH, THEN),
        (3, None, "Sans", None, "+241 06 12 34 56", "USER", HASH, THEN),
        (4, "Chef", "Ancien", "chef@example.org", "077 12 34 57", "ADMIN", HASH, THEN),
        (5, "Nul", "Role", "nul@example.org", "12", None, HASH, THEN),
        (6, "Super", "Role", "super@example.org", "", "SUPER", HASH, THEN),
        (7, "Mot", "Clair", "clair@example.org", None, "USER", "root", THEN),
        (8, "Déjà", "Là", "Taken@example.org", None, "USER", HASH, THEN),
        (9, "Deux", "Comptes", "deux@example.org", None, "USER", HASH, THEN),
        (10, "Sans", "Compte", "rien@example.org", None, "USER", HASH, THEN),
        (11, "Pas", "Adresse", "pas une adresse", None, "USER", HASH, THEN),
        (12, long, "Long", "long@example.org", None, "USER", HASH, None),
    )
    old.add(
        "rates",
        (1, "Découverte", 1000, 10),
        (2, "Famille", 2500.5, 30),
        (3, "Rien", float("nan"), 30),
        (4, "Moins", -5, 30),
        (5, "Gratuit", 0, 30),
        (6, "Vide", 500, 0),
        (7, None, 700, 5),
        (8, "Infini", float("inf"), 5),
        (9, "Inconnu", None, 5),
    )
    old.add("pricelists", (1, "Vérifier", 2), (2, None, 3), (3, "Moins", -1), (4, "Déjà là", 4))
    old.add(
        "accounts",
        (1, 8, THEN, True, 1, 1),
        (2, 10, None, True, 2),
        (3, None, None, True, 3),
        (4, 10, None, None, 4),
        (5, -5, None, True, 5),
        (6, 500, None, True, 6),
        (7, 10, None, True, 7, 99),
        (8, 7, None, True, 8),
        (9, 10, None, True, 9, 3),
        (19, 6, THEN, False, 9, 2),
        (11, 0, None, True, 11),
        (12, 10, None, True, 12),
        (20, 4, None, True, 777),
        (21, 3, None, True, None),
    )
    old.add(
        "events",
        (1, "10.0.0.1", "Création d'un compte", "users", "1", 1, None, "2023-04-05 00:30:00"),
        (2, "10.0.0.1", "Souscription à une tarification", "accounts", "1", 4, 1000, THEN),
        *((number, "10.0.0.1", "Consommation de crédit", "accounts", "1", 1, None, THEN) for number in range(3, 15)),
        (15, "::1", "Souscription à une tarification", "rates", "1", 9, 1000, THEN),
        (16, "inconnue", "Authentification", "users", "777", 777, None, None),
        (17, None, "Quelque chose d'autre", "rates", "3", 4, None, THEN),
        (18, None, None, None, None, None, None, "infinity"),
        (19, "10.0.0.2", "Souscription à une tarification", "accounts", "6", 6, float("nan"), THEN),
        (20, "10.0.0.2", "Souscription à une tarification", "accounts", "20", 6, 999.5, THEN),
        (21, "10.0.0.2", "Réservation d'un produit", "api_epg", "3400930000001", 1, None, THEN),
        (22, "10.0.0.2", "Authentification admin", "users", "4", 4, None, THEN),
    )
