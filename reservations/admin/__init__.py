"""Reservations, and what EPG was asked for, for staff and pharmacists: changed by actions only."""

from reservations.admin import epg_requests, reservations

__all__ = ["epg_requests", "reservations"]
