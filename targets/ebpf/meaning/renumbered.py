"""A behaviour told in a program's numbers of ports, where these are not the interfaces' numbers."""

from __future__ import annotations

from dataclasses import replace

from ....semantics import bits as b
from ....semantics.meaning.behaviour import PORT, Behaviour, Output, substituted


def renumbered(behaviour: Behaviour, port0: int) -> Behaviour:
    """``behaviour``, which speaks of interfaces, where port p is interface ``p + port0`` (modulo 2**32)."""
    if not port0:
        return behaviour
    told = substituted(behaviour, {PORT: b.add(PORT, b.bv(port0, 32))})

    def out(output: Output) -> Output:
        return replace(output, port=b.sub(output.port, b.bv(port0, 32))) if output.to != "stack" else output

    return replace(
        told,
        cases=tuple(replace(case, outputs=tuple(map(out, case.outputs))) for case in told.cases),
        notes=(*behaviour.notes, f"port p is the interface with number p + {port0}"),
    )
