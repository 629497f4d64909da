from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReservationsConfig(AppConfig):
    name = "reservations"
    verbose_name = _("Réservations")

    def ready(self) -> None:
        from accounts.erasure import Holding
        from accounts.erasure import register as register_holding
        from accounts.services.verification import register_check
        from accounts.statement import register_labels
        from catalog.holds import register_holds
        from common.sweeping import register
        from payments import purposes
        from reservations import erasure
        from reservations.labels import NOT_HONOURED, RESERVED
        from reservations.purpose import ReservationPurpose
        from reservations.selectors import held_units
        from reservations.services.epg.asking import doubt_interrupted, submit_forgotten
        from reservations.services.expiry import expire_overdue
        from reservations.verification import check_reservations

        register_labels(RESERVED, NOT_HONOURED)
        register_check("reservations", check_reservations)
        register_holds(held_units)
        purposes.register("reservation", ReservationPurpose())
        register("reservations_to_expire", expire_overdue)
        register("epg_requests_to_send", submit_forgotten)
        register("epg_requests_interrupted", doubt_interrupted)
        needed_for = _("Des boîtes lui sont encore gardées : annulez la réservation, ou attendez son retrait.")
        register_holding("reservations", Holding(erasure.is_open, erasure.erase, needed_for))
