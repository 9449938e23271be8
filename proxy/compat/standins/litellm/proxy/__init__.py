"""Stand-in for the reference's proxy package."""
