"""The meaning of flower filters against user-mode Linux, on random filter lists and frames."""

from __future__ import annotations

import random
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from p4verify.semantics.meaning.behaviour import Behaviour
from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.base import Observation
from p4verify.targets.flower.artifact import described, parse_script
from p4verify.targets.flower.meaning import meaning
from p4verify.targets.tc.oracle import UserModeLinux

from .compiled import Given, Sent, compiled_beside, inside
from .differential import Tally, repeat
from .flower_random import AT_EGRESS, Filters, beside, frame
from .flower_strategies import any_masks
from .tracking import answers, askable

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
        some = Filters(rng)
        some.hook = "egress" if rng.random() < AT_EGRESS else "ingress"
        text = some.text()
        how = judge_masked if rng.random() < MASKED else judge
        how(oracle, text, [frame(rng, text) for _ in range(frames_per_list)], tally, beside(rng, text))

    repeat(step, tally, pairs=pairs, stop_after=stop_after, seconds=seconds)
    return tally


def judge(
    oracle: UserModeLinux, text: str, frames: list[bytes], tally: Tally, given: Given = MappingProxyType({})
) -> None:
    """One list of filters on its frames. The kernel and the meaning have to refuse the same lists, too."""
    judge_filters(oracle, parse_script(text), meaning, frames, tally, text, given)


def judge_masked(
    oracle: UserModeLinux, text: str, frames: list[bytes], tally: Tally, given: Given = MappingProxyType({})
) -> None:
    """The same with masks of addresses that ``tc`` has no words for: such a list goes in by rtnetlink."""
    filters = any_masks(parse_script(text))
    shown = "".join(f"{described(f, filters.hook)}\n" for f in filters.filters)
    judge_filters(oracle, filters, meaning, frames, tally, shown, given)


def judge_filters(
    oracle: UserModeLinux,
    filters: Any,
    meant: Meaning,
    frames: list[bytes],
    tally: Tally,
    text: str,
    given: Given = MappingProxyType({}),
) -> None:
    """One list of any kind; ``text`` shows it, and ``given`` is what frames come with."""
    refused = ""
    try:
        behaviour = meant(filters)
    except Unsupported as reason:
        tally.unsupported[reason.reason] += 1
        return
    except InputError as error:
        refused = str(error).splitlines()[0]
    else:
        frames = askable(behaviour, frames, given)
    packets = [(0, data) for data in frames]
    try:
        tracked = [{}] * len(packets) if refused else answers(oracle, behaviour, frames)
        observed = oracle.run_given(filters, [] if refused else packets, given)
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
    run, covers = compiled_beside(behaviour, ("classid", "mark", "priority", "pkt_type")), inside(behaviour)
    for data, seen, answered in zip(frames, observed, tracked, strict=True):
        comes = {**given, **answered}
        if not covers(data, 0, comes):
            tally.outside += 1
            continue
        sent, metadata = run(data, 0, comes)
        got, expected = _both(sent, seen)
        tally.pairs += 1
        tally.kinds[_kind(expected, data)] += 1
        if (got, metadata) != (expected, seen.metadata):
            told = [[(to, out, one.hex(), beside) for (to, out, one), beside in side] for side in (expected, got)]
            sides = f" kernel  {told[0]} {dict(seen.metadata)}\n meaning {told[1]} {metadata}"
            tally.mismatches.append(f"frame {data.hex()} with {comes}:\n{sides}\n{text}")
            return


def _kind(seen: list[Sent], came: bytes) -> str:
    where = "+".join(sorted(to for (to, _, _), _ in seen)) or "gone"
    written = " written" if any(frame != came for (_, _, frame), _ in seen) else ""
    return where + written + (" with a tunnel's key" if any(beside.get("tunnel") for _, beside in seen) else "")


def _both(sent: list[Sent], seen: Observation) -> tuple[list[Sent], list[Sent]]:
    """What the meaning says and what is seen, in one order, with what both tell beside frames."""
    others = seen.beside or ({},) * len(seen.outputs)
    names = {n for _, beside in sent for n in beside} & {n for beside in others for n in beside}
    observed = [(output, dict(beside)) for output, beside in zip(seen.outputs, others, strict=True)]
    some = [[(output, {n: v for n, v in beside.items() if n in names}) for output, beside in side]
            for side in (sent, observed)]  # fmt: skip
    got, expected = (sorted(side, key=lambda each: (each[0], sorted(each[1].items()))) for side in some)
    return got, expected
