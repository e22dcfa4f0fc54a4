"""A behaviour as a Python function, for running it on many packets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from types import MappingProxyType
from typing import Any

from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.behaviour import Behaviour, Case
from p4verify.semantics.meaning.payload import of_any_length

Result = tuple[tuple[tuple[str, int, bytes], ...], int]
"""Outputs, sorted, and class id (0: none)."""
Given = Mapping[str, int]
"""Values of choices and of metadata that comes in, by their names."""
_NOTHING: Given = MappingProxyType({})
_INFIX = {"add": "+", "mul": "*", "band": "&", "bor": "|", "bxor": "^"}


def compiled(behaviour: Behaviour) -> Callable[[bytes, int], Result]:
    """The behaviour as a function of frame and ingress port; each case is compiled when it is first met."""
    run = compiled_with(behaviour, ("classid",))

    def simple(frame: bytes, port: int) -> Result:
        outputs, told = run(frame, port)
        return outputs, told["classid"]

    return simple


def compiled_with(
    behaviour: Behaviour, names: tuple[str, ...]
) -> Callable[[bytes, int], tuple[tuple[tuple[str, int, bytes], ...], dict[str, int]]]:
    """The same with some metadata (0 where a case does not tell it)."""
    run = compiled_given(behaviour, names)
    return lambda frame, port: run(frame, port, _NOTHING)


def compiled_given(
    behaviour: Behaviour, names: tuple[str, ...] = ()
) -> Callable[[bytes, int, Given], tuple[tuple[tuple[str, int, bytes], ...], dict[str, int]]]:
    """The same of a behaviour with choices or metadata that comes in."""
    run = compiled_beside(behaviour, names)

    def simple(frame: bytes, port: int, given: Given) -> tuple[tuple[tuple[str, int, bytes], ...], dict[str, int]]:
        sent, told = run(frame, port, given)
        return tuple(sorted(output for output, _ in sent)), told

    return simple


Sent = tuple[tuple[str, int, bytes], dict[str, int]]
"""An output, and what goes with it."""


def compiled_beside(
    behaviour: Behaviour, names: tuple[str, ...] = ()
) -> Callable[[bytes, int, Given], tuple[list[Sent], dict[str, int]]]:
    """The same with what goes with each output, in the order in which they are sent."""
    functions: dict[int, _Compiled] = {}
    find = _finder(behaviour)

    def run(frame: bytes, port: int, given: Given) -> tuple[list[Sent], dict[str, int]]:
        at = find(frame, port, given)
        case = behaviour.cases[at]
        if at not in functions:
            functions[at] = _function(_roots(case, names))
        values = iter(functions[at](frame + bytes(2048), len(frame), port, given))
        sent: list[Sent] = []
        for output in case.outputs:
            when, to_port = next(values), next(values)
            prefix = [next(values) for _ in output.packet.prefix]
            beside = {name: next(values) for name in output.metadata}
            if when:
                assert output.packet.payload <= len(frame)
                assert output.packet.size is None
                sent.append(((output.to, to_port, bytes(prefix) + frame[output.packet.payload :]), beside))
        return sent, dict(zip(names, values, strict=True))

    return run


def possible(behaviour: Behaviour, values: Mapping[str, range]) -> Callable[[bytes, int], Iterator[Given]]:
    """Every way in which the choices that a frame meets can be made; ``values``: what a choice may be, by the beginning
    of its name."""
    find = _finder(behaviour)

    def given(frame: bytes, port: int) -> Iterator[Given]:
        met = [
            v.name
            for v in b.variables(*_roots(behaviour.cases[find(frame, port, _NOTHING)], ()))
            if v.name[:4] == "any."
        ]
        ranges = [next(r for start, r in values.items() if name.startswith(start)) for name in met]
        return (dict(zip(met, made, strict=True)) for made in product(*ranges))

    return given


def inside(behaviour: Behaviour) -> Callable[..., bool]:
    """Whether a frame on a port, with what is given, is in the behaviour's domain."""
    asked = _function([assumption.condition for assumption in behaviour.domain])
    return lambda frame, port, given=_NOTHING: all(asked(frame + bytes(2048), len(frame), port, given))


def _finder(behaviour: Behaviour) -> Callable[[bytes, int, Given], int]:
    """Which case a frame is."""
    guards = _function([case.guard for case in behaviour.cases])

    def find(frame: bytes, port: int, given: Given) -> int:
        told = guards(frame + bytes(2048), len(frame), port, given)
        holding = [i for i, holds in enumerate(told) if holds]
        assert len(holding) == 1, f"{len(holding)} cases"
        return holding[0]

    return find


def _roots(case: Case, names: tuple[str, ...]) -> list[Term]:
    roots = [t for o in case.outputs for t in (o.when, o.port, *o.packet.prefix, *o.metadata.values())]
    return [*roots, *(case.metadata.get(name, _unsaid(name)) for name in names)]


def _unsaid(name: str) -> Term:
    return b.bv(0, 32) if name == "classid" else b.var(f"in.{name}", 3 if name == "pkt_type" else 32)


_Compiled = Callable[[bytes, int, int, Given], tuple[int, ...]]


def _function(roots: list[Term]) -> _Compiled:
    names: dict[Term, str] = {}
    lines = ["def f(p, n, port, given):"]
    for i, term in enumerate(b.postorder(roots)):
        text = _expression(term, [names[a] for a in term.args])
        if term.op in ("const", "var"):
            names[term] = text
        else:
            names[term] = f"t{i}"
            lines.append(f" t{i} = {text}")
    lines.append(f" return ({''.join(names[r] + ', ' for r in roots)})")
    scope: dict[str, Any] = {"sum16": _sum16}
    exec("\n".join(lines), scope)
    function: _Compiled = scope["f"]
    return function


def _sum16(padded: bytes, length: int, start: int) -> int:
    return of_any_length(f"pkt.sum16[{start}]", padded[:length]) or 0


def _expression(term: Term, args: list[str]) -> str:
    mask = (1 << term.width) - 1
    match term.op:
        case "const":
            return str(term.value)
        case "var":
            if term.name.startswith("pkt.sum16["):
                return f"sum16(p, n, {term.name[10:-1]})"
            if not term.name.startswith("pkt[") and term.name not in ("pkt.len", "in.port"):
                return f"given.get({term.name!r}, 0)" if term.name[:3] == "in." else f"given[{term.name!r}]"
            return {"pkt.len": "n", "in.port": "port"}.get(term.name) or f"p{term.name.removeprefix('pkt')}"
        case "not":
            return f"not {args[0]}"
        case "and" | "or":
            return f" {term.op} ".join(args)
        case "ite":
            return f"{args[1]} if {args[0]} else {args[2]}"
        case "eq":
            return f"{args[0]} == {args[1]}"
        case "ult":
            return f"{args[0]} < {args[1]}"
        case "bnot":
            return f"{args[0]} ^ {mask}"
        case "extract":
            return f"{args[0]} >> {term.bounds[1]} & {mask}"
        case "concat":
            text, low = [], term.width
            for part, name in zip(term.args, args, strict=True):
                low -= part.width
                text.append(f"{name} << {low}")
            return " | ".join(text)
    return f"({args[0]} {_INFIX[term.op]} {args[1]}) & {mask}"
