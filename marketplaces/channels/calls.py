"""What the channels' clients share: an answer is what was asked for, or a `ChannelError` says what follows."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import quote

from django.conf import settings

from common.http import Answer, Busy, Client, NotReached, UnknownOutcome
from common.links import is_web_address
from marketplaces.channels.base import Action, Channel, ChannelError, Outcome, Page, Result, Seller

LONGEST_DETAIL = 500
LONGEST_ADDRESS = 500
Content = TypeVar("Content")


def new_client(name: str, url: str, headers: Mapping[str, str] | None = None) -> Client:
    """A pooled client with the channels' time-outs."""
    return Client(
        name,
        url,
        connect=settings.CHANNEL_CONNECT_SECONDS,
        read=settings.CHANNEL_READ_SECONDS,
        deadline=settings.CHANNEL_DEADLINE_SECONDS,
        headers=headers,
    )


def sent(call: Callable[[], Answer], *, reads: bool) -> Answer:
    """The channel's answer, whatever it says. What only `reads` can be asked again, whatever became of it.

    Raises `ChannelError`: `LATER` where nothing was done, `UNKNOWN` where nobody can tell.
    """
    try:
        answer = call()
    except Busy as error:
        raise ChannelError(Outcome.LATER, "rate_limited", retry_after=error.retry_after) from error
    except NotReached as error:
        raise ChannelError(Outcome.LATER, "not_reached", str(error)) from error
    except UnknownOutcome as error:
        raise unclear(str(error), reads=reads) from error
    if 300 <= answer.status < 400:
        # A redirect is never followed, and what stands in it is no answer.
        raise unclear(f"HTTP {answer.status}", reads=reads)
    return answer


def unclear(detail: str, *, reads: bool) -> ChannelError:
    """Nobody can tell what the channel did; where there was nothing to do, it is asked again."""
    return ChannelError(Outcome.LATER if reads else Outcome.UNKNOWN, "unreadable" if reads else "no_answer", detail)


def fields(value: Any, *, reads: bool) -> Mapping[str, Any]:
    """The object of an answer. Raises `ChannelError` where it is none."""
    if not isinstance(value, dict):
        raise unclear("not an object", reads=reads)
    return value


def rows(value: Any, name: str) -> list[Mapping[str, Any]]:
    """The objects of a list that was asked for. Raises `ChannelError` where it is none."""
    found = fields(value, reads=True).get(name)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise unclear(f"{name} is no list", reads=True)
    return found


def text(value: Any, longest: int = 200) -> str:
    """A field as text that every database can store; empty where there is none."""
    if not isinstance(value, str | int) or isinstance(value, bool):
        return ""
    return str(value).replace("\x00", "").encode("utf-8", "ignore").decode()[:longest]


def address(value: Any) -> str:
    """A field as the address of a page that people may be sent to; empty for a script, and for whatever else it is."""
    url = text(value, LONGEST_ADDRESS + 1).strip()
    return url if len(url) <= LONGEST_ADDRESS and is_web_address(url) else ""


def segment(value: str) -> str:
    """A channel's number as a part of a path, whatever stands in it."""
    return quote(value, safe="")


def whole(value: Any) -> int:
    """A quantity: 0 where it is none."""
    return value if type(value) is int and 0 <= value < 10**9 else 0


def shortened(value: str, longest: int) -> str:
    """At most so many characters, ending with a whole word where that costs little."""
    if len(value) <= longest:
        return value
    cut = value[:longest].rsplit(" ", 1)[0]
    return cut if len(cut) >= longest * 2 // 3 else value[:longest]


def require_settings(channel: Channel, seller: Seller) -> None:
    """Raises `ChannelError` (`settings_missing`) where the connection lacks what publishing needs."""
    missing = sorted(name for name in channel.requires if not seller.settings.get(name))
    if missing:
        raise ChannelError(Outcome.REFUSED, "settings_missing", ", ".join(missing))


def unsupported(channel: Channel, action: Action) -> Result:
    return Result(Outcome.REFUSED, reason="unsupported", detail=f"{channel.name}: {action}")


def paged(method: Callable[..., Page[Content]]) -> Callable[..., Page[Content]]:
    """A method whose failures become the `result` of an empty page."""

    @wraps(method)
    def answering(*args: Any, **kwargs: Any) -> Page[Content]:
        try:
            return method(*args, **kwargs)
        except ChannelError as error:
            return Page(error.result())

    return answering


def told(method: Callable[..., Result]) -> Callable[..., Result]:
    """A method whose failures become its answer."""

    @wraps(method)
    def answering(*args: Any, **kwargs: Any) -> Result:
        try:
            return method(*args, **kwargs)
        except ChannelError as error:
            return error.result()

    return answering
