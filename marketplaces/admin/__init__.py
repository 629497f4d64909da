from marketplaces.admin import attributes, connections, items, jobs, merchants, orders, plans

__all__ = ["attributes", "connections", "items", "jobs", "merchants", "orders", "plans"]
