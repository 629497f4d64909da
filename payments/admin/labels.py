"""How states and codes of payments read, and in which colour."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from payments.enums import RefundStatus, Status, Verdict
from payments.providers.base import Outcome

PURPOSES = {"rate": _("forfait"), "reservation": _("réservation"), "appointment": _("rendez-vous")}
PROVIDERS = [(name, name) for name in settings.PAYMENT_PROVIDERS]

STATUS_COLOURS = {
    Status.SUBMITTING: "info",
    Status.PENDING: "info",
    Status.UNKNOWN: "warning",
    Status.SUCCEEDED: "success",
    Status.FAILED: "danger",
    Status.HELD: "warning",
}
REFUND_COLOURS = {
    RefundStatus.REQUESTED: "warning",
    RefundStatus.DUE: "warning",
    RefundStatus.APPROVED: "info",
    RefundStatus.SENT: "info",
    RefundStatus.DONE: "success",
    RefundStatus.FAILED: "danger",
}
VERDICT_COLOURS = {Verdict.WAITING: "warning", Verdict.SETTLED: "success", Verdict.REFUSED: "danger"}

# The codes that services note as a reason, as staff read them; a gateway's own words stay as they are.
REASONS = {
    "already_paid": _("déjà payé autrement, jamais envoyé"),
    "amount_mismatch": _("montant différent de celui demandé"),
    "currency_not_served": _("devise que le prestataire ne connaît pas"),
    "currency_mismatch": _("devise différente de celle demandée"),
    "declined": _("refusé par le client ou son opérateur"),
    "dismissed_by_staff": _("écarté par l'équipe"),
    "customer_timeout": _("le client n'a pas répondu à temps"),
    "gateway_keys": _("clés ou portefeuille refusés par le prestataire"),
    "gateway_not_reached": _("prestataire injoignable"),
    "gateway_refused": _("refusé par le prestataire"),
    "gateway_timeout": _("pas de réponse du prestataire à temps"),
    "gateway_unreadable": _("réponse illisible du prestataire"),
    "get_on_callback": _("appel par GET"),
    "interrupted": _("envoi interrompu"),
    "never_confirmed": _("jamais confirmé par le prestataire"),
    "network_unknown": _("réseau du téléphone inconnu, jamais envoyé"),
    "never_received": _("jamais reçu par le prestataire"),
    "never_sent": _("oublié trop longtemps, jamais envoyé"),
    "no_callbacks": _("ce prestataire n'envoie pas de notification"),
    "no_balance": _("solde du client insuffisant"),
    "no_answer": _("sans nouvelles du prestataire"),
    "not_payable": _("objet qui ne se paie plus, jamais envoyé"),
    "nothing_to_grant": _("payé, mais l'objet n'est plus disponible"),
    "paid_twice": _("payé deux fois"),
    "reference_mismatch": _("référence différente de celle envoyée"),
    "page_not_received": _("le prestataire n'a pas donné sa page à temps"),
    "refunded_by_gateway": _("déjà rendu au client par le prestataire"),
    "replayed": _("ancien message rejoué"),
    "reservation_cancelled": _("réservation annulée"),
    "reservation_expired": _("réservation expirée"),
    "reservation_rejected": _("réservation refusée par la pharmacie"),
    "too_large": _("message trop grand"),
    "unknown_provider": _("moyen de paiement retiré, jamais envoyé"),
    "unknown_rate": _("forfait retiré, jamais envoyé"),
    "unknown_reference": _("référence inconnue"),
    "unknown_reservation": _("réservation introuvable, jamais envoyé"),
    "unreadable": _("message illisible"),
    "unsigned": _("message sans signature"),
    "wallet_mismatch": _("payé sur un autre portefeuille"),
    "wrong_pin": _("code PIN faux"),
    "wrong_signature": _("fausse signature"),
}
OUTCOMES = {
    Outcome.PENDING: _("en attente du client"),
    Outcome.PAID: _("payé"),
    Outcome.REFUSED: _("refusé"),
    Outcome.UNKNOWN: _("inconnue"),
    Outcome.NOT_REACHED: _("prestataire injoignable"),
    Outcome.NOT_FOUND: _("inconnu du prestataire"),
}


def reason_label(code: str) -> Any:
    return REASONS.get(code, code) or "–"
