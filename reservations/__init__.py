"""Reserve, pay, collect: what the house exists for."""
