"""The management API: ``table.py`` lists its operations; each family of endpoints is one file of functions.

The files are imported when one of their operations is first called, or at the start of a gateway with a database.
"""
