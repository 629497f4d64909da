"""Benchmarks: figures and, above all, ratios of one run on one machine. `make bench` prints them."""
