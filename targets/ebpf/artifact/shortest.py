"""The shortest frame that an object is made for, which it says in a section of its own.

Ethernet carries no frame of less than 64 bytes with its check sequence (IEEE 802.3, clause 4A.4.2, minFrameSize; the
sender pads), so 60 bytes arrive; Linux's virtual devices carry shorter ones, down to a header. An object that makes
frames shorter may need to know that they stay long enough for the kernel's helpers.
"""

from __future__ import annotations

from typing import Final

from ....semantics.source import Span, Unsupported
from .program import BpfObject

ETH_HLEN: Final = 14
"""No driver hands on a frame without a whole Ethernet header."""
ETH_ZLEN: Final = 60
"""The shortest Ethernet frame without its check sequence (the kernel's if_ether.h)."""
SECTION: Final = "p4verify.min_frame"


def section(shortest: int) -> dict[str, bytes]:
    """The section that says so; none for what any driver promises."""
    return {SECTION: str(shortest).encode()} if shortest != ETH_HLEN else {}


def declared(obj: BpfObject) -> int | None:
    """What the object says; None if it says nothing.

    Raises:
        Unsupported: that is no number of bytes from 14 to 60.
    """
    text = obj.sections.get(SECTION)
    if text is None:
        return None
    number = int(text) if text.isdigit() and len(text) < 4 else 0
    if not ETH_HLEN <= number <= ETH_ZLEN:
        raise Unsupported(f"section {SECTION} holds no number from {ETH_HLEN} to {ETH_ZLEN}", Span(obj.name, 0, 0))
    return number
