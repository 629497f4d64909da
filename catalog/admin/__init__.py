"""The catalogue in the back office, a module a noun."""

from catalog.admin import pharmacies, prices, products, stock

__all__ = ["pharmacies", "prices", "products", "stock"]
