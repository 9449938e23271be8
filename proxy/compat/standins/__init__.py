"""Modules that users' files import by their public names; ``proxy.compat.loading`` puts them on the import path."""
