"""What cannot be counted."""


class Uncountable(ValueError):
    """A message or a tool has no number of tokens: it is not as it should be, or nobody knows what its like costs."""
