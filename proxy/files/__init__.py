"""Files and batches: the accounts of vendors that they are in, their ids, and what a batch will take of its caller's limits."""
