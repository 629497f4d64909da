"""Amounts are whole numbers of the currency's smallest unit; XAF has none below the franc."""

from decimal import ROUND_HALF_UP, Decimal

XAF = "XAF"

# Nothing has a larger price, and nobody is given more credits at once: sums of such amounts stay far from the end of a
# bigint, and a slip of the finger stays small.
MAX_PRICE = 10**9
MAX_CREDITS = 10**9
# Nobody pays more at once, and what is given back is never more.
MAX_AMOUNT = 10**12

# Fixed parity of the CFA franc (BEAC) since 1 January 1999.
XAF_PER_EUR = Decimal("655.957")


def eur_to_xaf(amount: Decimal, *, step: int = 5) -> int:
    """Euros to whole francs at the fixed parity, rounded half up to a multiple of `step` (the smallest coin)."""
    return int((amount * XAF_PER_EUR / step).quantize(Decimal(1), rounding=ROUND_HALF_UP)) * step
