"""A gateway that takes no money, for development and tests."""
