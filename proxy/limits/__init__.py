"""Rate limits of those who call: requests and tokens in a window of time, and calls at the same time."""
