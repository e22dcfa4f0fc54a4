"""The machines: ``find(name)`` gives one, built in or registered by a package of somebody else's.

A vendor's package registers an object of the shape :class:`.base.Target` under the entry point group
``p4verify.targets``; nothing here changes.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import Final

from .base import Target

GROUP: Final = "p4verify.targets"
BUILT_IN: Final = {
    "ebpf": ".ebpf.target",
    "u32": ".u32.target",
    "openflow": ".openflow.target",
    "flower": ".flower.target",
}
"""Name → module, relative to this package, that holds ``TARGET``."""
DEFAULT: Final = ("ebpf", "u32")
"""What programs are lowered to where nobody asks for a target: what the kernel itself runs and offloads. OpenFlow is
asked for by name: its flows are mostly made for plain frames only, an assumption that nobody should get unasked.
Flower filters are read, not made."""


def names() -> list[str]:
    """The built-in targets first, then the registered ones."""
    return [*BUILT_IN, *sorted(e.name for e in entry_points(group=GROUP) if e.name not in BUILT_IN)]


def find(name: str) -> Target:
    """The target called ``name``. Raises KeyError."""
    if name in BUILT_IN:
        target: Target = import_module(BUILT_IN[name], __name__).TARGET
        return target
    for entry in entry_points(group=GROUP):
        if entry.name == name:
            found: Target = entry.load()
            return found
    raise KeyError(name)
