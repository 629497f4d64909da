"""The admin's frame: its stylesheet, and its sidebar, grouped by what staff do, not by where the code lives."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _


def stylesheet(request: HttpRequest) -> str:
    """The address of what we add to unfold's styles."""
    return static("backoffice/admin.css")


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """What this person may see; a group without items disappears."""
    groups: list[tuple[str, list[tuple[str, str, str]]]] = [
        (
            _("Pharmacies"),
            [
                (_("Réservations"), "shopping_bag", "reservations.reservation"),
                (_("Demandes à EPG"), "phone_in_talk", "reservations.epgrequest"),
                (_("Stock"), "inventory_2", "catalog.stock"),
                (_("Pharmacies"), "local_pharmacy", "catalog.pharmacy"),
                (_("Gardes"), "nightlight", "catalog.dutyperiod"),
                (_("Jours fériés"), "event", "catalog.holiday"),
                (_("Produits"), "medication", "catalog.product"),
                (_("Prix à venir"), "price_change", "catalog.plannedprice"),
                (_("Historique des prix"), "history", "catalog.pricechange"),
                (_("Imports de fichiers"), "upload_file", "common.fileimport"),
            ],
        ),
        (
            _("Rendez-vous"),
            [
                (_("Rendez-vous"), "event", "appointments.appointment"),
                (_("Praticiens"), "stethoscope", "appointments.practitioner"),
                (_("Liste d'attente"), "hourglass_top", "appointments.waitlistentry"),
                (_("Créneaux libérés"), "event_repeat", "appointments.freedslot"),
                (_("Calendriers partagés"), "calendar_month", "appointments.calendarfeed"),
                (_("Spécialités"), "category", "appointments.specialty"),
            ],
        ),
        (
            _("Places de marché"),
            [
                (_("Articles"), "sell", "marketplaces.item"),
                (_("Annonces"), "storefront", "marketplaces.listing"),
                (_("Commandes"), "shopping_cart", "marketplaces.order"),
                (_("Tâches"), "sync", "marketplaces.job"),
                (_("Files"), "low_priority", "marketplaces.channelqueue"),
                (_("Connexions aux canaux"), "link", "marketplaces.channelconnection"),
                (_("Marchands"), "store", "marketplaces.merchant"),
                (_("Membres"), "group", "marketplaces.membership"),
                (_("Formules"), "workspace_premium", "marketplaces.plan"),
                (_("Catégories"), "category", "marketplaces.category"),
                (_("États"), "grade", "marketplaces.condition"),
                (_("Marques"), "label", "marketplaces.brand"),
                (_("Couleurs"), "palette", "marketplaces.color"),
                (_("Matières"), "texture", "marketplaces.material"),
                (_("Tailles"), "straighten", "marketplaces.size"),
            ],
        ),
        (
            _("Argent"),
            [
                (_("Paiements"), "payments", "payments.payment"),
                (_("Remboursements"), "undo", "payments.refund"),
                (_("Approbations"), "rule", "accounts.approval"),
                (_("Tentatives"), "swap_horiz", "payments.paymentattempt"),
                (_("Notifications"), "notifications", "payments.callbackmessage"),
            ],
        ),
        (
            _("Personnes"),
            [
                (_("Utilisateurs"), "person", "accounts.user"),
                (_("Comptes"), "account_balance_wallet", "accounts.account"),
                (_("Comptes à examiner"), "troubleshoot", "accounts.accountreview"),
                (_("Écritures"), "receipt_long", "accounts.creditentry"),
                (_("Forfaits"), "sell", "accounts.rate"),
                (_("Grille tarifaire"), "price_change", "accounts.pricelist"),
            ],
        ),
        (
            _("Contrôle"),
            [
                (_("Journal d'audit"), "history", "audit.event"),
                (_("Scellés"), "verified", "audit.seal"),
                (_("Archives du journal"), "inventory", "audit.archive"),
                (_("Reprises de données"), "move_to_inbox", "common.importbatch"),
                (_("Droits"), "shield_person", "auth.group"),
                (_("E-mails"), "mail", "common.mail"),
                (_("Tâches"), "task_alt", "django_tasks_database.dbtaskresult"),
            ],
        ),
    ]
    return [
        {"title": title, "separator": True, "items": items}
        for title, models in groups
        if (items := [_item(*model) for model in models if _may_see(request, model[2])])
    ]


def _item(title: str, icon: str, model: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse(f"admin:{model.replace('.', '_')}_changelist")}


def _may_see(request: HttpRequest, model: str) -> bool:
    """Asked of the admin of the model itself: pharmacists see their own pharmacies' rows without a named permission."""
    model_class = apps.get_model(model)
    if not admin.site.is_registered(model_class):
        return False
    return bool(admin.site.get_model_admin(model_class).has_view_permission(request))
