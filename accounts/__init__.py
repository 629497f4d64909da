"""People, their prepaid credits and the ledger that explains every one of them."""
