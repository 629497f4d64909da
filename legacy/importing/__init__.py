"""The old service's rows brought over: `source` reads, `people`, `reference`, `history` and `products` judge, services
of the apps below write. What each dirty row becomes is a rule of `rules`."""
