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


class JobKind(TextChoices):
    """What a job does on its channel. The first three are about one listing, the others about the whole account."""

    PUBLISH = "publish", _("Publication")
    UPDATE = "update", _("Mise à jour")
    DELETE = "delete", _("Retrait")
    SYNC = "sync", _("Reprise des annonces existantes")
    ORDERS = "orders", _("Relève des commandes")
    MESSAGES = "messages", _("Relève des messages")


OF_A_LISTING = (JobKind.PUBLISH, JobKind.UPDATE, JobKind.DELETE)


class JobState(TextChoices):
    PENDING = "pending", _("En attente")
    RUNNING = "running", _("En cours")
    COMPLETED = "completed", _("Terminée")
    FAILED = "failed", _("Échouée")
    CANCELLED = "cancelled", _("Annulée")
    EXPIRED = "expired", _("Hors délai")


JOB_MOVES = Moves(
    {
        JobState.PENDING: {JobState.RUNNING, JobState.CANCELLED, JobState.EXPIRED},
        # Pending again: a step was taken and another one is to follow, now or after a pause.
        JobState.RUNNING: {
            JobState.PENDING,
            JobState.COMPLETED,
            JobState.FAILED,
            JobState.CANCELLED,
            JobState.EXPIRED,
        },
        JobState.COMPLETED: set(),
        # Somebody tries again, or puts it away.
        JobState.FAILED: {JobState.PENDING, JobState.CANCELLED},
        JobState.EXPIRED: {JobState.PENDING, JobState.CANCELLED},
        JobState.CANCELLED: set(),
    }
)
OPEN_JOB = (JobState.PENDING, JobState.RUNNING)
# Nobody will do them before a person has looked.
DEAD_LETTER = (JobState.FAILED, JobState.EXPIRED)


class StepState(TextChoices):
    """Of one call to a channel, or of one task for the merchant's browser."""

    PENDING = "pending", _("En attente")
    PROCESSING = "processing", _("En cours")
    COMPLETED = "completed", _("Terminée")
    FAILED = "failed", _("Échouée")
    TIMEOUT = "timeout", _("Sans réponse")


STEP_MOVES = Moves(
    {
        # Failed: its job ended before anybody took it.
        StepState.PENDING: {StepState.PROCESSING, StepState.FAILED, StepState.TIMEOUT},
        StepState.PROCESSING: {StepState.COMPLETED, StepState.FAILED, StepState.TIMEOUT},
        StepState.COMPLETED: set(),
        StepState.FAILED: set(),
        StepState.TIMEOUT: set(),
    }
)


class StopReason(TextChoices):
    """Why a merchant's queue for a channel stands still until they say that it may go on."""

    CREDENTIALS = "credentials", _("L'accès au canal est terminé : reconnectez-vous")
    BROWSER = "browser", _("Le site a refusé votre navigateur ou demande une vérification : regardez-y vous-même")
