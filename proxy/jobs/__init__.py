"""Periodic work of a gateway with a database, done by one replica at a time."""
