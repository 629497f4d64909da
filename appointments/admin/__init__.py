"""Appointments in the back office: registered by importing the modules below."""

from appointments.admin import booking, lists, people

__all__ = ["booking", "lists", "people"]
