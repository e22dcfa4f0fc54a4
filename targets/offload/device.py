"""What becomes of frames that the entries in a device do not finish."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

Rest = Literal["software", "forwarded"]
"""``software``: the frame comes to the software list, as the device has left it. ``forwarded``: the device goes on as a
switch does, and software never sees the frame: it counts as passed on."""

Order = Literal["software", "none"]
"""``none``: of entries that match one frame nobody knows which the device takes."""


@dataclass(frozen=True, slots=True)
class Device:
    """The ways of a frame out of the entries in a device.

    ``misses``: no entry of the first chain has matched. ``passes``: an entry has matched, and lets the frame pass.
    ``chain_miss``: an entry has sent the frame to another chain, where none matches; software ``resumes`` there (the
    driver hands the chain over, ``tc_skb_ext`` of ``include/linux/skbuff.h``) or ``restarts`` at its beginning; None:
    not known. ``order``: whether entries are tried in software's order, or their priorities are not told to the device.
    What a device traps always comes to the beginning of the software list.
    """

    misses: Rest = "software"
    passes: Rest = "software"
    chain_miss: Literal["resumes", "restarts"] | None = None
    order: Order = "software"

    def told(self) -> Iterator[str]:
        """In words, for the notes of a verdict."""
        where = {"software": "comes to software", "forwarded": "goes on in the device, unseen by software"}
        yield f"a frame that no entry in the device matches {where[self.misses]}"
        yield f"a frame that an entry in the device lets pass {where[self.passes]}"
        if self.order == "none":
            yield "the device is not told which of two entries comes first"
        if self.chain_miss is not None:
            yield f"after a miss in a further chain of the device software {self.chain_miss}"


DEFAULT_DEVICE: Final = Device()
"""A NIC whose driver gives software all that the hardware does not finish: what the kernel's own flags are made for."""
