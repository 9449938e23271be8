"""Stand-in for the reference's callback class."""

from proxy.compat.custom_logger import CustomLogger

__all__ = ["CustomLogger"]
