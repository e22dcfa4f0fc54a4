"""The u32 meaning against the kernel, on random lists and frames."""

from __future__ import annotations

import random

from p4verify.semantics.meaning.concrete import evaluate_behaviour
from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.u32.artifact import FilterList
from p4verify.targets.u32.meaning import meaning
from p4verify.targets.u32.oracle import KernelU32

from .compiled import Result, compiled
from .differential import Tally, repeat
from .u32_random import PORTS, Frames, Lists


def campaign(
    oracle: KernelU32, seed: int, *, pairs: int, frames_per_list: int = 30, stop_after: int = 5, seconds: float = 1e9
) -> Tally:
    """Compare until so many pairs are done, or time is up, or so many mismatches were found."""
    tally, rng = Tally(seed), random.Random(seed)

    def step() -> None:
        filters = Lists(rng, wild=rng.random() < 0.2).make()
        frames = [(rng.choice(PORTS), Frames(rng).make(filters)) for _ in range(frames_per_list)]
        judge(oracle, filters, frames, tally)

    repeat(step, tally, pairs=pairs, stop_after=stop_after, seconds=seconds)
    return tally


def judge(oracle: KernelU32, filters: FilterList, frames: list[tuple[int, bytes]], tally: Tally) -> None:
    """One list on its frames."""
    try:
        behaviour = meaning(filters)
    except Unsupported as reason:
        tally.unsupported[reason.reason.split(" bytes")[0].rstrip("0123456789 ")] += 1
        return
    except InputError as error:
        _judge_refusal(oracle, filters, error, tally)
        return
    try:
        observed = oracle.run(filters, frames)
    except InputError as error:
        tally.mismatches.append(f"the kernel refuses what the meaning takes: {error}\n{filters}")
        return
    run = compiled(behaviour)
    for i, ((port, frame), seen) in enumerate(zip(frames, observed, strict=True)):
        expected: Result = (tuple(sorted(seen.outputs)), seen.metadata["classid"])
        got = run(frame, port)
        tally.pairs += 1
        tally.kinds["+".join(sorted(to for to, _, _ in seen.outputs)) or "gone"] += 1
        if i == 0:
            slow = evaluate_behaviour(behaviour, frame, port)
            assert got == (tuple(sorted(slow.outputs)), slow.metadata.get("classid", 0))
        if got != expected:
            shown = [[(to, out) for to, out, _ in r[0]] + [r[1]] for r in (expected, got)]
            tally.mismatches.append(f"port {port} frame {frame.hex()}: kernel {shown[0]} meaning {shown[1]}\n{filters}")
            return


def _judge_refusal(oracle: KernelU32, filters: FilterList, error: InputError, tally: Tally) -> None:
    tally.refused[str(error).split("error: ")[-1].splitlines()[0][:60]] += 1
    try:
        oracle.run(filters, [])
    except InputError as refusal:
        if refusal.diagnostics[0].span != error.diagnostics[0].span:
            tally.mismatches.append(f"refused at another place: {error} / {refusal}\n{filters}")
        return
    tally.mismatches.append(f"the kernel takes what the meaning refuses: {error}\n{filters}")
