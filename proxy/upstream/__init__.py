"""How the gateway reaches vendors: the pooled HTTP client of the hot path and the framing of event streams."""
