"""Results as text: a line per check, and below a reject the packet and both answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..proofs.verdict import Counterexample, Observed, Verdict
from ..results import Result


def render(program: str | None, results: Sequence[Result]) -> str:
    """All results of one program."""
    lines = [f"{program}:"] if program else []
    for result in results:
        lines += _result(result)
    return "\n".join(lines)


def _result(result: Result) -> list[str]:
    proof = result.proof
    name = f"{result.target} ({result.artifact})" if result.artifact else result.target
    lines = [f"  {proof.verdict.value.upper():<11} {name}: {proof.reason}"]
    if proof.where.file:
        lines.append(f"              at {proof.where}")
    if proof.verdict is Verdict.ACCEPT:
        tally = proof.tally
        lines.append(f"              {tally.folded} queries folded, {tally.solved} solved, {proof.seconds:.2f} s")
    if proof.counterexample is not None:
        lines += [f"              {line}" for line in counterexample(proof.counterexample)]
    lines += [f"              assumes: {text}" for text in proof.assumptions]
    lines += [f"              note: {text}" for text in proof.warnings]
    return lines


def counterexample(found: Counterexample) -> list[str]:
    """The packet, what has to be installed, what should come out and what does."""
    lines = [f"packet:   {found.packet.hex() or '(empty)'}", f"port:     {found.port}"]
    lines += [f"{'rules:   ' if i == 0 else '         '} {rule}" for i, rule in enumerate(found.rules)]
    lines += [f"input:    {name} = {value:#x}" for name, value in found.inputs.items() if not name.startswith("at.")]
    lines.append(f"expected: {observed(found.expected)}")
    lines.append(f"actual:   {observed(found.actual)}")
    lines.append(f"seen by:  {', '.join(found.confirmed_by)}")
    return lines


def observed(seen: Observed) -> str:
    """What a side did, in one line."""
    if seen.fault:
        return f"fault: {seen.fault}"
    carried = seen.carried or ({},) * len(seen.outputs)
    outputs = [_sent(*output, more) for output, more in zip(seen.outputs, carried, strict=True)]
    rest = [f"{name}({', '.join(map(hex, fields))})" for name, fields in seen.events]
    rest += [f"{name} = {value:#x}" for name, value in seen.metadata.items()]
    rest += [f"{name}[{i}] = {v:#x}" for name, cells in seen.state.items() for i, v in cells.items()]
    return "; ".join([*(outputs or ["dropped"]), *rest])


def _sent(to: str, port: int, frame: bytes, metadata: Mapping[str, int]) -> str:
    where = {"port": f"port {port}", "stack": "passed on", "recirculate": "recirculated", "resubmit": "resubmitted"}[to]
    carried = "".join(f", {name} = {value:#x}" for name, value in metadata.items())
    return f"{where}: {frame.hex()}{carried}"
