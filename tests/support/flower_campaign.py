"""The meaning of flower filters against user-mode Linux, on random filter lists and frames."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from p4verify.semantics.meaning.behaviour import Behaviour
from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.flower.artifact import described, parse_script
from p4verify.targets.flower.meaning import meaning
from p4verify.targets.tc.oracle import UserModeLinux

from .compiled import compiled_with, inside
from .differential import Tally, repeat
from .flower_random import Filters, frame
from .flower_strategies import any_masks

MASKED = 0.15
"""How many lists have masks that ``tc`` has no words for."""
Meaning = Callable[[Any], Behaviour]


def campaign(
    oracle: UserModeLinux,
    seed: int,
    *,
    pairs: int,
    frames_per_list: int = 600,
    stop_after: int = 3,
    seconds: float = 1e9,
) -> Tally:
    """Compare until so many pairs are done, or time is up, or so many mismatches were found."""
    tally, rng = Tally(seed), random.Random(seed)

    def step() -> None:
        text = Filters(rng).text()
        how = judge_masked if rng.random() < MASKED else judge
        how(oracle, text, [frame(rng, text) for _ in range(frames_per_list)], tally)

    repeat(step, tally, pairs=pairs, stop_after=stop_after, seconds=seconds)
    return tally


def judge(oracle: UserModeLinux, text: str, frames: list[bytes], tally: Tally) -> None:
    """One list of filters on its frames. The kernel and the meaning have to refuse the same lists, too."""
    judge_filters(oracle, parse_script(text), meaning, frames, tally, text)


def judge_masked(oracle: UserModeLinux, text: str, frames: list[bytes], tally: Tally) -> None:
    """The same with masks of addresses that ``tc`` has no words for: such a list goes in by rtnetlink."""
    filters = any_masks(parse_script(text))
    shown = "".join(f"{described(f, filters.hook)}\n" for f in filters.filters)
    judge_filters(oracle, filters, meaning, frames, tally, shown)


def judge_filters(
    oracle: UserModeLinux, filters: Any, meant: Meaning, frames: list[bytes], tally: Tally, text: str
) -> None:
    """One list of any kind; ``text`` shows it."""
    refused = ""
    try:
        behaviour = meant(filters)
    except Unsupported as reason:
        tally.unsupported[reason.reason] += 1
        return
    except InputError as error:
        refused = str(error).splitlines()[0]
    packets = [(0, data) for data in frames]
    try:
        observed = oracle.run(filters, [] if refused else packets)
    except Unsupported as reason:
        tally.unsupported[reason.reason] += 1
        return
    except InputError as error:
        said = str(error).splitlines()[0]
        tally.refused[said.split("refuses this filter: ")[-1][:60]] += 1
        if not refused or refused.split(" error")[0] != said.split(" error")[0]:
            tally.mismatches.append(f"refused by the kernel: {said}\nby the meaning: {refused or 'no'}\n{text}")
        return
    if refused:
        tally.mismatches.append(f"taken by the kernel, but the meaning says: {refused}\n{text}")
        return
    run, covers = compiled_with(behaviour, ("classid", "mark", "priority")), inside(behaviour)
    for data, seen in zip(frames, observed, strict=True):
        if not covers(data, 0):
            tally.outside += 1
            continue
        got, metadata = run(data, 0)
        expected = tuple(sorted(seen.outputs))
        tally.pairs += 1
        written = " written" if any(sent != data for _, _, sent in expected) else ""
        tally.kinds[("+".join(sorted(to for to, _, _ in expected)) or "gone") + written] += 1
        if (got, metadata) != (expected, seen.metadata):
            told = [[(to, out, sent.hex()) for to, out, sent in side] for side in (expected, got)]
            sides = f" kernel  {told[0]} {dict(seen.metadata)}\n meaning {told[1]} {metadata}"
            tally.mismatches.append(f"frame {data.hex()}:\n{sides}\n{text}")
            return
