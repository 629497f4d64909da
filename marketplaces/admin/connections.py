"""Which channels merchants have opened to us, as staff see them."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesCheckboxFilter, ChoicesDropdownFilter
from unfold.decorators import display

from common.admin import moment
from marketplaces.admin.base import StateShown, TenantAdmin
from marketplaces.models import ChannelConnection
from marketplaces.trouble import in_words


@admin.register(ChannelConnection)
class ChannelConnectionAdmin(StateShown, TenantAdmin):
    """Which merchants we may act for on which channel. Tokens are on no page; nobody but an owner connects."""

    list_display = (
        "merchant",
        "channel",
        "state_badge",
        "why",
        "account_id",
        moment("connected_at", _("connecté le")),
        moment("refresh_expires_at", _("accès valable jusqu'au")),
    )
    list_select_related = ("merchant",)
    list_filter = (("state", ChoicesCheckboxFilter), ("channel", ChoicesDropdownFilter))
    fields = (
        *("merchant", "channel", "state_badge", "why", "account_id", "settings"),
        *("connected_at", "connected_by", "refresh_expires_at", "created_at", "updated_at"),
    )
    readonly_fields = ("state_badge", "why")
    empty_hint = _("Les marchands se connectent eux-mêmes aux canaux, depuis leur espace.")

    @display(description=_("raison"))
    def why(self, connection: ChannelConnection) -> str:
        return in_words(connection.reason, "") or "–"
