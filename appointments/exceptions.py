from django.utils.translation import gettext_lazy as _

from common.errors import Conflict, Forbidden, Invalid, NotFound


class UnknownDoctor(NotFound):
    code = "unknown_doctor"
    detail = _("Ce médecin n'existe pas ou ne reçoit pas de patients ici.")


class UnknownVisitType(NotFound):
    code = "unknown_visit_type"
    detail = _("Ce médecin ne propose pas ce type de visite.")


class UnknownSpecialty(NotFound):
    code = "unknown_specialty"
    detail = _("Cette spécialité n'existe pas.")


class UnknownPatient(NotFound):
    code = "unknown_patient"
    detail = _("Ce patient n'existe pas.")


class InThePast(Invalid):
    code = "in_the_past"
    detail = _("Ce moment est déjà passé.")


class OutsideHours(Invalid):
    code = "outside_hours"
    detail = _("Le médecin ne reçoit pas à ce moment-là. Choisissez parmi ses créneaux libres.")


class OffGrid(Invalid):
    code = "off_grid"
    detail = _("Aucun créneau ne commence à cette minute-là. Choisissez parmi les créneaux libres.")


class SlotTaken(Conflict):
    code = "slot_taken"
    detail = _("Ce créneau vient d'être pris. Choisissez-en un autre.")


class PatientBusy(Conflict):
    code = "patient_busy"
    detail = _("Le patient a déjà un autre rendez-vous à ce moment-là.")


class TooLateToMove(Conflict):
    code = "too_late_to_move"
    detail = _("Il est trop tard pour déplacer ce rendez-vous soi-même. Appelez le cabinet ou annulez.")


class AlreadyStarted(Conflict):
    code = "already_started"
    detail = _("Ce rendez-vous a déjà commencé.")


class NotStarted(Conflict):
    code = "not_started"
    detail = _("Ce rendez-vous n'a pas encore commencé.")


class NotPayable(Conflict):
    code = "not_payable"
    detail = _("Ce rendez-vous ne peut pas être payé ainsi dans son état actuel.")


class OverbookingRefused(Forbidden):
    code = "overbooking_refused"
    detail = _("Seule l'équipe peut ajouter un rendez-vous en surnombre.")


class TooManyEntries(Conflict):
    code = "too_many_entries"
    detail = _(
        "Vous attendez déjà autant de créneaux qu'il est permis. Retirez une inscription avant d'en ajouter une."
    )


class NoOffer(Conflict):
    code = "no_offer"
    detail = _("Aucun créneau ne vous est proposé en ce moment.")
