"""Who there is, and their prepaid accounts: each with a ledger that adds up."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.contrib.auth.models import Group

from accounts.enums import BACK_OFFICE_ROLES, EntryKind, Role
from accounts.models import Account, CreditEntry, Rate, TokenFamily, User
from audit.enums import Action
from backoffice.load.identifiers import new_uuid
from backoffice.load.journal import Journal
from backoffice.load.tables import Tables, both
from common.phones import to_e164

WELCOME = 10
_FIRST_NAMES = (
    "Aïcha Alain Alphonse Amélie Ange Antoinette Arsène Aurélie Béatrice Bernadette Blaise Brice Cécile Célestin "
    "Chantal Christian Clarisse Désiré Diane Dieudonné Edwige Élise Émile Estelle Eugène Fabrice Félicité Firmin Flore "
    "Gaston Georgette Ghislain Grâce Guy Hélène Henriette Hervé Honorine Huguette Ibrahim Jacqueline Jérôme Judith"
).split()
_LAST_NAMES = (
    "Abessolo Akendengué Allogo Assoumou Bekale Biyoghe Boundono Bouanga Divassa Ekomi Ella Engonga Essono Koumba "
    "Mabika Makaya Mangaka Mapangou Mavoungou Mba Mbadinga Mboumba Mebiame Mengue Minko Moubamba Moukagni Moussavou "
    "Mve Ndong Ngoua Nguema Nkoghe Nsole Nzamba Nziengui Nzoghe Obame Obiang Ogandaga Ondo Ongouori Oyane Rapontchombo"
).split()
_PREFIXES = ("077", "074", "066", "062", "065")
_ASCII = str.maketrans("àâäéèêëîïôöùûüçÉÀ", "aaaeeeeiioouuucEA")
_LETTERS = 1_000_000
# Prime to it, so that no two people have the same number.
_STEP = 771_317
_DEVICES = ("Chrome sur Android", "Firefox sur Windows", "Safari sur iPhone", "Application mobile")


@dataclass(slots=True)
class Person:
    id: int
    account_id: int
    name: str
    email: str
    phone: str
    joined_at: datetime
    credit: int = 0
    rate_id: int | None = None
    subscribed_at: datetime | None = None
    is_active: bool = True


class Pack(NamedTuple):
    """A rate: what it costs and gives."""

    id: int
    label: str
    price: int
    credits: int


class People:
    def __init__(self, tables: Tables, journal: Journal, chance: random.Random) -> None:
        self._tables, self._journal, self._chance = tables, journal, chance
        self.all: list[Person] = []
        self.packs = [
            Pack(rate.pk, rate.label, rate.price, rate.credits) for rate in Rate.objects.filter(is_active=True)
        ]
        self._groups = dict(Group.objects.values_list("name", "pk"))
        tables.declare(
            User,
            "id password last_login is_superuser email first_name last_name phone role language bio is_verified "
            "is_active is_staff token_version mfa_enabled created_at updated_at",
        )
        tables.declare(User.groups.through, "user_id group_id")
        tables.declare(Account, "id user_id credit is_active rate_id subscribed_at created_at updated_at")
        tables.declare(
            CreditEntry,
            "id account_id amount balance_after kind reference label created_by_id created_at updated_at",
        )
        tables.declare(
            TokenFamily,
            "user_id public_id counter device device_digest ip refreshed_at expires_at revoked_at revoked_for "
            "created_at updated_at",
        )

    def join(self, at: datetime, role: Role = Role.PATIENT) -> Person:
        chance, number = self._chance, len(self.all)
        first, last = chance.choice(_FIRST_NAMES), chance.choice(_LAST_NAMES)
        email = f"{first}.{last}.{number + 1}@load.example.org".translate(_ASCII).lower()
        digits = (number // len(_PREFIXES) * _STEP) % _LETTERS
        phone = to_e164(f"{_PREFIXES[number % len(_PREFIXES)]}{digits:06d}")
        person = Person(
            id=self._tables.next_id(User),
            account_id=self._tables.next_id(Account),
            name=f"{first} {last}",
            email=email,
            phone=phone,
            joined_at=at,
            is_active=chance.random() > 0.01,
        )
        self.all.append(person)
        is_verified, is_enabled = chance.random() > 0.08, chance.random() > 0.01
        self._tables.add(
            *(User, person.id, "!", None, False, email, first, last, phone, role.value),
            *("en" if number % 20 == 7 else "fr", "", is_verified or role != Role.PATIENT),
            *(is_enabled or role != Role.PATIENT, role in BACK_OFFICE_ROLES, 1, False, *both(at)),
        )
        if role in self._groups:
            self._tables.add(User.groups.through, person.id, self._groups[role])
        self._journal.note(
            *(at, Action.USER_CREATED, "user", person.id),
            kind="anonymous",
            changes={"role": role.value},
            personal={"email": email},
        )
        self.book(person, WELCOME, EntryKind.WELCOME, f"user:{person.id}", "Crédits de bienvenue", at)
        return person

    def anyone(self) -> Person:
        return self.all[int(self._chance.random() * len(self.all))]

    def book(
        self,
        person: Person,
        amount: int,
        kind: EntryKind,
        reference: str,
        label: str,
        at: datetime,
        by: int | None = None,
    ) -> None:
        """An entry of the ledger; the caller has seen that there is enough."""
        person.credit += amount
        entry = self._tables.next_id(CreditEntry)
        self._tables.add(
            *(CreditEntry, entry, person.account_id, amount, person.credit, kind.value, reference, label, by, *both(at))
        )
        self._journal.note(
            *(at, Action(f"credits.{kind}"), "account", person.account_id),
            actor=by or person.id,
            amount=amount,
            changes={"balance_after": person.credit, "reference": reference},
        )

    def sign_in(self, person: Person, at: datetime) -> None:
        """With the session that it opened: it ends by itself after a week."""
        self._journal.note(
            *(at, Action.USER_SIGNED_IN, "user", person.id),
            actor=person.id,
            changes={"role": "patient", "place": "api"},
        )
        chance = self._chance
        digest = chance.randbytes(32)
        self._tables.add(
            *(TokenFamily, person.id, new_uuid(chance), 1 + int(chance.random() * 9), chance.choice(_DEVICES), digest),
            *("41.158.7.7", at, at + timedelta(days=7), None, "", *both(at)),
        )

    def close(self, until: datetime) -> None:
        """The accounts, as the year has left them."""
        for person in self.all:
            self._tables.add(
                *(Account, person.account_id, person.id, person.credit, person.is_active, person.rate_id),
                *(person.subscribed_at, person.joined_at, until),
            )
        self._tables.flush()
