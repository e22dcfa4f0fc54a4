"""Meters, as ``ovs-ofctl add-meter`` takes and ``dump-meters`` prints them (``lib/ofp-meter.c`` of Open vSwitch 3.1).

A dump has the meter's head in one line (``meter=1 pktps burst bands=``) and each band in one of its own; the words of
``add-meter`` stand in one line. Flow files and bundles take no meters, so there they are comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final, get_args

from ....semantics.source import Span
from .flows import Band, BandKind, Meter
from .words import Item, Piece, items, number, one_of

COMMENT: Final = "# p4verify meter: "
"""How a meter begins in a flow file or bundle."""
_METER: Final = re.compile(r"\s*meter=")
_BAND: Final = re.compile(r"\s*type=")
_KINDS: Final[Mapping[str, BandKind]] = {kind: kind for kind in get_args(BandKind)}
_IGNORED: Final = ("burst",)


class Meters:
    """The meters of a file, line by line."""

    def __init__(self) -> None:
        self.by_number: dict[int, Meter] = {}
        self._last: int | None = None

    def take(self, line: str, count: int, name: str) -> bool:
        """Whether the line tells of a meter; then it is taken. Raises InputError with its place."""
        start = len(COMMENT) if line.startswith(COMMENT) else 0
        said = line[start:].split("#", 1)[0].rstrip()
        piece = Piece(said, Span(name, count, start + 1, count, start + len(said) + 1), line)
        if _METER.match(said):
            self._meter(piece)
            return True
        if self._last is not None and _BAND.match(said):
            old = self.by_number[self._last]
            self.by_number[self._last] = replace(old, bands=(*old.bands, *_bands(piece, items(piece))))
            return True
        self._last = self._last if not said else None
        return False

    def _meter(self, piece: Piece) -> None:
        found = list(items(piece))
        meter = Meter(0, (), span=piece.span)
        for at, item in enumerate(found):
            word = item.key.text
            if word == "meter" and item.value is not None:
                meter = replace(meter, number=number(item.value, 32))
            elif word in ("kbps", "pktps") and item.value is None:
                meter = replace(meter, unit="kbps" if word == "kbps" else "pktps")
            elif word == "stats" and item.value is None:
                meter = replace(meter, stats=True)
            elif word in ("bands", "band") and item.value is not None:
                first = items(item.value)
                meter = replace(meter, bands=_bands(piece, iter([*first, *found[at + 1 :]])))
                break
            elif word not in _IGNORED:
                raise item.whole.error(f"{item.whole.shown()} is not known of meters")
        if meter.number in self.by_number:
            raise piece.error(f"meter {meter.number} is there twice")
        self.by_number[meter.number] = meter
        self._last = meter.number


def _bands(piece: Piece, words: Iterator[Item]) -> tuple[Band, ...]:
    """Bands one after the other; each begins with its type."""
    found: list[Band] = []
    for item in words:
        if item.value is None:
            raise item.whole.error(f"{item.whole.shown()} is not known of a meter's bands")
        if item.key.text == "type":
            found.append(Band(one_of(item.value, _KINDS, "band"), 0))
        elif not found:
            raise item.whole.error("a band begins with its type")
        elif item.key.text == "rate":
            found[-1] = replace(found[-1], rate=number(item.value, 32))
        elif item.key.text == "burst_size":
            found[-1] = replace(found[-1], burst=number(item.value, 32))
        elif item.key.text == "prec_level":
            found[-1] = replace(found[-1], level=number(item.value, 8))
        else:
            raise item.whole.error(f"{item.whole.shown()} is not known of a meter's bands")
    return tuple(found)


__all__ = ["COMMENT", "Meters"]
