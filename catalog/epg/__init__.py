"""EPG Supervisor: what the software of many pharmacies says of their stock, and reservations there.

`client` speaks the wire, `adapter` turns answers into outcomes, `availability` asks many pharmacies at once and
remembers what they said. The shapes are those of the vendor's older clients; none of its documentation is public.
"""

from django.conf import settings


def is_on() -> bool:
    """Without `EPG_URL` every pharmacy has local stock only."""
    return bool(settings.EPG_URL)
