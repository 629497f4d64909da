from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AppointmentsConfig(AppConfig):
    name = "appointments"
    verbose_name = _("Rendez-vous")

    def ready(self) -> None:
        from accounts.erasure import Holding
        from accounts.erasure import register as register_holding
        from accounts.services.verification import register_check
        from accounts.statement import register_labels
        from appointments import erasure, labels, mails, receivers  # noqa: F401  (registers its receivers)
        from appointments.purpose import AppointmentPurpose
        from appointments.services.expiry import expire_overdue
        from appointments.services.notes import reencrypt_notes
        from appointments.services.notices import send_notices
        from appointments.services.offering import offer_due
        from appointments.services.reminding import send_reminders
        from appointments.verification import check_appointments
        from common.crypto import register_kept
        from common.mail import register_composer
        from common.sweeping import register
        from payments import purposes

        register_check("appointments", check_appointments)
        register_kept("notes of doctors", reencrypt_notes)
        needed_for = _("Des rendez-vous sont à venir ou sans issue : annulez-les, ou notez comment ils ont fini.")
        register_holding("appointments", Holding(erasure.is_open, erasure.erase, needed_for))
        register_labels(labels.BOOKED, labels.GIVEN_UP, labels.FEE, labels.FEE_BACK)
        purposes.register("appointment", AppointmentPurpose())
        register("appointments_to_expire", expire_overdue)
        register("freed_slots_to_offer", offer_due)
        register("appointments_to_announce", send_notices)
        register("appointments_to_recall", send_reminders)
        for name in mails.TEMPLATES:
            register_composer(name, mails.composer(name))
