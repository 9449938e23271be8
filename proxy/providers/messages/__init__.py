"""Anthropic's format in front of the vendors that speak another."""
