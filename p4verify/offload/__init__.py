"""Partial offload (``docs/offload.md``): a device that holds some entries of a list, with software behind it, against
software alone."""

from .check import Division, check_division

__all__ = ["Division", "check_division"]
