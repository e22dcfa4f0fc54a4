"""Whether an object is made for frames without VLAN tags, which it says in a section of its own.

At tc ingress the kernel has moved a frame's outer tag out of the data. An object without code for such frames is right
where none come in.
"""

from __future__ import annotations

from typing import Final

from ....semantics.source import Span, Unsupported
from .program import BpfObject

SECTION: Final = "p4verify.untagged"
_YES: Final = b"1"


def section(untagged: bool) -> dict[str, bytes]:
    """The section that says so; none for objects that take any frame."""
    return {SECTION: _YES} if untagged else {}


def declared(obj: BpfObject) -> bool:
    """Whether the object says so.

    Raises:
        Unsupported: the section holds something else.
    """
    text = obj.sections.get(SECTION)
    if text not in (None, _YES):
        raise Unsupported(f"section {SECTION} holds something other than 1", Span(obj.name, 0, 0))
    return text is not None
