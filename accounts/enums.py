from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from common.states import Moves


class Role(TextChoices):
    PATIENT = "patient", _("Patient")
    DOCTOR = "doctor", _("Médecin")
    PHARMACIST = "pharmacist", _("Pharmacien")
    STAFF = "staff", _("Équipe")
    ADMIN = "admin", _("Administrateur")


# Roles that may open the back office; what they see there their groups decide.
BACK_OFFICE_ROLES = frozenset({Role.PHARMACIST, Role.STAFF, Role.ADMIN})


class Duty(TextChoices):
    """What a member of staff is there for: a group of rights each, by the table in `backoffice/roles.py`."""

    GENERAL = "staff", _("Polyvalence")
    SUPPORT = "support", _("Assistance aux patients")
    CASHIER = "cashier", _("Caisse")
    CATALOGUE = "catalogue", _("Catalogue")
    MEDICAL_SECRETARY = "medical_secretary", _("Secrétariat médical")
    AUDITOR = "auditor", _("Audit")


class Language(TextChoices):
    FRENCH = "fr", "Français"
    ENGLISH = "en", "English"


class EntryKind(TextChoices):
    """Why credits moved. With its reference, each cause is booked once."""

    WELCOME = "welcome", _("Crédits de bienvenue")
    RATE = "rate", _("Achat d'un forfait")
    SPEND = "spend", _("Consommation")
    REFUND = "refund", _("Remboursement")
    GRANT = "grant", _("Crédits offerts")
    ADJUST = "adjust", _("Correction")
    OPENING = "opening", _("Solde repris")


class PricedAction(TextChoices):
    CHECK_AVAILABILITY = "check_availability", _("Vérifier une disponibilité")
    RESERVE = "reserve", _("Réserver un produit")
    BOOK_APPOINTMENT = "book_appointment", _("Prendre un rendez-vous")


class ApprovalStatus(TextChoices):
    REQUESTED = "requested", _("En attente")
    APPROVED = "approved", _("Approuvée")
    REFUSED = "refused", _("Refusée")
    WITHDRAWN = "withdrawn", _("Demande retirée")


APPROVAL_MOVES = Moves(
    {
        ApprovalStatus.REQUESTED: {ApprovalStatus.APPROVED, ApprovalStatus.REFUSED, ApprovalStatus.WITHDRAWN},
        ApprovalStatus.APPROVED: set(),
        ApprovalStatus.REFUSED: set(),
        ApprovalStatus.WITHDRAWN: set(),
    }
)


class ReviewReason(TextChoices):
    """What is odd about an account that was brought over."""

    UNEXPLAINED = "unexplained", _("Plus de crédits que son histoire n'en explique")
    NEGATIVE = "negative", _("Solde négatif, repris à zéro")


class ReviewStatus(TextChoices):
    OPEN = "open", _("À examiner")
    SETTLED = "settled", _("Examiné")


class SessionEnd(TextChoices):
    """Why a session ended before its refresh token did."""

    SIGNED_OUT = "signed_out", _("Déconnexion")
    ENDED_BY_OWNER = "ended_by_owner", _("Terminée depuis un autre appareil")
    REFRESH_REUSED = "refresh_reused", _("Jeton de renouvellement utilisé deux fois")
    PASSWORD_CHANGED = "password_changed", _("Changement de mot de passe")
    PASSWORD_RESET = "password_reset", _("Mot de passe réinitialisé")
    ACCESS_CHANGED = "access_changed", _("Changement de rôle ou d'accès")
    ERASED = "erased", _("Effacement de la personne")


class SecretPurpose(TextChoices):
    """What a one-time secret proves."""

    VERIFY_EMAIL = "verify_email", _("Confirmer une adresse")
    RESET_PASSWORD = "reset_password", _("Changer de mot de passe")
