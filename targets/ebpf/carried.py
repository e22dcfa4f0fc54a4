"""What goes along with a packet that comes back to the program's beginning, in the element of
:data:`.artifact.passes.CARRIED`: how the packet comes back, and the fields that its next pass reads.

The first four bytes hold the kind of pass as the architecture numbers it, in host order: v1model's ``instance_type``,
PSA's ``packet_path``, PNA's ``pass``. Behind it lie the fields, each at a multiple of its size, as the stack has them:
1, 2, 4 or 8 bytes in host order, or 64-bit limbs, lowest first. v1model carries what is in any ``@field_list``, because
all else is undefined in the next pass; PSA what its resubmission metadata holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ...semantics import ir
from ..base import CannotOffload
from .layout import scalar_width

KIND_BYTES: Final = 4
VALID: Final = "$valid"
"""What the validity of a header is called."""
RESUBMITTED: Final = {"v1model": 6, "psa": 5}
"""Architecture → the kind of a pass of a resubmitted packet (BMv2's ``simple_switch.h``; ``PSA_PacketPath_t``)."""
RECIRCULATED: Final = {"v1model": 4}
_KINDS: Final = {"v1model": ("instance_type", 32), "psa": ("packet_path", 8), "pna": ("pass", 3)}
"""Architecture → the input that says what kind of pass it is, and its bits."""


@dataclass(frozen=True, slots=True)
class Part:
    """A value that goes along."""

    name: str
    """Of the input of the next pass, as in ``in.NAME``."""
    width: int
    """In bits."""
    offset: int
    """Of its place in the element, in bytes."""
    size: int
    """Of its place, in bytes."""


@dataclass(frozen=True, slots=True)
class Carried:
    """All that goes along: the kind of pass first."""

    kind: Part
    parts: tuple[Part, ...]

    @property
    def size(self) -> int:
        """Bytes of the element: a multiple of 8."""
        end = max(part.offset + part.size for part in (self.kind, *self.parts))
        return (end + 7) // 8 * 8


def carried(program: ir.Program) -> Carried:
    """What goes along in ``program``, of v1model, PSA or PNA.

    Raises:
        CannotOffload: a field that is no number, or the program's package is not that of its architecture.
    """
    name, width = _KINDS[program.arch]
    kind, at = Part(name, width, 0, KIND_BYTES), KIND_BYTES
    parts = []
    for path, type_ in _fields(program):
        bits = scalar_width(type_)
        if bits is None:
            raise CannotOffload(f"metadata {path} that goes with a packet that comes back, and is no number")
        if bits:
            size = place_bytes(bits)
            at = -(-at // min(size, 8)) * min(size, 8)
            parts.append(Part(path, bits, at, size))
            at += size
    return Carried(kind, tuple(parts))


def place_bytes(width: int) -> int:
    """Bytes of the place of ``width`` bits."""
    return next((size for size in (1, 2, 4) if width <= 8 * size), (width + 63) // 64 * 8)


def _fields(program: ir.Program) -> Iterator[tuple[str, ir.Type]]:
    """The names and types of the fields, and of the validity of headers, without structs."""
    assert program.main is not None
    given = dict(program.package(program.main).args)
    if program.arch == "v1model" and isinstance(given.get("p"), str):
        yield from _listed("meta", program.parser(str(given["p"])).params[2].type, all_of_it=False)
    elif program.arch == "psa" and isinstance(given.get("ingress"), str):
        ingress = dict(program.package(str(given["ingress"])).args)
        yield from _listed("resubmit_meta", program.parser(str(ingress["ip"])).params[4].type, all_of_it=True)


def _listed(path: str, type_: ir.Type, *, all_of_it: bool) -> Iterator[tuple[str, ir.Type]]:
    bare = ir.bare(type_)
    if not isinstance(bare, ir.StructType | ir.HeaderType) or (isinstance(bare, ir.HeaderType) and not all_of_it):
        if all_of_it:
            yield path, type_
        return
    if isinstance(bare, ir.HeaderType):
        yield f"{path}.{VALID}", ir.BOOL
    for field in bare.fields:
        listed = all_of_it or any(annotation.name == "field_list" for annotation in field.annotations)
        yield from _listed(f"{path}.{field.name}", field.type, all_of_it=listed)


__all__ = ["RECIRCULATED", "RESUBMITTED", "VALID", "Carried", "Part", "carried", "place_bytes"]
