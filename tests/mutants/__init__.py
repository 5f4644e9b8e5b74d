"""Bugs planted one at a time, and the tests that must notice each; run by hand with `make mutants`."""
