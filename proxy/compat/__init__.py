"""Users' own Python files, written for the reference, run here without a change.

``loading`` finds and loads them; ``standins/`` holds what they import: one file for each public module of the
reference (and of FastAPI) that such files use, so the directory listing is the list of what is offered. The real
packages win when they are installed.
"""
