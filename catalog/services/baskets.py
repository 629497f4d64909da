"""Who has a whole basket, and where to go for it: looked up first, charged when somebody has answered."""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.enums import PricedAction
from accounts.exceptions import AccountDisabled, InsufficientCredits
from accounts.models import User
from accounts.selectors import account_of, action_price
from accounts.services import ledger
from catalog.availability import Area, Offer, has_local_pharmacies, offers
from catalog.enums import OfferSource
from catalog.exceptions import UnknownProduct
from catalog.generics import generics_of
from catalog.models import SearchEntry
from catalog.planning import Plan, Shop, plan
from catalog.selectors import Row
from common.errors import FieldError

LABEL = _("Disponibilité d'un panier")
# Further than any pharmacy: who has no position comes last.
_NOWHERE_METRES = 10**9


@dataclass(frozen=True)
class PharmacyOffers:
    """What one pharmacy has of a basket: product code → offer; `generics`: the code of what each would replace → offer.

    A generic is offered where the pharmacy cannot serve the product itself.
    """

    pharmacy: Row
    offers: Mapping[str, Offer]
    generics: Mapping[str, Offer]

    def serving(self, code: str) -> Offer | None:
        """What a plan buys here for the line of that product."""
        return self.generics.get(code) or self.offers.get(code)

    def missing(self, lines: Iterable[str]) -> list[str]:
        """The products of the basket that this pharmacy does not have, or says nothing of."""
        return [
            code
            for code in lines
            if code not in self.generics and ((own := self.offers.get(code)) is None or own.quantity == 0)
        ]


@dataclass(frozen=True)
class BasketCheck:
    """`lines` is product code → units; the stops of `plans` are numbers of `pharmacies`, their lines of `lines`."""

    lines: Mapping[str, int]
    pharmacies: Sequence[PharmacyOffers]
    plans: Sequence[Plan]
    exact: bool
    is_answered: bool
    area: Area


def look_up(user: User, basket: Sequence[tuple[str, int]], area: Area, *, accept_generics: bool = False) -> BasketCheck:
    """Ask everybody in the area about a basket (product code and units of each line). Changes nothing.

    With `accept_generics` another product of the same substance, form, strength and pack may stand in for one that a
    pharmacy cannot serve (`catalog.generics`).

    Raises `AccountDisabled` (403), `InsufficientCredits` (402), and `UnknownProduct` (404) naming every line.
    """
    _require_funds(user)
    _require_known(basket)
    lines: dict[str, int] = {}
    for code, units in basket:
        lines[code] = lines.get(code, 0) + units
    # Asked before anybody waits for EPG: afterwards there may be no connection.
    is_answered = has_local_pharmacies(area)
    generics = generics_of(lines) if accept_generics else {}
    codes = {*lines, *(code for others in generics.values() for code in others)}
    by_pharmacy: dict[str, dict[str, Offer]] = {}
    for offer in offers(codes, area):
        is_answered = is_answered or offer.source != OfferSource.STALE
        by_pharmacy.setdefault(offer.pharmacy["code"], {})[offer.product] = offer
    pharmacies = [
        each for found in by_pharmacy.values() if (each := _of_pharmacy(found, lines, generics)).offers or each.generics
    ]
    planned = plan(len(lines), [_shop(each, lines, area) for each in pharmacies], seconds=settings.PLANNING_SECONDS)
    return BasketCheck(lines, pharmacies, planned.plans, planned.exact, is_answered, area)


def charge(user: User, check: BasketCheck) -> int:
    """Take the credits for a check that somebody answered, once for the basket. Returns how many.

    Raises `InsufficientCredits` (402), `AccountDisabled` (403).
    """
    credits = action_price(PricedAction.CHECK_AVAILABILITY) if check.is_answered else 0
    ledger.spend(user.pk, credits, reference=f"availability:{uuid.uuid4()}", label=str(LABEL), by=user)
    return credits


def _require_funds(user: User) -> None:
    account = account_of(user.pk)
    if not account.is_active:
        raise AccountDisabled
    if account.credit < action_price(PricedAction.CHECK_AVAILABILITY):
        raise InsufficientCredits


def _require_known(basket: Sequence[tuple[str, int]]) -> None:
    codes = {code for code, _units in basket}
    unknown = codes - set(SearchEntry.objects.filter(code__in=codes, is_active=True).values_list("code", flat=True))
    if unknown:
        raise UnknownProduct(
            errors=[
                FieldError(f"lines.{index}.product", UnknownProduct.code, UnknownProduct.detail, {"product": code})
                for index, (code, _units) in enumerate(basket)
                if code in unknown
            ]
        )


def _of_pharmacy(
    found: Mapping[str, Offer], lines: Mapping[str, int], generics: Mapping[str, Sequence[str]]
) -> PharmacyOffers:
    """What was asked for where it can be served, else the cheapest generic of which there are boxes enough.

    No generic is a product of the basket itself, and its boxes are counted once, whatever lines they serve.
    """
    own = {code: found[code] for code in lines if code in found}
    chosen: dict[str, Offer] = {}
    taken: Counter[str] = Counter()
    for code, units in lines.items():
        if code in own and _price(own[code], units) is not None:
            continue
        able = [
            (price, other)
            for other in generics.get(code, ())
            if other in found and (price := _price(found[other], units + taken[other])) is not None
        ]
        if able:
            _price_of_one, other = min(able)
            chosen[code] = found[other]
            taken[other] += units
    return PharmacyOffers(next(iter(found.values())).pharmacy, own, chosen)


def _price(offer: Offer, units: int) -> int | None:
    """Of one box, where a plan may count on so many: enough boxes, or some where EPG tells no number."""
    if offer.currency != settings.CURRENCY or not (offer.quantity is None or offer.quantity >= units):
        return None
    return offer.price


def _shop(found: PharmacyOffers, lines: Mapping[str, int], area: Area) -> Shop:
    """What a plan may count on."""
    metres = 0
    if area.near is not None:
        distance = found.pharmacy["distance_km"]
        metres = _NOWHERE_METRES if distance is None else round(distance * 1000)
    prices = {}
    for number, (code, units) in enumerate(lines.items()):
        offer = found.serving(code)
        price = None if offer is None else _price(offer, units)
        if price is not None:
            prices[number] = price * units
    return Shop(metres, bool(found.pharmacy["always_open"]), prices)
