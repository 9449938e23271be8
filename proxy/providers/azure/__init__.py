"""OpenAI's API as Azure offers it."""
