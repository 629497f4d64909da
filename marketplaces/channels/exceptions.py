from django.utils.translation import gettext_lazy as _

from common.errors import DomainError, Invalid, NotFound


class UnknownChannel(NotFound):
    code = "unknown_channel"
    detail = _("Ce canal de vente n'existe pas ou n'est pas ouvert.")


class NotConnected(NotFound):
    code = "not_connected"
    detail = _("Ce marchand n'est pas connecté à ce canal.")


class InvalidState(Invalid):
    """Forged, expired, used, or somebody else's: the answer does not say which."""

    code = "invalid_state"
    detail = _("Cette autorisation n'est plus valable : recommencez la connexion depuis votre espace marchand.")


class ConsentRefused(Invalid):
    code = "consent_refused"
    detail = _("Le canal n'a pas donné son accord : recommencez la connexion et acceptez la demande.")


class ChannelUnavailable(DomainError):
    code = "channel_unavailable"
    status = 502
    detail = _("Le canal ne répond pas : recommencez la connexion dans quelques instants.")
