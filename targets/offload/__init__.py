"""Lists of entries of which some lie in a device: what a device does with the frames that it leaves to others, and what
a target has to tell of its artifacts so that the division can be judged."""

from .device import DEFAULT_DEVICE, Device
from .entries import Entry, KeyUse, Needs, Offloads, held, inside
from .profile import Profile, Table, read_profile, shipped, shipped_profile

__all__ = [
    "DEFAULT_DEVICE", "Device", "Entry", "KeyUse", "Needs", "Offloads", "Profile", "Table", "held", "inside",
    "read_profile", "shipped", "shipped_profile",
]  # fmt: skip
