"""What a machine that has no steps to show can tell of a counterexample: the parts of the artifact that decide, and
what its maps were asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from .proofs.counterexample import Input
from .semantics import bits as b
from .semantics.bits import Term
from .semantics.meaning.behaviour import Behaviour
from .semantics.meaning.concrete import BadBehaviour, Faulted, evaluate_behaviour
from .targets.base import ShowsDecision, Target

Function = Callable[..., int]
LONGEST: Final = 130
"""Characters of a part that are shown."""
MOST: Final = 12
"""Lines."""
_ASKED: Final = re.compile(r"map\.(?P<there>.+)\.found|map\.(?P<held>.+)\.value|state\.map\.(?P<kept>.+)")
"""What functions are called that say whether a map has a key, and what is there: what nobody writes, and what packets
change."""


def told(
    target: Target, artifact: Any, behaviour: Behaviour, given: Input, functions: Mapping[str, Function]
) -> tuple[str, ...]:
    """One line for each deciding part and each question to a map.

    Args:
        target: the machine.
        artifact: what it runs.
        behaviour: what that does.
        given: the counterexample.
        functions: what the machine's maps answer, by the function's name.
    """
    lines: list[str] = []
    if isinstance(target, ShowsDecision):
        parts = target.decides(artifact, given.packet, given.port)
        places = [f"{where.file}:{where.line}: " if where.line else "" for _, where in parts]
        lines += [f"decided by {place}{_short(text)}" for (text, _), place in zip(parts, places, strict=True)]
        lines += [] if parts else ["no single part decides: without any one of them the same would happen"]
    lines += _questions(behaviour, given, functions)
    return tuple(lines[:MOST])


def _short(text: str) -> str:
    """The start and the end of a long text."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"


def _questions(behaviour: Behaviour, given: Input, functions: Mapping[str, Function]) -> list[str]:
    """What the maps were asked, whether it was there, and what they held: where another answer would make a
    difference."""
    values = {n: v for n, v in given.model.values.items() if not n.startswith("pkt")}
    known = values | {"pkt.len": len(given.packet), "in.port": given.port}
    known |= {f"pkt[{i}]": octet for i, octet in enumerate(given.packet)}

    def value_of(*terms: Term) -> list[int]:
        return [int(v) for v in b.evaluate(terms, known, functions, default=0) if isinstance(v, int)]

    def outcome(answers: Mapping[str, Function]) -> object:
        try:
            seen = evaluate_behaviour(
                behaviour, given.packet, given.port, functions=answers, inputs=values, default=0,
                groups=lambda _kind, _group, _depth: [(0, 0)],
            )  # fmt: skip
        except (BadBehaviour, Faulted, KeyError, ValueError):
            return None
        return seen.outputs, seen.metadata

    def decides(name: str, key: int, *others: int) -> bool:
        return any(
            outcome(functions) != outcome({**functions, name: _but(functions.get(name), key, other)})
            for other in others
        )

    lines = []
    case = next((case for case in behaviour.cases if value_of(case.guard) == [1]), None)
    for call in b.applications(*case.terms()) if case is not None else ():
        asked = _ASKED.fullmatch(call.name)
        if asked is None or len(call.args) != 1:
            continue
        (key,), (answer,) = value_of(call.args[0]), value_of(call)
        name, shown = asked["there"] or asked["held"] or asked["kept"], _hex(key, call.args[0].width)
        if asked["there"] and decides(call.name, key, 1 - answer):
            lines.append(f"map {name} has {shown}: {'found' if answer else 'not there'}")
        elif not asked["there"] and decides(call.name, key, 0, answer ^ ((1 << call.width) - 1)):
            lines.append(f"map {name} holds at {shown}: {_hex(answer, call.width)}")
    return list(dict.fromkeys(lines))


def _hex(number: int, width: int) -> str:
    """The bytes in the order in which they lie in memory, of which the first is the highest of a term."""
    return number.to_bytes((width + 7) // 8, "big").hex()


def _but(function: Function | None, key: int, answer: int) -> Function:
    """The function with another answer to one key."""
    return lambda *args: answer if args == (key,) else function(*args) if function is not None else 0
