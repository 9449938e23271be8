"""tools/gate: holds what the matrix declares to what the contracts show."""
