"""Installs and starts the pinned Python reference gateway. Needs nothing but Python's standard library."""
