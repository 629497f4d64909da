"""What each role and each duty may do, as named permissions: one table, synchronised after every migration."""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db import DEFAULT_DB_ALIAS

from accounts.enums import Duty, Role

_CATALOGUE_VIEWS = (
    "catalog.view_product catalog.view_pharmacy catalog.view_pharmacymember catalog.view_stock "
    "catalog.view_searchentry catalog.view_productchange catalog.view_stockalert "
    "catalog.view_pricechange catalog.view_plannedprice "
    "catalog.view_openinghours catalog.view_dutyperiod catalog.view_holiday"
)
_CATALOGUE_CHANGES = (
    "catalog.add_product catalog.change_product catalog.add_pharmacy catalog.change_pharmacy "
    "catalog.add_pharmacymember catalog.change_pharmacymember catalog.delete_pharmacymember "
    "catalog.add_openinghours catalog.change_openinghours catalog.delete_openinghours "
    "catalog.add_dutyperiod catalog.change_dutyperiod catalog.delete_dutyperiod "
    "catalog.add_holiday catalog.change_holiday catalog.delete_holiday "
    "catalog.add_plannedprice catalog.change_plannedprice catalog.delete_plannedprice "
    "catalog.add_stock catalog.change_stock common.view_fileimport"
)
_PEOPLE_VIEWS = "accounts.view_user accounts.view_account accounts.view_creditentry"
_PRICE_VIEWS = "accounts.view_rate accounts.view_pricelist"
_PRICE_CHANGES = (
    "accounts.add_rate accounts.change_rate accounts.add_pricelist accounts.change_pricelist accounts.delete_pricelist"
)
_RESERVATION_VIEWS = "reservations.view_reservation reservations.view_reservationline reservations.view_epgrequest"
_MONEY_VIEWS = (
    "accounts.view_approval accounts.view_accountreview "
    "payments.view_payment payments.view_paymentattempt payments.view_callbackmessage payments.view_refund"
)
_TILL = "payments.change_payment payments.add_refund payments.change_refund"
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
_MARKET_VIEWS = (
    "marketplaces.view_merchant marketplaces.view_membership marketplaces.view_item marketplaces.view_itemimage "
    "marketplaces.view_listing marketplaces.view_order marketplaces.view_orderline marketplaces.view_plan "
    "marketplaces.view_subscriptionquota marketplaces.view_brand marketplaces.view_category marketplaces.view_color "
    "marketplaces.view_condition marketplaces.view_material marketplaces.view_size "
    "marketplaces.view_job marketplaces.view_channelqueue marketplaces.view_channelcall marketplaces.view_plugintask "
    "marketplaces.view_channelconnection"
)
# Who sells, under which plan, whether a flagged item may be sold, and how channels call things.
_MARKET_CHANGES = " ".join(
    (
        "marketplaces.add_merchant marketplaces.change_merchant marketplaces.change_item marketplaces.change_job",
        *(
            f"marketplaces.{verb}_{model}"
            for model in ("plan", "brand", "category", "color", "condition", "material", "size")
            for verb in ("add", "change")
        ),
        *(
            f"marketplaces.{verb}_{model}channelid"
            for model in ("brand", "category", "color", "condition", "material", "size")
            for verb in ("view", "add", "change", "delete")
        ),
        *(f"marketplaces.{verb}_subscriptionquota" for verb in ("add", "change", "delete")),
    )
)
_EVENT_VIEWS = "audit.view_event audit.view_seal audit.view_archive common.view_mail"
# In a patient's name, at their request: nothing of it moves money or boxes.
_HELP = (
    "accounts.change_user accounts.resend_code reservations.cancel_reservation "
    "appointments.add_appointment appointments.move_appointment"
)

# Administrators are superusers; patients, doctors and pharmacists act on what is theirs and need no global right.
# Staff have none but those of their duties; `Duty.GENERAL` is what every one of them had before there were others.
PERMISSIONS: dict[str, str] = {
    Role.PATIENT: "",
    Role.DOCTOR: "",
    Role.PHARMACIST: "",
    Role.ADMIN: "",
    Duty.GENERAL: (
        f"{_PEOPLE_VIEWS} {_PRICE_VIEWS} {_PRICE_CHANGES} {_RESERVATION_VIEWS} {_MONEY_VIEWS} {_TILL} {_EVENT_VIEWS} "
        f"{_CATALOGUE_VIEWS} {_CATALOGUE_CHANGES} "
        f"{_APPOINTMENT_VIEWS} {_APPOINTMENT_CHANGES} {_APPOINTMENT_DECISIONS} {_HELP} "
        f"{_MARKET_VIEWS} {_MARKET_CHANGES} "
        "accounts.change_sign_in accounts.anonymise_user accounts.change_account accounts.grant_credits "
        "accounts.adjust_credits accounts.decide_approval payments.exceed_cashier_limit reservations.change_reservation"
    ),
    Duty.SUPPORT: (
        f"{_PEOPLE_VIEWS} {_PRICE_VIEWS} {_RESERVATION_VIEWS} {_MONEY_VIEWS} {_CATALOGUE_VIEWS} {_APPOINTMENT_VIEWS} "
        f"{_MARKET_VIEWS} common.view_mail {_HELP}"
    ),
    Duty.CASHIER: f"{_PEOPLE_VIEWS} {_PRICE_VIEWS} {_RESERVATION_VIEWS} {_MONEY_VIEWS} {_TILL}",
    Duty.CATALOGUE: f"{_CATALOGUE_VIEWS} {_CATALOGUE_CHANGES}",
    Duty.MEDICAL_SECRETARY: f"accounts.view_user {_APPOINTMENT_VIEWS} {_APPOINTMENT_CHANGES}",
    # And every right to see that there is: what is added later is audited from its first day.
    Duty.AUDITOR: "accounts.only_read",
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
    for name, names in PERMISSIONS.items():
        group, _created = Group.objects.get_or_create(name=name)
        views = [pk for right, pk in known.items() if ".view_" in right] if name == Duty.AUDITOR else []
        group.permissions.set([known[right] for right in names.split()] + views)
