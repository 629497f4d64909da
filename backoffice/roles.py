"""What each role may do, as named permissions: one table, synchronised after every migration."""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db import DEFAULT_DB_ALIAS

from accounts.enums import Role

_STAFF_VIEWS = (
    "accounts.view_user accounts.view_account accounts.view_creditentry accounts.view_rate accounts.view_pricelist "
    "accounts.view_approval accounts.view_accountreview "
    "catalog.view_product catalog.view_pharmacy catalog.view_pharmacymember catalog.view_stock "
    "catalog.view_searchentry catalog.view_productchange catalog.view_stockalert "
    "catalog.view_pricechange catalog.view_plannedprice "
    "catalog.view_openinghours catalog.view_dutyperiod catalog.view_holiday "
    "reservations.view_reservation reservations.view_reservationline reservations.view_epgrequest "
    "payments.view_payment payments.view_paymentattempt payments.view_callbackmessage payments.view_refund "
    "audit.view_event audit.view_seal audit.view_archive common.view_mail"
)
_STAFF_CHANGES = (
    "accounts.change_user accounts.grant_credits accounts.adjust_credits accounts.decide_approval "
    "accounts.change_account accounts.add_rate accounts.change_rate accounts.add_pricelist accounts.change_pricelist "
    "accounts.delete_pricelist "
    "catalog.add_product catalog.change_product catalog.add_pharmacy catalog.change_pharmacy "
    "catalog.add_pharmacymember catalog.change_pharmacymember catalog.delete_pharmacymember "
    "catalog.add_openinghours catalog.change_openinghours catalog.delete_openinghours "
    "catalog.add_dutyperiod catalog.change_dutyperiod catalog.delete_dutyperiod "
    "catalog.add_holiday catalog.change_holiday catalog.delete_holiday "
    "catalog.add_plannedprice catalog.change_plannedprice catalog.delete_plannedprice "
    "catalog.add_stock catalog.change_stock reservations.change_reservation payments.change_payment "
    "payments.add_refund payments.change_refund"
)

_APPOINTMENT_VIEWS = (
    "appointments.view_appointment appointments.view_practitioner appointments.view_specialty "
    "appointments.view_visittype appointments.view_workinghours appointments.view_timeoff "
    "appointments.view_waitlistentry appointments.view_waitlistoffer appointments.view_freedslot "
    "appointments.view_calendarfeed appointments.view_notice"
)
# What a medical secretary does all day: book, move and cancel for patients, keep the schedules.
_APPOINTMENT_CHANGES = (
    "appointments.add_appointment appointments.change_appointment appointments.overbook_appointment "
    "appointments.change_practitioner appointments.add_visittype appointments.change_visittype "
    "appointments.add_workinghours appointments.change_workinghours appointments.delete_workinghours "
    "appointments.add_timeoff appointments.change_timeoff appointments.delete_timeoff"
)
# Who receives patients here is decided by staff, and what the house calls it.
_APPOINTMENT_DECISIONS = (
    "appointments.verify_practitioner appointments.add_practitioner appointments.add_specialty "
    "appointments.change_specialty appointments.change_calendarfeed"
)

# A group that is no role: staff's duty in a practice, given beside or instead of the wider rights.
MEDICAL_SECRETARY = "medical_secretary"

# Administrators are superusers; patients, doctors and pharmacists act on what is theirs and need no global right.
PERMISSIONS: dict[str, str] = {
    Role.PATIENT: "",
    Role.DOCTOR: "",
    Role.PHARMACIST: "",
    Role.STAFF: (
        f"{_STAFF_VIEWS} {_STAFF_CHANGES} {_APPOINTMENT_VIEWS} {_APPOINTMENT_CHANGES} {_APPOINTMENT_DECISIONS}"
    ),
    Role.ADMIN: "",
    MEDICAL_SECRETARY: f"accounts.view_user {_APPOINTMENT_VIEWS} {_APPOINTMENT_CHANGES}",
}


def sync_groups(**kwargs: Any) -> None:
    """Create the groups and give each exactly its permissions.

    Runs after the migrations of this app, the last of INSTALLED_APPS, when every permission exists.
    """
    if kwargs.get("using", DEFAULT_DB_ALIAS) != DEFAULT_DB_ALIAS:
        return
    known = {
        f"{app}.{codename}": pk
        for pk, app, codename in Permission.objects.values_list("pk", "content_type__app_label", "codename")
    }
    for role, names in PERMISSIONS.items():
        group, _created = Group.objects.get_or_create(name=role)
        group.permissions.set([known[name] for name in names.split()])
