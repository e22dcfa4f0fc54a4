"""Maps of maps in the kernel, with the maps that lie in them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack

from ..artifact import MapDef
from ..artifact.program import INNER, NUMBER_BYTES
from .kernel import KernelMap

Tables = Mapping[str, Iterable[tuple[bytes, bytes]]]


def load_nested(item: MapDef, inner: MapDef, tables: Tables, stack: ExitStack) -> KernelMap:
    """Map of maps ``item``, whose maps are like ``inner``; all are closed with ``stack``.

    Args:
        item: the outer map.
        inner: what those in it are like.
        tables: under the name of ``item`` elements of a key and the number of a map (4 bytes, highest first), and
            under that name and :data:`INNER` a number with a key behind it, and the value there in that map.
        stack: what closes them.

    Raises OSError.
    """
    with KernelMap(inner) as like:  # the kernel looks only at what it is like
        made = stack.enter_context(KernelMap(item, inner=like))
    held: dict[bytes, KernelMap] = {}
    for key, number in tables.get(item.name, ()):
        if number not in held:
            held[number] = stack.enter_context(KernelMap(inner))
        made[key] = held[number].fd.to_bytes(4, sys.byteorder)
    for numbered, value in tables.get(item.name + INNER, ()):
        number, key = numbered[:NUMBER_BYTES], numbered[NUMBER_BYTES:]
        if number in held:
            held[number][key] = value
    return made
