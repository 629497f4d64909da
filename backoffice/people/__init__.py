"""One page a person, and the search that finds it."""
