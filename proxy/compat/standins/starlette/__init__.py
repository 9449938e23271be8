"""Stand-in for the Starlette names that users' files import."""
