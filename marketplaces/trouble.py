"""What went wrong at a channel, in words that say what to do next; what the channel itself said stands behind them."""

from django.utils.translation import gettext_lazy as _

_LOOK_THERE = _("Le canal n'a pas répondu clairement : la tâche vérifie d'abord ce qui y existe, puis continue.")
_UNREACHED = _("Le canal ne répond pas : la tâche continue d'elle-même dès qu'il répond.")
_IN_BROWSER = _(
    "Le site a refusé votre navigateur ou demande une vérification : regardez-y vous-même, puis reconnectez le canal."
)
_RECONNECT = _("L'accès au canal est terminé : reconnectez le marchand.")

# By the `reason` of a `Result` or a `ChannelError`.
_WORDS = {
    "access_expired": _RECONNECT,
    "access_refused": _RECONNECT,
    "access_denied": _("Le canal ne le permet pas à ce compte : vérifiez le compte vendeur, puis reconnectez-le."),
    "cancelled": _("La tâche a été annulée."),
    "category_unmapped": _("Le canal n'a pas cette catégorie : choisissez-en une autre."),
    "channel_failed": _UNREACHED,
    "condition_unmapped": _("Le canal n'a pas cet état : choisissez-en un autre."),
    "disconnected": _RECONNECT,
    "ended_on_channel": _("L'annonce a été arrêtée sur le canal lui-même : publiez-la à nouveau si elle doit y être."),
    "expired": _("La tâche a attendu trop longtemps : relancez-la."),
    "image_required": _("Ce canal veut au moins une image : ajoutez-en une à l'article, puis relancez."),
    "internal": _LOOK_THERE,
    "interrupted": _("La tâche s'est arrêtée trop de fois : regardez l'article sur le canal, puis relancez-la."),
    "item_refused": _("L'équipe a refusé cet article : il ne se vend pas."),
    "listing_gone": _("L'annonce a disparu du canal : elle y est refaite."),
    "merchant_inactive": _("Retirée : le marchand est désactivé."),
    "no_answer": _LOOK_THERE,
    "no_refresh_token": _RECONNECT,
    "not_connected": _(
        "Ce marchand n'est pas connecté à ce canal : connectez-le, la tâche continue alors d'elle-même."
    ),
    "not_for_sale": _("Un médicament, ou une catégorie exclue de la vente : l'article ne se vend sur aucun canal."),
    "not_listed": _("L'annonce n'existe pas sur le canal : publiez l'article."),
    "not_reached": _UNREACHED,
    "number_taken": _("Le numéro de cette annonce est déjà celui d'une autre : l'équipe doit regarder."),
    "overtaken": _("Une autre réponse est arrivée avant celle-ci."),
    "rate_limited": _("Le canal demande d'attendre : la tâche continue d'elle-même."),
    "rate_missing": _("Aucun cours ne mène à la devise du canal : indiquez-en un dans les réglages de la connexion."),
    "refresh_failed": _UNREACHED,
    "refreshing": _("L'accès au canal est en train d'être renouvelé : la tâche continue d'elle-même."),
    "refused": _("Le canal refuse : corrigez ce qu'il dit, puis relancez."),
    "refused_in_browser": _("Le site refuse : corrigez ce qu'il dit, puis relancez."),
    "session_over": _IN_BROWSER,
    "settings_missing": _("Il manque des réglages à la connexion : complétez-les, puis relancez."),
    "stopped_by_channel": _IN_BROWSER,
    "tokens_unreadable": _("L'accès au canal ne peut pas être lu : l'équipe technique doit regarder."),
    "too_many_listings": _("Il y a trop d'annonces sur le canal pour en trouver une : l'équipe doit regarder."),
    "unreadable": _UNREACHED,
    "unsupported": _("Ce canal ne le permet pas."),
}


def in_words(code: str, detail: str) -> str:
    """For people, in their language; of a reason that only the channel knows, what it said."""
    words = _WORDS.get(code)
    if words is None:
        return detail or code
    return f"{words} ({detail})" if detail not in ("", code) else str(words)
