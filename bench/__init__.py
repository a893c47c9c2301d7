"""Benchmarks and their load generator. Run them by hand or with `make bench`; no test measures time."""
