"""Where a parser stands, as far as it is known when the code is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from ....semantics import ir
from ...base import CannotOffload
from ..artifact import Label
from .frame import SIZE, VALID, Ref, parts

if TYPE_CHECKING:
    from .gen import Gen

OUT_OF_BOUNDS: Final = "StackOutOfBounds"
KNOWN_OF_HEADERS: Final = (f".{VALID}", f".{SIZE}")
"""How the paths of leaves end about which a point knows something."""


@dataclass
class ParsePoint:
    """Where a parser stands, as far as it is known when the code is made."""

    tagged: bool
    on_reject: Callable[[ParsePoint, str | None], Label]
    """The label to go to with an error (None: ``transition reject``)."""
    cursor: int = 0
    """In bits from the start of the frame on the wire."""
    next_index: dict[str, int] = field(default_factory=dict)
    """Path of each header stack → its next index (absent: 0)."""
    valid: frozenset[str] | None = frozenset()
    """Paths of the headers that were extracted; None: nobody asks."""
    sizes: dict[str, int] = field(default_factory=dict)
    """Path of each varbit that was extracted → its bits; empty where nobody asks."""
    starts: dict[str, int] = field(default_factory=dict)
    """Path of each header that was extracted → where in the frame, in bits; empty where nobody asks."""
    visits: dict[tuple[int, str, int | None], int] = field(default_factory=dict)
    """How many states of each loop the packet came through, where that is bounded: by frame, one of the states, and
    where in the frame (None: anywhere)."""
    dead: bool = False
    """The code has gone to an error for certain; nothing behind it is reached."""

    def copy(self) -> ParsePoint:
        """An independent copy."""
        return replace(
            self, next_index=dict(self.next_index), sizes=dict(self.sizes), starts=dict(self.starts),
            visits=dict(self.visits),
        )  # fmt: skip

    @classmethod
    def of(cls, g: Gen, on_reject: Callable[[ParsePoint, str | None], Label]) -> dict[bool, ParsePoint]:
        """The points at which frames begin, for each variant of the hook."""
        valid = None if g.forgets == "all" else frozenset[str]()
        return {tagged: cls(tagged, on_reject, valid=valid) for tagged in g.hook.variants}

    @property
    def known(self) -> tuple[object, ...]:
        """What tells two points apart."""
        found = (tuple(sorted(each.items())) for each in (self.next_index, self.sizes, self.starts))
        return (self.tagged, self.cursor, self.valid, *found, tuple(self.visits.items()))

    def fail(self, error: str) -> Label:
        """Where to go with this error."""
        return self.on_reject(self, error)

    def stack_element(self, g: Gen, stack: Ref, part: ir.Member) -> Ref | None:
        """``stack.next`` or ``stack.last``; out of bounds the code goes to the parser's error."""
        elements = parts(stack.type, stack)
        index = self.next_index.get(stack.path, 0) - (part.name == "last")
        if part.name not in ("next", "last"):
            raise CannotOffload(f".{part.name} of a header stack", part.span)
        if 0 <= index < len(elements):
            return elements[index]
        if g.conditional:
            raise CannotOffload("a header stack that may be out of bounds inside a condition", part.span)
        g.asm.goto(self.fail(OUT_OF_BOUNDS))
        self.dead = True
        return elements[0]  # only code that nothing reaches is made with it

    def last_index(self, stack: Ref) -> int:
        """``stack.lastIndex``."""
        return self.next_index.get(stack.path, 0) - 1


def rename(point: ParsePoint, source: Ref, target: Ref) -> None:
    """What is known of ``source`` and its parts holds of ``target``, to which it was copied (path "": everything
    invalid). A header or stack of which ``target`` is a part stays as valid, and where it was extracted."""
    if source.path == target.path:
        return

    def moved(path: str) -> str | None:
        if not source.path or not source.holds(path):
            return None
        return target.path + path[len(source.path) :]

    def kept(path: str) -> bool:
        return not target.holds(path)

    for known in (point.next_index, point.sizes, point.starts):
        gone = {new: value for path, value in known.items() if (new := moved(path)) is not None}
        stays = {path: value for path, value in known.items() if kept(path)}
        known.clear()
        known.update(stays | gone)
    if point.valid is not None:
        valid = frozenset(new for path in point.valid if (new := moved(path)) is not None)
        point.valid = frozenset(filter(kept, point.valid)) | valid


__all__ = ["KNOWN_OF_HEADERS", "OUT_OF_BOUNDS", "ParsePoint", "rename"]
