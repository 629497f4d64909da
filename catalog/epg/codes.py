"""Product codes as EPG knows them."""

import re

_CIP = re.compile(r"[0-9]{7}|[0-9]{13}")
# A CIP13 is an EAN-13 with this prefix; its digits 6 to 12 are the CIP7.
_PREFIX = "34009"


def is_cip(code: str) -> bool:
    """Whether EPG can be asked about it: 7 or 13 digits. House codes stay with the local stock."""
    return _CIP.fullmatch(code) is not None


def cip_key(code: str) -> str:
    """One key for the CIP7 and the CIP13 of a presentation; another EAN is its own."""
    return code[5:12] if len(code) == 13 and code.startswith(_PREFIX) else code
