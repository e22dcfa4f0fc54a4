"""u32 filters whose actions write to the packet: the meaning against user-mode Linux on random lists and frames."""

from __future__ import annotations

import random
from dataclasses import replace

from p4verify.targets.u32.artifact import Action, FilterList, Hook, Key, U32Filter, parse_script, print_script
from p4verify.targets.u32.meaning import meaning
from p4verify.targets.u32.oracle import UserModeU32

from .differential import Tally, repeat
from .flower_campaign import judge_filters
from .flower_random import AT_EGRESS, Filters, beside, frame
from .u32_random import EASY_MASKS, Frames, Lists

MARKED = 0.12
"""How many filters ask for the mark."""


class WrittenLists(Lists):
    """Random lists in words that ``tc`` has, with actions of all kinds."""

    def text(self) -> str:
        """One script, mostly of filters that many frames match."""
        if self.rng.random() < 0.7:
            self.masks = EASY_MASKS
        filters = [self._marked(_sayable(f)) for f in self.make().filters]
        hook = Hook("port0", "egress" if self.rng.random() < AT_EGRESS else "ingress")
        return print_script(FilterList(tuple(filters), hook))

    def _marked(self, filter_: U32Filter) -> U32Filter:
        """Now and then asking for a mark, too."""
        if filter_.divisor is not None or self.rng.random() > MARKED:
            return filter_
        mask = self.rng.choice((0xFFFFFFFF, 0xF, 0x6, 1))
        return replace(filter_, mark=(self.rng.choice((0, 1, 2, 7)) & mask, mask))

    def _actions(self, chains: list[int]) -> tuple[Action, ...]:
        some = Filters(self.rng)
        some.further = tuple(chains) or (10,)
        words = " ".join(some.actions("all"))
        (read,) = parse_script(f"filter add dev port0 ingress pref 1 protocol all u32 match u32 0 0 {words}").filters
        return read.actions


def _sayable(filter_: U32Filter) -> U32Filter:
    selector = filter_.selector
    if selector is not None:
        ends = selector.terminal or bool(filter_.actions) or filter_.classid is not None
        selector = replace(
            selector,
            keys=tuple({(key.offset, key.offmask): key for key in map(_sayable_key, selector.keys)}.values()),
            terminal=ends,
            offoff=selector.offoff & ~1,
            hoff=selector.hoff & ~3,
        )
    return replace(filter_, selector=selector, indev=None)


def _sayable_key(key: Key) -> Key:
    offset = key.offset if abs(key.offset) < 0x8000 else 40
    return Key(key.value & key.mask, key.mask, offset & ~3, -1 if key.offmask else 0)


def campaign(
    oracle: UserModeU32, seed: int, *, pairs: int, frames_per_list: int = 100, stop_after: int = 3, seconds: float = 1e9
) -> Tally:
    """Compare until so many pairs are done, or time is up, or so many mismatches were found."""
    tally, rng = Tally(seed), random.Random(seed)

    def step() -> None:
        text = WrittenLists(rng).text()
        filters = parse_script(text)
        hinted = [Frames(rng).make(filters) for _ in range(frames_per_list // 2)]
        plain = [frame(rng, text) for _ in range(frames_per_list - len(hinted))]
        judge_filters(oracle, filters, meaning, hinted + plain, tally, text, beside(rng, text))

    repeat(step, tally, pairs=pairs, stop_after=stop_after, seconds=seconds)
    return tally


__all__ = ["WrittenLists", "campaign"]
