from marketplaces.admin import attributes, items, jobs, merchants, orders, plans

__all__ = ["attributes", "items", "jobs", "merchants", "orders", "plans"]
