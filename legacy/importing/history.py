"""How many credits the old events explain, at most.

The old service opened every account with ten credits. A pack that was bought adds the credits of the rate that it
names, or else of the largest rate of that price; a pack of no known price adds none. Events do not say how much was
spent: each took one credit at least. Who has more than what is left has more than anything explains.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from legacy.actions import SUBSCRIPTION
from legacy.importing.batches import ACCOUNTS, RATES
from legacy.importing.reference import Pack
from legacy.importing.source import Movement
from legacy.importing.values import whole

WELCOME = 10
SPENT = "Consommation de crédit"
ACTIONS = [SUBSCRIPTION, SPENT]


def explained_credits(
    movements: Iterable[Movement], packs: Iterable[Pack], owners: Mapping[int, int | None]
) -> dict[int, int]:
    """By old user; whoever is missing has `WELCOME`. `owners` are the users of the old accounts."""
    by_id = {str(pack.old_id): pack.credits for pack in packs}
    by_price: dict[int, int] = {}
    for pack in packs:
        by_price[pack.price] = max(by_price.get(pack.price, 0), pack.credits)
    found: dict[int, int] = defaultdict(lambda: WELCOME)
    for movement in movements:
        user = _whose(movement, owners)
        if user is None:
            continue
        if movement.action == SPENT:
            found[user] -= movement.times
        elif movement.entity == RATES and movement.entity_id in by_id:
            found[user] += movement.times * by_id[movement.entity_id]
        else:
            price, _had_decimals = whole(movement.amount)
            found[user] += movement.times * by_price.get(price or 0, 0)
    return {user: max(credits, 0) for user, credits in found.items()}


def _whose(movement: Movement, owners: Mapping[int, int | None]) -> int | None:
    """Of an event that names an account it is that account's user; of every other one whoever acted."""
    named = movement.entity_id or ""
    if movement.entity == ACCOUNTS and named.isdecimal():
        return owners.get(int(named))
    return movement.current_user_id
