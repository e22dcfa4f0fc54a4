"""What an object sends, told as the program tells it: frames that come back, and copies for any member of a group."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from ...semantics import bits as b
from ...semantics.bits import Term
from ...semantics.meaning.behaviour import Behaviour, Case, Destination, Fault, Output
from . import relate_replicas
from .cells_of_copies import Cells
from .meaning import NamedStores
from .replicas import Groups

AS_RECIRCULATED: Final = {"packet_path": b.bv(6, 8)}
"""What the next pass finds of a frame that comes in by PSA's port for them (its place in ``PSA_PacketPath_t``)."""


def told(
    machine: Behaviour,
    returning: Collection[int],
    copies: Sequence[Groups],
    cells: Cells,
    named: NamedStores | None = None,
) -> Behaviour:
    """The behaviour with frames to ``returning`` ports recirculated, and with copies for any member of these groups,
    which may change ``cells``. ``named``: what it has names for.

    Raises:
        Unsupported: see :func:`.relate_replicas.told`.
    """
    cases, faults = list(machine.cases), list(machine.faults)
    cells = cells.at(named.stores) if named is not None else cells
    for groups in sorted(copies, key=lambda groups: groups.kind == "clone"):  # clones come first, and are told last
        cases, unlike = relate_replicas.told(cases, groups, cells)
        faults = [*relate_replicas.faults_told(faults, groups), *unlike]
        if named is not None:
            cases, faults = _without(
                named, [n for n, (at, _) in named.stores.items() if at == groups.map.name], cases, faults
            )
    if named is not None:
        cases, faults = _without(named, list(named.stores), cases, faults)
    return replace(machine, cases=tuple(_returned(case, returning) for case in cases), faults=tuple(faults))


def _without(
    named: NamedStores, names: Sequence[str], cases: Sequence[Case], faults: Sequence[Fault]
) -> tuple[list[Case], list[Fault]]:
    """Cases and faults without these names for what arrays held; what was named later may be told by earlier ones."""
    terms = list(dict.fromkeys(t for case in cases for t in case.terms()) | dict.fromkeys(f.guard for f in faults))
    new = terms
    for name in reversed(names):
        new = b.substitute(new, {}, {name: partial(named.held, name)})
    return _mapped(dict(zip(terms, new, strict=True)), cases, faults)


def _mapped(new: dict[Term, Term], cases: Sequence[Case], faults: Sequence[Fault]) -> tuple[list[Case], list[Fault]]:
    return [case.mapped(new) for case in cases], [replace(fault, guard=new[fault.guard]) for fault in faults]


def _returned(case: Case, ports: Collection[int]) -> Case:
    """What is sent to one of ``ports`` comes back."""
    if not ports:
        return case
    outputs: list[Output] = []
    for output in case.outputs:
        back = b.or_(*(b.eq(output.port, b.bv(port, 32)) for port in ports)) if output.to == "port" else b.FALSE
        kinds: list[tuple[Term, Destination]] = [(b.not_(back), output.to), (back, "recirculate")]
        for which, to in kinds:
            metadata = {**output.metadata, **AS_RECIRCULATED} if to == "recirculate" else output.metadata
            outputs.append(replace(output, when=b.and_(output.when, which), to=to, metadata=metadata, state={}))
        outputs[-1] = replace(outputs[-1], state=output.state)
    return replace(case, outputs=tuple(o for o in outputs if o.when is not b.FALSE or o.state))
