"""Partial offload (``docs/offload.md``): a device that holds some entries of a list, with software behind it, against
software alone; and the largest part of a list that it may hold."""

from .check import Division, check_division
from .largest import Proposal, propose
from .placement import in_device, strangers

__all__ = ["Division", "Proposal", "check_division", "in_device", "propose", "strangers"]
