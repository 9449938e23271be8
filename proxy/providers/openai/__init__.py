"""OpenAI's API, and what all who speak it share."""
