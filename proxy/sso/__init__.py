"""Signing in: with an identity provider (OpenID Connect) or a password, and the session that follows."""
