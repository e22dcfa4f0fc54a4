"""Results as text: a line per check, and below a reject the packet and both answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ..proofs.verdict import Counterexample, Observed, Verdict
from ..results import Result
from .side_by_side import explained


def render(program: str | None, results: Sequence[Result]) -> str:
    """All results of one program."""
    lines = [f"{program}:"] if program else []
    for result in results:
        lines += _result(program, result)
    return "\n".join(lines)


def _result(program: str | None, result: Result) -> list[str]:
    proof = result.proof
    name = f"{result.target} ({result.artifact})" if result.artifact else result.target
    lines = [f"  {proof.verdict.value.upper():<11} {name}: {proof.reason}"]
    if proof.where.file:
        lines.append(f"              at {proof.where}")
    if proof.verdict is Verdict.ACCEPT:
        tally = proof.tally
        kept = f" ({tally.cached} of them before)" if tally.cached else ""
        lines.append(f"              {tally.folded} queries folded, {tally.solved} solved{kept}, {proof.seconds:.2f} s")
    for number, region in enumerate(proof.regions, 1):
        told = (*(f"rule:   {rule}" for rule in region.rules), *(f"entry:  {entry}" for entry in region.entries))
        lines += [f"              region {number}: {region.reason}", *(f"                {line}" for line in told)]
        lines.append(f"                packet: {region.packet.hex() or '(empty)'} on port {region.port}")
    if proof.counterexample is not None:
        names = (program or "the first side", result.artifact or result.target)
        lines += [f"              {line}" for line in counterexample(proof.counterexample, names)]
    lines += [f"              assumes: {text}" for text in proof.assumptions]
    lines += [f"              note: {text}" for text in proof.warnings]
    return lines


def counterexample(found: Counterexample, names: tuple[str, str] = ("expected", "actual")) -> list[str]:
    """The packet, what has to be installed, what should come out and what does, and why.

    ``names`` are those of the two sides.
    """
    lines = [f"packet:   {found.packet.hex() or '(empty)'}", f"port:     {found.port}"]
    if found.block:
        lines = [f"packet:   {found.packet.hex()}"] if found.packet else []
    lines += [f"          {header}" for header in found.decoded]
    for what, rules in (("rules:   ", found.rules), ("second's:", found.second_rules)):
        lines += [f"{what if i == 0 else '         '} {rule}" for i, rule in enumerate(rules)]
    lines += [f"input:    {name} = {value:#x}" for name, value in found.inputs.items() if not name.startswith("at.")]
    if found.block:
        lines += [f"{what} {results(seen, other)}" for what, seen, other in (
            ("expected:", found.expected, found.actual), ("actual:  ", found.actual, found.expected))]  # fmt: skip
    elif found.actual.fault and found.expected.outputs == found.actual.outputs:  # a program alone
        lines.append(f"fault:    {found.actual.fault}")
    else:
        lines.append(f"expected: {observed(found.expected, found.cell_bits)}")
        lines.append(f"actual:   {observed(found.actual, found.cell_bits)}")
    if found.beside is not None:
        lines += [f"beside:   {found.beside.packet.hex() or '(empty)'} on port {found.beside.port}"]
        lines += [f"          {observed(found.beside.expected)} (both, under these rules)"]
    lines.append(f"seen by:  {', '.join(found.confirmed_by)}")
    return lines + explained(found.explanation, names)


def results(seen: Observed, other: Observed) -> str:
    """The results of a block by itself that are not those of the other side."""
    told = [f"{n} = {v:#x}" for n, v in seen.metadata.items() if other.metadata.get(n) != v]
    if seen.outputs != other.outputs:
        told += [f"emitted {frame.hex() or '(nothing)'}" for _, _, frame in seen.outputs]
    return "; ".join(told) or "(the same)"


def observed(seen: Observed, cell_bits: Mapping[str, int] = MappingProxyType({})) -> str:
    """What a side did, in one line; ``cell_bits`` as :attr:`..proofs.verdict.Counterexample.cell_bits`."""
    if seen.fault:
        return f"fault: {seen.fault}"
    carried = seen.carried or ({},) * len(seen.outputs)
    outputs = [_sent(*output, more) for output, more in zip(seen.outputs, carried, strict=True)]
    rest = [f"{name}({', '.join(map(hex, fields))})" for name, fields in seen.events]
    rest += [f"{name} = {value:#x}" for name, value in seen.metadata.items()]
    for name, cells in seen.state.items():
        digits = (cell_bits.get(name, 0) + 3) // 4
        rest += [f"{name}[{i}] = 0x{value:0{digits}x}" for i, value in cells.items()]
    return "; ".join([*(outputs or ["dropped"]), *rest])


def _sent(to: str, port: int, frame: bytes, metadata: Mapping[str, int]) -> str:
    where = {"port": f"port {port}", "stack": "passed on", "recirculate": "recirculated", "resubmit": "resubmitted"}
    carried = "".join(f", {name} = {value:#x}" for name, value in metadata.items())
    return f"{where.get(to, f'{to} {port}')}: {frame.hex()}{carried}"
