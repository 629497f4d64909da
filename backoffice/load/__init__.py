"""A year of an invented business in bulk: what lists, searches, seals and the home page are measured on."""
