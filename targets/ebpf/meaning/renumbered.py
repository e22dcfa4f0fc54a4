"""A behaviour told in a program's numbers of ports, where these are not the interfaces' numbers."""

from __future__ import annotations

from dataclasses import replace

from ....semantics import bits as b
from ....semantics.meaning.behaviour import PORT, Behaviour, Output


def renumbered(behaviour: Behaviour, port0: int) -> Behaviour:
    """``behaviour``, which speaks of interfaces, where port p is interface ``p + port0`` (modulo 2**32)."""
    if not port0:
        return behaviour
    assumed = (*behaviour.domain, *behaviour.reaching)
    terms = [t for case in behaviour.cases for t in case.terms()]
    terms += [each.condition for each in assumed] + [fault.guard for fault in behaviour.faults]
    terms += behaviour.axioms
    new = dict(zip(terms, b.substitute(terms, {PORT: b.add(PORT, b.bv(port0, 32))}), strict=True))

    def out(output: Output) -> Output:
        return replace(output, port=b.sub(output.port, b.bv(port0, 32))) if output.to == "port" else output

    mapped = [case.mapped(new) for case in behaviour.cases]
    return replace(
        behaviour,
        cases=tuple(replace(case, outputs=tuple(map(out, case.outputs))) for case in mapped),
        domain=tuple(replace(each, condition=new[each.condition]) for each in behaviour.domain),
        reaching=tuple(replace(each, condition=new[each.condition]) for each in behaviour.reaching),
        axioms=tuple(new[t] for t in behaviour.axioms),
        faults=tuple(replace(fault, guard=new[fault.guard]) for fault in behaviour.faults),
        notes=(*behaviour.notes, f"port p is the interface with number p + {port0}"),
    )
