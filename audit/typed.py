"""What names a person beside events that are about nobody: terms that staff searched for, addresses somebody typed."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings

from accounts.models import User
from audit.enums import Action
from audit.models import EventPersonal
from catalog.text import words
from common.phones import InvalidPhone, to_e164

# Shorter ones begin too many names to name anybody; whole they count.
_SHORTEST = 3
# Digits: as few as a search for a phone number takes, and a number without its country.
_FEWEST, _NATIONAL = 4, 8
_WITH_ADDRESS = (Action.USER_SIGN_IN_FAILED, Action.USER_SIGN_IN_LOCKED, Action.MERCHANT_MEMBER_INVITED)


class Names:
    """What a person is and was called: words of the names and of the address before its @, phones, addresses."""

    def __init__(self, user: User) -> None:
        self.words: set[str] = set()
        self.phones: set[str] = set()
        self.emails: set[str] = set()
        own = {name: getattr(user, name) for name in ("email", "first_name", "last_name", "phone")}
        for called in (own, *_former(user.pk)):
            email = called.get("email", "")
            names = (called.get("first_name", ""), called.get("last_name", ""), email.partition("@")[0])
            self.words.update(word for text in names for word in words(text))
            self.phones.update(filter(None, [called.get("phone", "")]))
            self.emails.update(filter(None, [email]))

    def are_meant_by(self, term: str) -> bool:
        """Whether the term is, begins or contains one of them; rather once too often than once too seldom."""
        if any(_is_beginning(one, other) for one in words(term) for other in self.words):
            return True
        return any(_is_same_number(term, phone) for phone in self.phones)


def typed_about(user: User) -> Iterator[str]:
    """The commitments of the events whose personal values name this person, though the events are about nobody."""
    names = Names(user)
    rows = EventPersonal.objects.filter(event__action=Action.LIST_READ).exclude(values={})
    for commitment, values in rows.values_list("event_id", "values").iterator(chunk_size=2000):
        if any(names.are_meant_by(term) for term in _texts(values)):
            yield str(commitment)
    typed = EventPersonal.objects.filter(event__action__in=_WITH_ADDRESS, values__email__in=sorted(names.emails))
    yield from map(str, typed.values_list("event_id", flat=True))


def _former(user_id: int) -> Iterator[dict[str, Any]]:
    """What they were called before, from the events of their profile."""
    changed = EventPersonal.objects.filter(
        event__entity="user", event__entity_id=str(user_id), event__action=Action.USER_PROFILE_CHANGED
    )
    for values in changed.values_list("values", flat=True):
        yield from (values.get(side, {}) for side in ("old", "new"))


def _texts(values: Any) -> Iterator[str]:
    if isinstance(values, str):
        yield values
    elif isinstance(values, dict | list):
        for each in values.values() if isinstance(values, dict) else values:
            yield from _texts(each)


def _is_beginning(one: str, other: str) -> bool:
    if min(len(one), len(other)) < _SHORTEST:
        return one == other
    return one.startswith(other) or other.startswith(one)


def _is_same_number(term: str, phone: str) -> bool:
    digits = _digits(term)
    if len(digits) < _FEWEST:
        return False
    try:
        return to_e164(term, region=settings.PHONE_REGION) == phone
    except InvalidPhone:
        significant = digits.lstrip("0")
        return bool(significant) and (significant in phone or phone[-_NATIONAL:] in digits)


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())
