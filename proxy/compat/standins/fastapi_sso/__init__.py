"""Stand-in for the names of fastapi-sso that users' files import."""
