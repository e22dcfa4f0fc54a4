"""What is sent, place by place: out of each port, to each that receives some, and to the stack, the first frame, the
second one, and so on.

Two divisions of a list make the same frames on different ways, so a behaviour may have them in another order. The order
of frames that leave by different ports is nothing that anybody sees.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from ..proofs.engine import Engine
from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import Behaviour, Case, Output
from ..semantics.source import Unsupported

SECONDS: Final = 5.0
"""For the question whether a frame is ever the k-th one; where that takes longer it is taken to be."""

_AT_PORTS: Final = ("port", "ingress")


def place_by_place(side: Behaviour, ports: Iterable[int], engine: Engine) -> Behaviour:
    """The behaviour with its outputs told by their places.

    Args:
        side: all of whose frames go to the stack, or out of one of the ``ports`` or into it.
        engine: is asked which frames can be the second one of their place, and so on.

    Raises:
        Unsupported: some go elsewhere.
    """
    known = b.and_(*(a.condition for a in (*side.domain, *side.reaching)))
    told = sorted(ports)
    cases = tuple(replace(case, outputs=tuple(_outputs(case, told, known, engine))) for case in side.cases)
    return replace(side, cases=cases)


def _outputs(case: Case, ports: list[int], known: Term, engine: Engine) -> Iterator[Output]:
    context = b.and_(known, case.guard)
    for to in _AT_PORTS:
        sent = [output for output in case.outputs if output.to == to]
        for port in ports:
            number = b.bv(port, 32)
            there = [replace(o, when=b.and_(o.when, b.eq(o.port, number)), port=number) for o in sent]
            yield from _counted(there, port, context, engine)
    yield from _counted([output for output in case.outputs if output.to == "stack"], 0, context, engine)
    others = [b.and_(o.when, *(b.ne(o.port, b.bv(p, 32)) for p in ports)) for o in case.outputs if o.to in _AT_PORTS]
    strange = any(o.to not in (*_AT_PORTS, "stack") for o in case.outputs)
    if strange or _happens(b.and_(context, b.or_(*others)), engine):
        raise Unsupported("frames that go elsewhere than to the stack or to a port that an entry names")


def _counted(outputs: list[Output], place: int, context: Term, engine: Engine) -> Iterator[Output]:
    """The outputs of one place, by how many frames went there before."""
    before = [b.TRUE]
    for output in outputs:
        if output.when is b.FALSE:
            continue
        after = [b.FALSE] * (len(before) + 1)
        for count, so_far in enumerate(before):
            when = b.and_(so_far, output.when)
            if when is not b.FALSE and (not count or _happens(b.and_(context, when), engine)):
                yield replace(output, when=when, apart=(place, count))
                after[count + 1] = b.or_(after[count + 1], when)
            after[count] = b.or_(after[count], b.and_(so_far, b.not_(output.when)))
        while len(after) > 1 and after[-1] is b.FALSE:
            after.pop()
        before = after


def _happens(condition: Term, engine: Engine) -> bool:
    return engine.satisfiable(condition, "which frames are sent where", SECONDS).status != "unsat"
