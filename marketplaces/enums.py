from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from common.states import Moves


class Channel(TextChoices):
    EBAY = "ebay", "eBay"
    ETSY = "etsy", "Etsy"
    VINTED = "vinted", "Vinted"


class MemberRole(TextChoices):
    """What a member may do; each may also do what the ones below may."""

    OWNER = "owner", _("Propriétaire")
    EDITOR = "editor", _("Éditeur")
    VIEWER = "viewer", _("Lecteur")

    def allows(self, needed: "MemberRole") -> bool:
        """Whether this role is at least `needed`."""
        return _RANKS[self] >= _RANKS[needed]


_RANKS = {MemberRole.VIEWER: 1, MemberRole.EDITOR: 2, MemberRole.OWNER: 3}


class QuotaKind(TextChoices):
    """What a plan limits; `listings` counts each channel by itself, `jobs_per_day` the days of the site's time zone."""

    ITEMS = "items", _("Articles")
    LISTINGS = "listings", _("Annonces par canal")
    JOBS_PER_DAY = "jobs_per_day", _("Tâches par jour")


class ProductClass(TextChoices):
    """What a category holds, for the medicine gate."""

    COSMETIC = "cosmetic", _("Cosmétique")
    HYGIENE = "hygiene", _("Hygiène")
    BABY_CARE = "baby_care", _("Soins de bébé")
    DEVICE = "device", _("Dispositif")
    NUTRITION = "nutrition", _("Nutrition")
    MEDICINE = "medicine", _("Médicament")


class Review(TextChoices):
    """What staff think of an item whose words made somebody look."""

    NONE = "none", _("Sans remarque")
    FLAGGED = "flagged", _("À vérifier")
    CLEARED = "cleared", _("Admis")
    REFUSED = "refused", _("Refusé")


REVIEW_MOVES = Moves(
    {
        Review.NONE: {Review.FLAGGED, Review.REFUSED},
        Review.FLAGGED: {Review.CLEARED, Review.REFUSED},
        Review.CLEARED: {Review.FLAGGED, Review.REFUSED},
        Review.REFUSED: {Review.CLEARED},
    }
)


class ListingState(TextChoices):
    PENDING = "pending", _("Publication demandée")
    LIVE = "live", _("En ligne")
    FAILED = "failed", _("Échec")
    WITHDRAWING = "withdrawing", _("Retrait demandé")
    WITHDRAWN = "withdrawn", _("Retirée du canal")
    SOLD_OUT = "sold_out", _("Épuisée")


LISTING_MOVES = Moves(
    {
        ListingState.PENDING: {ListingState.LIVE, ListingState.FAILED, ListingState.WITHDRAWING},
        ListingState.LIVE: {ListingState.WITHDRAWING, ListingState.WITHDRAWN, ListingState.SOLD_OUT},
        ListingState.FAILED: {ListingState.PENDING, ListingState.WITHDRAWING, ListingState.WITHDRAWN},
        # Back to live where the channel refuses to let it go.
        ListingState.WITHDRAWING: {ListingState.WITHDRAWN, ListingState.SOLD_OUT, ListingState.LIVE},
        ListingState.WITHDRAWN: {ListingState.PENDING},
        ListingState.SOLD_OUT: {ListingState.PENDING, ListingState.WITHDRAWN},
    }
)

# What stands, or may stand, on the channel: it counts for the quota.
ON_CHANNEL = (ListingState.PENDING, ListingState.LIVE, ListingState.WITHDRAWING)


class OrderState(TextChoices):
    RECEIVED = "received", _("Reçue")
    FULFILLED = "fulfilled", _("Honorée")
    CANCELLED = "cancelled", _("Annulée")


ORDER_MOVES = Moves(
    {
        OrderState.RECEIVED: {OrderState.FULFILLED, OrderState.CANCELLED},
        OrderState.FULFILLED: {OrderState.CANCELLED},
        OrderState.CANCELLED: set(),
    }
)


class OrderTask(TextChoices):
    """What the merchant has to do about an order."""

    NONE = "none", _("Rien")
    SHIP = "ship", _("Expédier")
    CANCEL_ON_CHANNEL = "cancel_on_channel", _("Annuler sur le canal et rembourser l'acheteur")
    IDENTIFY = "identify", _("Dire de quel article il s'agit")
    DONE = "done", _("Fait")


class ConnectionState(TextChoices):
    """A merchant's access to a channel. Over, only the merchant can give it again."""

    CONNECTED = "connected", _("Connecté")
    EXPIRED = "expired", _("À reconnecter")
    STOPPED = "stopped", _("Arrêté")
