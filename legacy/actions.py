"""The one map between dotted actions and the spellings that the old sites compare with.

Some spellings name a part of a dotted action only: `Spelling.details` are then the values that the event's `changes`
hold. Imported events keep their own text in `changes["imported"]["action"]`; their dotted action is `code_of(text)`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

from audit.enums import Action

IMPORTED = "imported"


@dataclass(frozen=True)
class Spelling:
    """`text` stands for events of `action` whose `entity` and `details` are these; the first that fits is the one."""

    text: str
    action: Action
    entity: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def fits(self, action: str, entity: str, changes: Mapping[str, Any]) -> bool:
        return (
            action == self.action
            and self.entity in ("", entity)
            and all(_dig(changes, name) == value for name, value in self.details.items())
        )


SUBSCRIPTION = "Souscription à une tarification"
SIX = (
    "Authentification",
    "Création d'un compte",
    "Disponibilité d'un produit",
    "Réservation d'un produit",
    SUBSCRIPTION,
    "Consommation de crédit",
)

SPELLINGS = (
    Spelling("Authentification admin", Action.USER_SIGNED_IN, details={"place": "legacy_admin"}),
    Spelling("Authentification admin", Action.USER_SIGNED_IN, details={"place": "admin"}),
    Spelling("Authentification", Action.USER_SIGNED_IN),
    Spelling("Authentification échoué", Action.USER_SIGN_IN_FAILED),
    Spelling("Création d'un compte", Action.USER_CREATED),
    Spelling("Disponibilité d'un produit", Action.AVAILABILITY_CHECKED),
    Spelling("Réservation d'un produit", Action.RESERVATION_REQUESTED),
    # One that was requested before was counted then.
    Spelling("Réservation d'un produit", Action.RESERVATION_CONFIRMED, details={"old": None}),
    Spelling(SUBSCRIPTION, Action.CREDITS_RATE),
    Spelling(SUBSCRIPTION, Action.ACCOUNT_RATE_GIVEN),
    Spelling("Consommation de crédit", Action.CREDITS_SPEND),
    Spelling(
        "Consommation de crédit: crédit insuffisant", Action.LEGACY_REFUSED, details={"reason": "insufficient_credits"}
    ),
    Spelling("Création d'une tarification", Action.REFERENCE_CREATED, "rate"),
    Spelling("Suppression d'une tarification", Action.REFERENCE_UPDATED, "rate", {"new.is_active": False}),
    Spelling("Modification d'une tarification", Action.REFERENCE_UPDATED, "rate"),
    Spelling("Suppression d'une tarification", Action.REFERENCE_DELETED, "rate"),
    Spelling("Création d'une grille tarifaire", Action.REFERENCE_CREATED, "pricelist"),
    Spelling("Modification d'une grille tarifaire", Action.REFERENCE_UPDATED, "pricelist"),
    Spelling("Suppression d'une grille tarifaire", Action.REFERENCE_DELETED, "pricelist"),
    Spelling("Modification d'un utilisateur", Action.USER_PROFILE_CHANGED),
    Spelling("Modification du mot de passe", Action.USER_PASSWORD_CHANGED),
    Spelling("Réinitialisation du mot de passe", Action.USER_PASSWORD_RESET),
    Spelling("Désactivation du compte", Action.ACCOUNT_DISABLED),
    Spelling("Ré-activation du compte", Action.ACCOUNT_ENABLED),
    Spelling("Suppression d'un compte", Action.USER_ANONYMISED),
)

ENTITIES = {
    "user": "users",
    "account": "accounts",
    "rate": "rates",
    "pricelist": "pricelists",
    "reservation": "api_epg",
    "product": "api_epg",
}


def text_of(action: str, entity: str, changes: Mapping[str, Any]) -> str:
    """What the old sites call an event; its label in our own words where they know none."""
    imported = changes.get(IMPORTED)
    if isinstance(imported, dict) and imported.get("action"):
        return str(imported["action"])
    for spelling in SPELLINGS:
        if spelling.fits(action, entity, changes):
            return spelling.text
    return str(Action(action).label) if action in Action.values else action


def code_of(text: str) -> tuple[Action, dict[str, Any]] | None:
    """The dotted action that an old spelling stands for, and what `changes` then hold; None for an unknown one."""
    for spelling in SPELLINGS:
        if spelling.text == text:
            return spelling.action, {name: value for name, value in spelling.details.items() if "." not in name}
    return None


def six_actions() -> list[str]:
    """The dotted actions that stand behind the six, for the index."""
    return sorted({str(spelling.action) for spelling in SPELLINGS if spelling.text in SIX})


def of_the_six() -> Q:
    """The condition for those events of `six_actions` that have one of the six spellings, and no other."""
    plain = [each for each in six_actions() if each not in (Action.USER_SIGNED_IN, Action.RESERVATION_CONFIRMED)]
    elsewhere = Q(changes__place__in=["api", "legacy"]) | Q(changes__place__isnull=True)
    is_new = Q(changes__old=None) | Q(changes__old__isnull=True)
    return (
        Q(action__in=plain)
        | (Q(action=Action.USER_SIGNED_IN) & elsewhere)
        | (Q(action=Action.RESERVATION_CONFIRMED) & is_new)
    )


def _dig(values: Mapping[str, Any], path: str) -> Any:
    found: Any = values
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found
