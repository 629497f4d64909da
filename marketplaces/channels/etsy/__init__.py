"""Etsy: listings, inventory and receipts of the Open API v3, for merchants who let us act by OAuth with PKCE."""
