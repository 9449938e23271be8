"""Stand-in for the reference's types package."""
