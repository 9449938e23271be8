"""Stand-in for the reference's integrations package."""
