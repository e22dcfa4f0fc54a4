"""Random u32 filter lists and frames that meet their corners: for judging the meaning by the kernel."""

from __future__ import annotations

import random
from dataclasses import replace

from p4verify.semantics.source import Span
from p4verify.targets.u32.artifact import (
    ETH_P_ALL,
    Action,
    Control,
    FilterList,
    Gact,
    Handle,
    Key,
    Mirred,
    Selector,
    U32Filter,
    goto_chain,
    hash_table,
)

PORTS = (0, 1, 2)
"""Ports on which frames come in."""
OUT_PORTS = (0, 1, 5, 6)
PROTOCOLS = (*(ETH_P_ALL,) * 8, 0x0800, 0x0800, 0x86DD, 0x8100, 0x88A8, 0x0001, 0x0004, 0x88B5)
MASKS = (0, 0, 0xFF, 0x0F, 1, 0xFF00, 0x0300, 0xFF000000, 0x01000000, 0xFFFF, 0xFFFF0000, 0x01010101, 0xFFFFFFFF)
EASY_MASKS = (0, 0, 0, 1, 0x0100, 0x01000000, 0x020000)
"""Masks that half or more of all frames meet, so that the search goes deep."""
BYTES = (0, 0, 0, 1, 1, 2, 3, 4, 5, 0x45, 0x46, 0x4F, 6, 17, 0xFF)
LONGEST = 1518


def _numbered(filters: list[U32Filter]) -> FilterList:
    return FilterList(tuple(replace(f, span=Span("list", i + 1, 1)) for i, f in enumerate(filters)))


class Lists:
    """Random filter lists; ``wild`` adds what the kernel refuses."""

    def __init__(self, rng: random.Random, *, wild: bool = False) -> None:
        self.rng = rng
        self.wild = wild
        self.masks = rng.choice((MASKS, EASY_MASKS))

    def make(self) -> FilterList:
        """One list; filter number i has line i + 1 as its place."""
        rng = self.rng
        if rng.random() < 0.03:
            return _numbered(self._deep())
        chains = rng.choice(((0,), (0,), (0,), (0, 7), (0, 7, 9)))
        prefs = {(c, p): rng.choice(PROTOCOLS) for c in chains for p in rng.sample((1, 2, 3, 50000), rng.randint(1, 3))}
        tables = {number: rng.choice((1, 1, 2, 4, 16, 256)) for number in rng.sample(range(1, 6), rng.randint(0, 3))}
        filters = []
        for number, divisor in tables.items():
            (chain, pref), protocol = rng.choice(list(prefs.items()))
            filters.append(hash_table(pref, number, divisor, protocol, chain))
        filters += [self._filter(prefs, tables, chains) for _ in range(rng.randint(1, 9))]
        return _numbered(filters)

    def _deep(self) -> list[U32Filter]:
        """Tables nested about as deep as the kernel follows them, or in a circle."""
        rng = self.rng
        depth = rng.randint(6, 10)
        self.masks = EASY_MASKS
        circle = rng.choice((None, None, rng.randint(1, depth)))
        filters = [hash_table(1, number, 1) for number in range(1, depth + 1)]
        for number in range(depth + 1):
            place = Handle(number) if number else None
            next_table = number + 1 if number < depth else circle
            if next_table is not None:
                selector = replace(self._selector(True, rng.random() < 0.2), keys=(), eat=rng.random() < 0.1)
                filters.append(U32Filter(1, selector=selector, ht=place, link=next_table))
            if rng.random() < 0.2 or number == depth:
                filters.append(U32Filter(1, selector=Selector((self._key(),)), ht=place, actions=(Mirred(5),)))
        return filters

    def _filter(self, prefs: dict[tuple[int, int], int], tables: dict[int, int], chains: tuple[int, ...]) -> U32Filter:
        rng = self.rng
        (chain, pref), protocol = rng.choice(list(prefs.items()))
        if rng.random() < 0.05:
            pref, protocol = 0, rng.choice(PROTOCOLS)
        if self.wild and rng.random() < 0.05:
            protocol = rng.choice((*PROTOCOLS, 0))
        place = self._place(tables)
        below = [t for t in tables if place is None or t > place.table or place.table > 5 or rng.random() < 0.05]
        link = rng.choice(below) if below and rng.random() < 0.45 else None
        if self.wild and rng.random() < 0.05:
            link = rng.choice((0, 1, 2, 6, 0x800))
        terminal = rng.random() < (0.3 if link else 0.95)
        return U32Filter(
            pref,
            protocol,
            self._handle(),
            self._selector(link is not None, terminal),
            ht=place,
            link=link,
            classid=rng.choice((None, None, 0x10007, 0x10008, 9)),
            actions=self._actions([c for c in chains if c > chain or rng.random() < 0.03]) if terminal else (),
            chain=chain,
            indev=rng.choice(PORTS) if rng.random() < 0.08 else None,
        )

    def _handle(self) -> Handle:
        rng = self.rng
        if rng.random() < 0.7:
            return Handle()
        if self.wild and rng.random() < 0.2:
            return Handle(rng.choice((0, 1, 0x800)), rng.choice((0, 1)), rng.choice((0, 1, 0x800, 0x801)))
        return Handle(node=rng.choice((rng.randint(1, 0xFFF), 0x800 + rng.randint(0, 3), 5)))

    def _place(self, tables: dict[int, int]) -> Handle | None:
        rng = self.rng
        if self.wild and rng.random() < 0.05:
            return Handle(rng.choice((0, 1, 2, 6, 0x800, 0x801, 0xFFF)), rng.choice((0, 1, 16)))
        if tables and rng.random() < 0.6:
            number = rng.choice(list(tables))
            return Handle(number, rng.randrange(tables[number]) if rng.random() < 0.3 else 0)
        return rng.choice((None, None, None, Handle(0xFFF)))

    def _selector(self, links: bool, terminal: bool) -> Selector:
        rng = self.rng
        keys = tuple(self._key() for _ in range(rng.choice((0, 1, 1, 1, 1, 2, 3))))
        if not links and rng.random() < 0.9:
            return Selector(keys, terminal=terminal)
        return Selector(
            keys,
            terminal=terminal,
            has_offset=rng.random() < 0.3,
            var_offset=rng.random() < 0.5,
            eat=rng.random() < 0.5,
            offshift=rng.choice((0, 2, 5, 6, 6, 8, 12, 17)),
            offmask=rng.choice((0x0F00, 0x0F00, 0x000F, 0x00F0, 0x0300, 0x003F, 0x1F, 0xFF00, 0)),
            off=rng.choice((0, 0, 0, 1, 4, 8, 20, 65532, 65535)),
            offoff=rng.choice((0, 0, 0, 2, 8, 9, -1, -2, -14, -15, 40)),
            hoff=rng.choice((0, 8, 9, 16, -2, -4, -14, 40)),
            hmask=rng.choice((0xFF, 0xFF, 0x0F00, 0xFF0000, 0x3, 0x80000001, 0, 0xFFFF)),
        )

    def _key(self) -> Key:
        rng = self.rng
        mask = rng.choice(self.masks)
        value = sum(rng.choice(BYTES) << 8 * i for i in range(4)) & (mask if rng.random() < 0.9 else 0xFFFFFFFF)
        offset = rng.choice(
            (rng.randint(-14, 24), rng.randint(-4, 40), 0, 8, -2, rng.choice((46, 60, 96, 1500, 70000)))
        )
        if rng.random() < 0.02:
            offset = rng.choice((0x7FFFFFFF, -0x80000000, -70000, 0x7FFFFFF0))
        if rng.random() < 0.04:
            offset, mask = rng.choice(((-16, 0xFFFF), (-15, 0xFF), (-17, 0xFF), (-16, 0)))
            value = rng.choice((0x0200, 2, 0, 1)) & mask
        return Key(value, mask, offset, rng.choice((0, 0, 0, -1, -1, 4, 0xFC, 0x1C)) if rng.random() < 0.5 else 0)

    def _actions(self, chains: list[int]) -> tuple[Action, ...]:
        rng = self.rng
        actions: list[Action] = []
        for _ in range(rng.choice((0, 1, 1, 1, 1, 2, 3))):
            control = self._control(chains)
            port = rng.choice(OUT_PORTS)
            kind = rng.random()
            if kind < 0.35:
                actions.append(Gact(control))
            elif kind < 0.65:
                actions.append(Mirred(port))
            elif kind < 0.72:
                actions.append(Mirred(port, control=control))
            else:
                actions.append(Mirred(port, redirect=False, control=control))
        return tuple(actions)

    def _control(self, chains: list[int]) -> Control:
        rng = self.rng
        if rng.random() < 0.15:
            return goto_chain(rng.choice((*chains, 10)))
        kinds = ("pass", "pass", "drop", "drop", "continue", "continue", "pipe", "pipe", "stolen", "queued", "trap")
        return Control("reclassify") if rng.random() < 0.02 else Control(rng.choice(kinds))


class Frames:
    """Random frames: all kinds of headers, tags, odd lengths, cut short; often with bytes that filters look for."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def make(self, filters: FilterList) -> bytes:
        """One frame of 14 to 1518 bytes."""
        rng = self.rng
        frame = bytearray(self._header() + self._payload())
        for _ in range(rng.choice((0, 1, 1, 2, 3))):
            self._hint(frame, filters)
        if rng.random() < 0.35:
            del frame[rng.randint(14, max(14, len(frame))) :]
        return bytes(frame[:LONGEST]).ljust(14, b"\0")

    def _header(self) -> bytes:
        rng = self.rng
        addresses = bytes(rng.choice((2, 2, 0, 1, 0xFF)) for _ in range(12))
        tags = b""
        for _ in range(rng.choice((0, 0, 0, 0, 1, 1, 2, 3))):
            tags += rng.choice((b"\x81\x00", b"\x88\xa8")) + rng.choice((0, 5, 0x1005, 0x7FFF, 0xFFFF)).to_bytes(
                2, "big"
            )
        kinds = (b"\x08\x00", b"\x08\x00", b"\x86\xdd", b"\x88\xb5", b"\x00\x26", b"\x05\xff", b"\x06\x00", b"\0\0")
        return addresses + tags + rng.choice(kinds)

    def _payload(self) -> bytes:
        rng = self.rng
        kind = rng.random()
        some = bytes(rng.choice(BYTES) for _ in range(rng.choice((0, 1, 2, 3, 4, 5, 17, 30, 31, 46, 90))))
        if kind < 0.4:
            words = rng.choice((5, 5, 5, 6, 8, 15, 4, 0))
            head = bytes([0x40 | words, rng.choice(BYTES)]) + bytes(
                rng.choice(BYTES) for _ in range(4 * max(words, 1) - 2)
            )
            return head + some
        if kind < 0.45:
            return b"\xff\xff" + some
        return some + bytes(1400 + rng.randint(0, 90)) if kind > 0.97 else some

    def _hint(self, frame: bytearray, filters: FilterList) -> None:
        """Write what some filter asks for where it looks, give or take a header."""
        rng = self.rng
        chosen = rng.choice(filters.filters)
        if chosen.protocol not in (0, 1, 3, 4) and rng.random() < 0.7:
            frame[12:14] = chosen.protocol.to_bytes(2, "big")
        moved = 14 + 4 * (frame[12:14] in (b"\x81\x00", b"\x88\xa8")) + rng.choice((0, 0, 0, 0, 4, 20, 24))
        for key in chosen.selector.keys if chosen.selector else ():
            at = moved + key.offset
            if 0 <= at <= len(frame) - 4:
                old = int.from_bytes(frame[at : at + 4], "big")
                frame[at : at + 4] = (old & ~key.mask | key.value & key.mask).to_bytes(4, "big")
