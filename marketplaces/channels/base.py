"""What a sales channel is to the rest of the house: eight methods and frozen dataclasses, no HTTP, no models.

Every call may be repeated: `publish` looks before it creates, and what an unknown outcome left is found by its SKU.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from marketplaces.channels.oauth import OAuth


class Outcome(StrEnum):
    """`REFUSED`: the channel said no and will say it again. `LATER`: nothing was done, ask again after `retry_after`.

    `UNKNOWN`: it may have been done; the same call again finds out. `CREDENTIALS`: the merchant's access is over.
    `IN_BROWSER`: nothing was called; `task` is what the merchant's own browser is to do.
    """

    DONE = "done"
    REFUSED = "refused"
    LATER = "later"
    UNKNOWN = "unknown"
    CREDENTIALS = "credentials"
    IN_BROWSER = "in_browser"


class Action(StrEnum):
    """The methods of a channel, by which it says what it can do."""

    PUBLISH = "publish"
    UPDATE = "update"
    WITHDRAW = "withdraw"
    FIND = "find"
    SYNC = "sync"
    ORDERS = "orders"
    FULFIL = "fulfil"
    MESSAGES = "messages"


@dataclass(frozen=True)
class Seller:
    """In whose name a channel is called. `settings` are those of the merchant's connection, `account_id` the channel's
    own number of the account or shop; `access_token` is never shown."""

    merchant_id: int
    access_token: str = field(default="", repr=False)
    account_id: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Amount:
    """Money in the smallest unit of its currency."""

    minor: int
    currency: str


@dataclass(frozen=True)
class Picture:
    """`url` is where everybody may see it; `read` gives its bytes and content type to channels that want those."""

    url: str
    read: Callable[[], tuple[bytes, str]]


@dataclass(frozen=True)
class Goods:
    """What is to be sold, in the words of the channel: `category`, `condition` and `aspects` are its own ids or words.

    `quantity` is what this channel may offer. `external_id` and `offer_id` are what the channel called it before;
    `may_exist=False` promises that nobody ever tried to publish it there, which spares a look where looking is dear.
    """

    sku: str
    title: str
    description: str
    price: Amount
    quantity: int
    category: str
    condition: str
    brand: str = ""
    ean: str = ""
    aspects: Mapping[str, str] = field(default_factory=dict)
    pictures: tuple[Picture, ...] = ()
    external_id: str = ""
    offer_id: str = ""
    may_exist: bool = True


@dataclass(frozen=True)
class Placed:
    """What stands, or may stand, on a channel: enough to find it there."""

    sku: str
    external_id: str = ""
    offer_id: str = ""


@dataclass(frozen=True)
class BrowserTask:
    """A request for the merchant's browser to make in their own session; `params` and `payload` are opaque to us."""

    action: Action
    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class BrowserAnswer:
    """What the browser says became of a task; `status` is the HTTP status, where there was one."""

    success: bool
    result: Any = None
    status: int | None = None
    message: str = ""


@dataclass(frozen=True)
class Result:
    """What became of a call. `reason` is a short stable code, `detail` the channel's own words, without secrets.

    `external_id`, `offer_id` and `url` are what the channel calls it, as far as that is known, also after a failure.
    `retry_after` is in seconds, where the channel named a time.
    """

    outcome: Outcome
    external_id: str = ""
    offer_id: str = ""
    url: str = ""
    reason: str = ""
    detail: str = ""
    retry_after: float | None = None
    task: BrowserTask | None = None

    @property
    def permanent(self) -> bool:
        """Whether trying again is of no use before somebody has changed something."""
        return self.outcome in (Outcome.REFUSED, Outcome.CREDENTIALS)


class ListingStatus(StrEnum):
    LIVE = "live"
    DRAFT = "draft"
    ENDED = "ended"


@dataclass(frozen=True)
class RemoteListing:
    """A listing as the channel has it; `sku` is empty where the merchant made it by hand without one."""

    external_id: str
    sku: str
    title: str
    status: ListingStatus
    quantity: int
    price: Amount | None = None
    offer_id: str = ""
    url: str = ""


@dataclass(frozen=True)
class RemoteLine:
    external_id: str
    sku: str
    listing_id: str
    title: str
    quantity: int
    unit_price: Amount


@dataclass(frozen=True)
class RemoteOrder:
    """What a buyer bought there. An order that is not paid yet may still go away by itself."""

    external_id: str
    ordered_at: datetime
    buyer: str
    total: Amount
    lines: tuple[RemoteLine, ...]
    is_paid: bool = True
    is_sent: bool = False
    is_cancelled: bool = False


@dataclass(frozen=True)
class RemoteMessage:
    external_id: str
    sender: str
    text: str
    sent_at: str = ""


Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """A part of a list. With `DONE`, `cursor` is where the next call goes on; `more` says that it should at once.

    A cursor is kept only once the rows before it are: rows may come twice, none is left out.
    """

    result: Result
    rows: tuple[Row, ...] = ()
    cursor: str = ""
    more: bool = False


class ChannelError(Exception):
    """A call that did not do what it should; `permanent` as in `Result`."""

    def __init__(self, outcome: Outcome, reason: str, detail: str = "", *, retry_after: float | None = None) -> None:
        self.outcome, self.reason, self.detail, self.retry_after = outcome, reason, detail, retry_after
        super().__init__(f"{outcome}: {reason}")

    @property
    def permanent(self) -> bool:
        return self.result().permanent

    def result(self, placed: Placed | None = None) -> Result:
        """As the answer of a method; `placed` is what is known of the listing by now."""
        return Result(
            self.outcome,
            external_id=placed.external_id if placed else "",
            offer_id=placed.offer_id if placed else "",
            reason=self.reason,
            detail=self.detail,
            retry_after=self.retry_after,
        )


class Channel(Protocol):
    """`oauth` is how merchants let us act there, None where there are no tokens. `can` names the methods that the
    channel has; the others answer `REFUSED` with `unsupported`. None ever raises for what the channel or the network
    does.

    `requires` are the settings of a connection without which nothing is published, `accepts` all that it knows.
    """

    name: str
    oauth: "OAuth | None"
    can: frozenset[Action]
    requires: frozenset[str]
    accepts: frozenset[str]

    def publish(self, seller: Seller, goods: Goods) -> Result:
        """One live listing of these goods, made or brought up to date."""

    def update(self, seller: Seller, goods: Goods) -> Result:
        """Price and quantity of a live listing. `REFUSED` with `not_listed` where there is none."""

    def withdraw(self, seller: Seller, placed: Placed) -> Result:
        """No live listing of that SKU any more; where there was none, that is `DONE`, too."""

    def find(self, seller: Seller, sku: str) -> Page[RemoteListing]:
        """Every listing of that SKU, live ones first; no rows where there is none."""

    def sync(self, seller: Seller, cursor: str) -> Page[RemoteListing]:
        """What the account has listed, page by page; an empty cursor begins anew, `more` is false on the last page."""

    def orders(self, seller: Seller, cursor: str) -> Page[RemoteOrder]:
        """What was bought since the cursor, oldest first; an empty cursor begins with the last days."""

    def fulfil(self, seller: Seller, order_id: str, line_ids: tuple[str, ...]) -> Result:
        """The order was sent. None of the channels lets an order be cancelled: the merchant does that there."""

    def messages(self, seller: Seller, cursor: str) -> Page[RemoteMessage]:
        """What buyers wrote since the cursor."""


class BrowserChannel(Channel, Protocol):
    """A channel whose methods answer `IN_BROWSER`: what the browser then says is read by `read`."""

    def read(self, action: Action, answer: BrowserAnswer) -> Page[Any]:
        """What the answer means: the `result` of the action, and its rows where it has some."""
