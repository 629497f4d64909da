"""Paid over the counter of the pharmacy."""
