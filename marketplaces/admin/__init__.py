from marketplaces.admin import attributes, items, merchants, orders, plans

__all__ = ["attributes", "items", "merchants", "orders", "plans"]
