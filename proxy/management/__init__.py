"""Rules of the management plane: what keys, teams, users, ... are, and what changing them means. No HTTP here."""
