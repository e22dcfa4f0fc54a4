"""Programs of two architectures brought to the same words: v1model, PSA and PNA (docs/architectures.md).

Both behaviours speak of frames, port numbers, groups, cells and events already. What is left is

* what comes in: packets from a port, and those that both can make come back; timestamps and the state of queues are
  any value (each architecture has units of its own), on the first side one that it may choose, on the second every
  one;
* ports: both have the ports below a number (511: v1model's port 511 means drop); frames to others go nowhere, and
  arguments of actions that are ports, members of groups and the ingress port are ports that both have;
* packets that come back (:mod:`.passes_alike`); if any can go on to a host's stack, the pair is unsupported;
* cells whose width or index is the architecture's own (:mod:`.cells_alike`), and names of digests.

What begins otherwise (PSA drops unless told, PNA if no function was called, v1model leaves ``egress_spec`` open) is a
difference like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from . import cells_alike, passes_alike, places
from .mapping import ProgramMap
from .on_numbers import all_terms
from .pairing import Pairing
from .passes_alike import WORDS, Passes
from .ports import is_port_type
from .proofs.choices import apart, choices_of, map_terms
from .proofs.compare import domain
from .proofs.engine import Engine
from .semantics import bits as b
from .semantics import ir
from .semantics.bits import Term
from .semantics.meaning.action_data import control_params, param_leaves
from .semantics.meaning.behaviour import CHOICE, PORT, Assumption, Behaviour, Case, Choice, Output, still_assumed
from .semantics.meaning.program import Run
from .semantics.source import InputError, Span, Unsupported

PORTS: Final = 511
"""Ports that both have if nothing is said: v1model's 9 bits without the one that means drop."""

OTHER: Final = "other."
"""In front of one side's choices in a question about the other side."""

ANY: Final = None
INPUTS: Final[Mapping[str, Mapping[str, int | None]]] = {
    "v1model": {
        "ingress_global_timestamp": ANY, "egress_global_timestamp": ANY, "enq_timestamp": ANY,
        "enq_qdepth": ANY, "deq_timedelta": ANY, "deq_qdepth": ANY,
    },
    "psa": {"ingress_timestamp": ANY, "egress_timestamp": ANY},
    "pna": {
        "loopedback": 0, "forward_port": 0, "class_of_service": 0, "timestamp": ANY, "from_ipsec": 0,
        "ipsec_status": 0,
    },
}  # fmt: skip
"""By architecture: what an input is, in every pass that is compared; what is not here, and not of
:mod:`.passes_alike`, has no default."""
FIRST_PASS: Final[Mapping[str, Mapping[str, int | None]]] = {
    arch: {words.kind: words.numbers[0]} for arch, words in WORDS.items()
}
"""The same for the kind of pass, where no packet of both comes back."""

_INPUT: Final = re.compile(r"in\.(each\.\d+\.)?(.+)", re.DOTALL)


def supported(first: ir.Program, second: ir.Program) -> bool:
    """Whether there is a mapping between the architectures of two programs."""
    return first.arch in INPUTS and second.arch in INPUTS


def inputs_of_a_run(
    program: ir.Program, passes: Passes, said: Mapping[str, int | None], values: Mapping[str, int], prefix: str
) -> dict[str, int]:
    """The inputs of a run of ``program`` alone, on a model's values; ``prefix`` is in front of the side's choices."""
    known = {**FIRST_PASS[program.arch], **INPUTS[program.arch], **said}
    own = {n: values.get(f"{prefix}{CHOICE}{n}", 0) if value is None else value for n, value in known.items()}
    return own | passes.of_a_run(values, prefix)


def alike(
    pairing: Pairing, said: ProgramMap, spec: Behaviour, impl: Behaviour, engine: Engine
) -> tuple[Behaviour, Behaviour]:
    """Both behaviours (the second one over the first's tables and state) in words that mean the same.

    Raises:
        Unsupported: something has no counterpart; with its name and place.
        InputError: the mapping names an input that is not there.
    """
    first, second = pairing.first, pairing.second
    _known_arguments(first, said)
    ports = said.ports if said.ports is not None else PORTS
    (spec, mine), (impl, theirs) = passes_alike.alike((first, second), said, (spec, impl))
    pairing.passes = (mine, theirs)
    spec = _with_inputs(spec, first, mine, said, "first")
    impl = _with_inputs(impl, second, theirs, said, "second")
    spec, impl = (_on_ports(side, ports, _legal_arguments(pairing, said, ports, side)) for side in (spec, impl))
    spec = _that_can_be(spec, (spec, impl), first, engine)
    impl = _that_can_be(impl, (spec, impl), second, engine)
    spec, impl = passes_alike.only_caused_by_both(spec, impl)
    pairing.events = _event_pairs(spec, impl, second, said)
    impl = _with_events(impl, pairing.events)
    return cells_alike.alike(pairing, said, spec, impl)


# --- what comes in --------------------------------------------------------------------------------------------------


def _with_inputs(side: Behaviour, program: ir.Program, passes: Passes, said: ProgramMap, which: str) -> Behaviour:
    """``side`` on what both know of a pass, with choices for what is any value."""
    mine = said.inputs[0 if which == "first" else 1]
    known = {**({} if passes.kinds else FIRST_PASS[program.arch]), **INPUTS[program.arch], **mine}
    values: dict[Term, Term] = {}
    choices = []
    read = _inputs(all_terms(side))
    told, unread = _what_was_said(mine, read, program, said.path, which)
    for variable in read:
        copy, name = _parts(variable)
        if name not in known:
            continue
        value = known[name]
        if value is None:
            values[variable] = chosen = b.var(f"{CHOICE}{copy}{name}", variable.sort)
            place = places.of_member(program, name)
            choices.append(Choice(chosen, f"{name}, which {program.arch} alone gives a meaning", place))
        else:
            if value >> max(1, variable.width):
                raise InputError.at(Span(said.path, 0, 0), f"[inputs.{which}]: {value} is too large for {name}")
            values[variable] = b.literal(value, variable)
    changed = map_terms(side, lambda terms: b.substitute(terms, values), {})
    common = passes.names()
    for variable in _inputs(all_terms(changed)):
        _, name = _parts(variable)
        if variable.name in common:
            continue
        reason = (
            f"{name} of {program.arch} has no counterpart; say what it is in [inputs.{which}] of a --map file, or, of "
            "what comes with a packet to another pass, which field it is in [carried]"
        )
        raise Unsupported(reason, places.of_member(program, name.rpartition(".")[2]))
    kept = still_assumed(changed.domain)
    kinds = "".join(f", and packets to {kind}" for kind in passes.kinds) or ", in their first pass"
    note = f"the {which} program ({program.arch}): packets from ports{kinds}"
    notes = (*changed.notes, note, *unread)
    return replace(changed, domain=(*kept, *told), choices=(*changed.choices, *choices), notes=notes)


def _what_was_said(
    mine: Mapping[str, int | None], read: Iterable[Term], program: ir.Program, path: str, which: str
) -> tuple[list[Assumption], list[str]]:
    """What is assumed of inputs because a user says so, and what is said of inputs that nothing reads.

    Raises:
        InputError: no input is called so.
    """
    names = {_parts(variable)[1] for variable in read}
    fields = {f.name for type_ in program.types if isinstance(type_, ir.StructType) for f in type_.fields}
    for name in mine:
        if name not in names and name.rpartition(".")[2] not in fields:
            raise InputError.at(Span(path, 0, 0), f"[inputs.{which}]: {program.arch} has no input {name}")
    told = [
        Assumption(f"{name} of the {which} program is {'anything' if value is None else value}, as --map says", b.TRUE)
        for name, value in mine.items()
        if name in names
    ]
    unread = [f"[inputs.{which}]: nothing reads {name} as an input of its own" for name in mine if name not in names]
    return told, unread


def _inputs(terms: Iterable[Term]) -> list[Term]:
    return [v for v in b.variables(*terms) if v.name.startswith("in.") and v is not PORT]


def _parts(variable: Term) -> tuple[str, str]:
    """Of which copy an input is (empty for the frame itself), and its name."""
    found = _INPUT.fullmatch(variable.name)
    assert found is not None
    return found[1] or "", found[2]


# --- ports ----------------------------------------------------------------------------------------------------------


def _on_ports(side: Behaviour, ports: int, legal: tuple[Term, ...]) -> Behaviour:
    """``side`` with the ports below a number and no others."""

    def kept(output: Output) -> Output:
        if output.to != "port":
            return output
        return replace(output, when=b.and_(output.when, _below(output.port, ports)))

    cases = tuple(_with_outputs(case, (kept(o) for o in case.outputs)) for case in side.cases)
    there = Assumption(f"both have the ports below {ports}: packets come from these", _below(PORT, ports))
    members = {r.port: None for case in cases for o in case.outputs for r in o.each if r.port.op == "var"}
    note = (
        f"frames sent to ports from {ports} on go nowhere; arguments that are ports, and members of groups, are below"
    )
    axioms = (*side.axioms, *legal, *(_below(port, ports) for port in members))
    return replace(side, cases=cases, domain=(*side.domain, there), axioms=axioms, notes=(*side.notes, note))


def _with_outputs(case: Case, outputs: Iterable[Output]) -> Case:
    return replace(case, outputs=tuple(o for o in outputs if o.when is not b.FALSE or o.state))


def _below(term: Term, limit: int) -> Term:
    return b.ult(term, b.bv(limit, term.width)) if limit < 1 << term.width else b.TRUE


def _legal_arguments(pairing: Pairing, said: ProgramMap, ports: int, side: Behaviour) -> tuple[Term, ...]:
    """Of the answers of the tables that a side asks: arguments are ports that both have, and fit both."""
    limits: dict[str, int] = {}
    for pair in pairing.tables:
        for number, positions in pair.params.items():
            mine, theirs = pairing.actions_of(pair, number)
            ours = control_params(mine)
            for position, other in zip(positions, control_params(theirs), strict=True):
                for (leaf, here), (_, there) in zip(param_leaves(ours[position]), param_leaves(other), strict=True):
                    limit = 1 << min(here, there)
                    if _is_port(mine, ours[position], other, said):
                        limit = min(limit, ports)
                    table, name = pair.first.control_name, f"{mine.name}.{leaf}"
                    limits[f"table.{table}.arg.{name}"] = limit
                    limits[f"table.{table}.default.arg.{name}"] = limit
    asked = all_terms(side)
    answers = {*b.applications(*asked), *b.variables(*asked)}
    found = [_below(t, limits[t.name]) for t in sorted(answers, key=lambda t: t.serial) if t.name in limits]
    return tuple(t for t in found if t is not b.TRUE)


def _known_arguments(program: ir.Program, said: ProgramMap) -> None:
    """Raises InputError where an argument that is said to be a port is none of the program's actions."""
    actions = [action for control in program.controls for action in control.actions]
    known = {name for action in actions for param in control_params(action) for name in _names(action, param)}
    for name in said.port_arguments:
        if name not in known:
            raise InputError.at(
                Span(said.path, 0, 0), f"[ports]: no action of the first program has an argument {name}"
            )


def _names(action: ir.Action, param: ir.Param) -> set[str]:
    return {f"{name}.{param.name}" for name in (action.name, action.control_name, action.control_name.split(".")[-1])}


def _is_port(action: ir.Action, mine: ir.Param, theirs: ir.Param, said: ProgramMap) -> bool:
    named = not _names(action, mine).isdisjoint(said.port_arguments)
    return is_port_type(mine.type) or is_port_type(theirs.type) or named


# --- what goes elsewhere --------------------------------------------------------------------------------------------


def _that_can_be(side: Behaviour, both: tuple[Behaviour, Behaviour], program: ir.Program, engine: Engine) -> Behaviour:
    """``side`` without outputs elsewhere than to ports that cannot be, and with packets that come back only where no
    undefined port says so: one that is a number for "come back" goes nowhere, as every number does that is no port.

    Raises:
        Unsupported: a packet can go on to a host's stack.
    """
    possible = domain(side, *(apart(other, OTHER) for other in both if other is not side))
    cases = []
    for case in side.cases:
        undefined = {v: b.ite(_below(v, PORTS), v, b.bv(PORTS, v.width)) for v in _undefined_ports(case, side)}
        outputs = []
        for output in case.outputs:
            if output.to == "port" or output.when is b.FALSE:
                outputs.append(_on_a_port(output))
                continue
            (when,) = b.substitute([output.when], undefined)
            query = b.and_(possible, case.guard, when)
            if engine.satisfiable(query, f"no packet goes to {output.to}").status == "unsat":
                outputs.append(_on_a_port(output))
            elif output.to == "stack":
                reason = (
                    f"a packet of {program.arch} that goes on to the host's stack has no counterpart in the other one"
                )
                raise Unsupported(reason, places.of_return(program, output.to))
            else:
                outputs.append(replace(output, when=when))
        cases.append(_with_outputs(case, outputs))
    return replace(side, cases=tuple(cases))


def _undefined_ports(case: Case, side: Behaviour) -> list[Term]:
    """The choices that a case sends its frames to as they are."""
    choices, found = set(choices_of(side)), []
    waiting = [o.port for o in case.outputs if o.to == "port"]
    while waiting:
        term = waiting.pop()
        if term in choices:
            found.append(term)
        elif term.op == "ite":
            waiting += term.args[1:]
    return found


def _on_a_port(output: Output) -> Output:
    """An output that can be on a port only; of one that cannot be, what its copy writes stays, next to the others of
    that copy."""
    return output if output.to == "port" else replace(output, to="port", when=b.FALSE, metadata={})


# --- events ---------------------------------------------------------------------------------------------------------


def _event_pairs(spec: Behaviour, impl: Behaviour, second: ir.Program, said: ProgramMap) -> dict[str, str]:
    """The second's names of what the control plane is told → the first's."""
    mine, theirs = _event_names(spec), _event_names(impl)
    for name in said.events:
        if name not in mine:
            raise InputError.at(Span(said.path, 0, 0), f"[events]: the first program has no {name} ({', '.join(mine)})")
    names = {y: x for x, y in said.events.items()}
    names |= {name: name for name in theirs if name in mine and name not in names}
    left = [name for name in mine if name not in names.values()]
    open_ = [name for name in theirs if name not in names]
    if len(left) == len(open_) == 1:
        names[open_[0]] = left[0]
    elif left and open_:
        reason = f"which digest {open_[0]} is among {', '.join(left)} is not known; say so in [events] of a --map file"
        raise Unsupported(reason, Span(second.file, 1, 1))
    return names


def _with_events(impl: Behaviour, names: Mapping[str, str]) -> Behaviour:
    """``impl`` with the first's names of events."""
    cases = tuple(
        replace(case, events=tuple(replace(e, name=names.get(e.name, e.name)) for e in case.events))
        for case in impl.cases
    )
    return replace(impl, cases=cases)


def _event_names(side: Behaviour) -> list[str]:
    return list(dict.fromkeys(e.name for case in side.cases for e in case.events))


def seen(ran: Run, pairing: Pairing, said: ProgramMap) -> Run:
    """Of what one of the two programs did to a packet, what is compared by itself: frames on ports that both have, and
    events by the first's names."""
    ports = said.ports if said.ports is not None else PORTS
    outputs = tuple(item for item in ran.outputs if item[0] == "port" and item[1] < ports)
    events = tuple((pairing.events.get(name, name), told) for name, told in ran.events)
    return replace(ran, outputs=outputs, events=events, state={})
