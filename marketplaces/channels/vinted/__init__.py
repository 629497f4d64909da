"""Vinted: no public API; what is to be done is done in the merchant's own browser, which asks for work."""
