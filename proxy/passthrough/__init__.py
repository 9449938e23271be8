"""Pass-through: calls that go to a vendor as they came, with the gateway's credential in place of the caller's.

``routes`` says which paths there are, ``vendors`` and its neighbours where each leads, ``headers``, ``addresses`` and
``members`` what may go along; ``usage`` and ``prices`` what a call has cost.
"""
