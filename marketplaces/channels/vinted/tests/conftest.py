"""The fixtures of all channels serve here too."""

from marketplaces.channels.tests.conftest import _nobody_remembers, ebay, etsy

__all__ = ["_nobody_remembers", "ebay", "etsy"]
