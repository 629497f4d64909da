"""The admin of people, credits and prices, by noun."""

from accounts.admin import approvals, credits, groups, people, prices, reviews

__all__ = ["approvals", "credits", "groups", "people", "prices", "reviews"]
