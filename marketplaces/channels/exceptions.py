from django.utils.translation import gettext_lazy as _

from common.errors import NotFound


class UnknownChannel(NotFound):
    code = "unknown_channel"
    detail = _("Ce canal de vente n'existe pas ou n'est pas ouvert.")
