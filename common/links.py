"""Addresses that others tell us and people may click."""

import re

# Browsers read a scheme without regard to case, and skip white space within it: there is none in ours.
_OF_THE_WEB = re.compile(r"https?://[^\s/?#\\]\S*", re.IGNORECASE)


def is_web_address(value: str) -> bool:
    """Whether it leads to a site (`http`, `https`) not to a script (`javascript:`) or data (`data:`)."""
    return _OF_THE_WEB.fullmatch(value) is not None
