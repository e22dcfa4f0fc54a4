"""Packets that come back, in two programs of two architectures: resubmitted and recirculated ones.

Each pass is compared by itself, on any packet and whatever it brings along: if both do the same in every pass, what
they send back included, they do the same in all passes together (by induction on the passes). So the kind of pass
becomes one input of both, ``in.pass_kind``, and so does each field that both read, ``in.KIND.FIELD``:

* v1model: ``instance_type`` and the metadata that field lists preserve; the port at which a recirculated packet comes
  in is any (:mod:`.semantics.arch.v1model`).
* PSA: ``packet_path``, what the deparsers give as ``resubmit_meta`` and ``recirculate_meta``; a recirculated packet
  comes in at ``PSA_PORT_RECIRCULATE``.
* PNA: ``pass`` is 0 in the first pass only; nothing goes with the packet.

A field that is only ever sent back with some literals has one of these. Passes of a kind that only one of the two can
cause are not looked at: that the other one never causes them is a difference of the pass before, or there are none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from . import places
from .mapping import ProgramMap
from .on_numbers import all_terms
from .proofs.choices import map_terms
from .proofs.known import facts
from .semantics import bits as b
from .semantics import ir
from .semantics.arch.psa import PORT_RECIRCULATE
from .semantics.bits import Term
from .semantics.meaning.behaviour import CHOICE, PORT, Assumption, Behaviour, Case, Choice, Output, still_assumed
from .semantics.source import InputError, Span, Unsupported

KINDS: Final = ("resubmit", "recirculate")
"""How packets come back; a pass of kind ``KINDS[k]`` has number k + 1, one from a port 0."""

KIND: Final = b.var("in.pass_kind", 2)
WENT_ROUND: Final = b.var("in.pass_went_round", 1)
"""Of a resubmitted packet: whether the pass that sent it back was one of a packet that had been recirculated, or had
that behind it; then it keeps the port at which it came in there."""
PASS_PORT: Final = f"{CHOICE}pass_port"
V1MODEL_PORT_BITS: Final = 9


@dataclass(frozen=True)
class _Words:
    """How an architecture tells passes apart."""

    kind: str
    """The input that says which kind a pass is."""
    width: int
    numbers: Mapping[int, int]
    """Number of a kind here → its value. What a kind that is absent has is not 0, and any other value."""
    carried: Mapping[str, str]
    """Kind → in front of the fields that go with such a packet."""


WORDS: Final[Mapping[str, _Words]] = {
    "v1model": _Words("instance_type", 32, {0: 0, 1: 6, 2: 4}, {"resubmit": "meta", "recirculate": "meta"}),
    "psa": _Words(
        "packet_path", 8, {0: 0, 1: 5, 2: 6}, {"resubmit": "resubmit_meta", "recirculate": "recirculate_meta"}
    ),
    "pna": _Words("pass", 3, {0: 0}, {}),
}


@dataclass(frozen=True)
class Passes:
    """What the inputs of a pass are called in one of two programs."""

    arch: str = ""
    kinds: tuple[str, ...] = ()
    """The kinds of pass that are compared, beside those of packets from ports."""
    shared: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(kind, field's name here) → its name for both."""
    told: frozenset[str] = frozenset()
    """Of these names, those that the passes of both read: what is sent back is compared."""

    def names(self) -> frozenset[str]:
        """Inputs that need no value of their own: those of both, the number of a pass where that is one, and fields,
        which may be anything in passes that do not read them."""
        own = (WORDS[self.arch].kind, *(name for _, name in self.shared)) if self.kinds else ()
        return frozenset({KIND.name, WENT_ROUND.name, *(f"in.{name}" for name in (*own, *self.shared.values()))})

    def of_a_run(self, values: Mapping[str, int], prefix: str) -> dict[str, int]:
        """The inputs of a run of this program alone (``port`` among them where it is the pass's), on a model's values;
        ``prefix`` is in front of the side's choices."""
        kind = values.get(KIND.name, 0) if self.kinds else 0
        if not kind:
            return {}
        words, way = WORDS[self.arch], KINDS[kind - 1]
        known = {name: values.get(f"in.{both}", 0) for (k, name), both in self.shared.items() if k == way}
        known[words.kind] = words.numbers.get(kind) or values.get(f"in.{words.kind}", 0) or 1
        went_round = way == "recirculate" or values.get(WENT_ROUND.name, 0)
        if went_round and "recirculate" in self.kinds and self.arch == "psa":
            known["port"] = PORT_RECIRCULATE
        elif way == "recirculate" and self.arch == "v1model":
            known["port"] = values.get(prefix + PASS_PORT, 0)
        return known


def alike(
    programs: tuple[ir.Program, ir.Program], said: ProgramMap, sides: tuple[Behaviour, Behaviour]
) -> tuple[tuple[Behaviour, Passes], tuple[Behaviour, Passes]]:
    """Both sides over the same kinds of pass, and what their inputs are called.

    Raises:
        Unsupported: a field that comes with a packet has no partner, or one of another width; with its place.
        InputError: the mapping names a field that is not there, or gives one two partners.
    """
    causes = [{o.to for case in side.cases for o in case.outputs if o.when is not b.FALSE} for side in sides]
    free = all(WORDS[p.arch].kind not in mine for p, mine in zip(programs, said.inputs, strict=True))
    kinds = tuple(kind for kind in KINDS if free and all(kind in cause for cause in causes))
    fields = [_fields(program.arch, side) for program, side in zip(programs, sides, strict=True)]
    _all_said_are_there(said, fields)
    pairs = {kind: _pairs(kind, programs, said, (fields[0][kind], fields[1][kind])) for kind in kinds}
    read = [_read_in(kinds, p.arch, side, f) for p, side, f in zip(programs, sides, fields, strict=True)]
    for which, program in enumerate(programs):
        _all_have_partners(program, read[which], {k: [pair[which] for pair in found] for k, found in pairs.items()})
    both = {k: [(x, y) for x, y in found if x in read[0][k] and y in read[1][k]] for k, found in pairs.items()}
    known = _literals(both, sides[0])
    made = []
    for which, (program, side) in enumerate(zip(programs, sides, strict=True)):
        shared = {(k, pair[which]): f"{k}.{pair[0]}" for k, found in pairs.items() for pair in found}
        told = frozenset(f"{k}.{x}" for k, found in both.items() for x, _ in found)
        passes = Passes(program.arch, kinds, shared, told)
        new = _in_shared_words(side, program, passes, fields[which])
        made.append((replace(new, domain=(*new.domain, *known)), passes))
    return made[0], made[1]


def _literals(pairs: Mapping[str, Sequence[tuple[str, str]]], side: Behaviour) -> list[Assumption]:
    """Of each field that the first side only ever sends back with literals: that it has one of these."""
    found = []
    for kind, names in pairs.items():
        for name, _ in names:
            given = [_told(case, o, name) for case in side.cases for o in case.outputs if o.to == kind]
            values = None if None in given else _leaves(term for term in given if term is not None)
            if values is not None:
                field_ = b.var(f"in.{kind}.{name}", next(iter(values)).width)
                text = f"{name} comes with a packet to {kind} as {' or '.join(str(v.value) for v in values)}"
                holds = b.or_(*(b.eq(field_, value) for value in values))
                found.append(Assumption(text, b.implies(is_kind(kind), holds)))
    return found


def _told(case: Case, output: Output, name: str) -> Term | None:
    """A field that goes with an output, as it is where the output is; None if it does not."""
    term = output.metadata.get(name)
    return None if term is None else b.substitute([term], facts(b.and_(case.guard, output.when)))[0]


MOST_LITERALS: Final = 8


def _leaves(terms: Iterable[Term]) -> list[Term] | None:
    """The literals among which terms choose; None if there are none, others beside them, or many."""
    found: dict[Term, None] = {}
    stack = [*terms]
    seen = set()
    while stack:
        term = stack.pop()
        if term in seen:
            continue
        seen.add(term)
        if term.op == "ite":
            stack += term.args[1:]
        elif term.is_const and len(found) < MOST_LITERALS:
            found[term] = None
        else:
            return None
    return list(found) or None


# --- fields ---------------------------------------------------------------------------------------------------------

_Fields = Mapping[str, Mapping[str, int]]
"""By kind: the fields that go with such a packet, in the program's words, with their widths."""


def _reads(side: Behaviour) -> dict[str, int]:
    """The inputs that a side reads, with their widths."""
    return {v.name.removeprefix("in."): v.width for v in b.variables(*all_terms(side)) if v.name.startswith("in.")}


def _fields(arch: str, side: Behaviour) -> _Fields:
    found: dict[str, dict[str, int]] = {kind: {} for kind in KINDS}
    for kind, before in WORDS[arch].carried.items():
        given = {n: t.width for o in _returns(side, kind) for n, t in o.metadata.items()}
        for name, width in (*given.items(), *_reads(side).items()):
            if name == before or name.startswith(f"{before}."):
                found[kind][name] = width
    return found


def _read_in(
    kinds: Sequence[str], arch: str, side: Behaviour, fields: Mapping[str, Mapping[str, int]]
) -> dict[str, set[str]]:
    """By kind of pass: the fields that such a pass reads, to whatever end but to send back what nobody reads."""
    words = WORDS[arch]
    read: dict[str, set[str]] = {kind: set() for kind in kinds}
    while True:
        before = {kind: set(names) for kind, names in read.items()}
        for kind in kinds:
            number = words.numbers.get(KINDS.index(kind) + 1)
            given = {} if number is None else {b.var(f"in.{words.kind}", words.width): b.bv(number, words.width)}
            guards = b.substitute([case.guard for case in side.cases], given)
            live = [case for case, guard in zip(side.cases, guards, strict=True) if guard is not b.FALSE]
            terms = b.substitute([term for case in live for term in _terms(case, before)], given)
            names = {v.name.removeprefix("in.") for v in b.variables(*terms)}
            read[kind] |= names.intersection(fields[kind])
        if read == before:
            return read


def _terms(case: Case, read: Mapping[str, set[str]]) -> list[Term]:
    """The terms of a case, without what is sent back as fields that are not read; what a field depends on only where
    the packet is not sent back does not count."""
    found = [*replace(case, outputs=tuple(replace(o, metadata={}) for o in case.outputs)).terms()]
    told = (_told(case, o, n) for o in case.outputs for n in o.metadata if n in read.get(o.to, ()))
    return found + [term for term in told if term is not None]


def _all_have_partners(program: ir.Program, read: Mapping[str, set[str]], shared: Mapping[str, Sequence[str]]) -> None:
    for kind, names in read.items():
        for name in sorted(names):
            if name not in shared[kind]:
                reason = (
                    f"{name} comes with a packet to {kind} of {program.arch}, and the other program has nothing of "
                    "that name; say what it is in [carried] of a --map file"
                )
                raise Unsupported(reason, places.of_member(program, name.rpartition(".")[2]))


def _returns(side: Behaviour, kind: str) -> list[Output]:
    return [o for case in side.cases for o in case.outputs if o.to == kind]


def _pairs(
    kind: str, programs: tuple[ir.Program, ir.Program], said: ProgramMap, fields: tuple[Mapping[str, int], ...]
) -> list[tuple[str, str]]:
    """The fields that correspond: as it was said, else those of one name."""
    first, second = fields
    pairs = [(x, y) for x, ys in said.carried.items() if x in first for y in ys if y in second]
    for names in zip(*pairs, strict=True):
        if len(set(names)) < len(names):
            text = f"[carried]: a field has two partners with packets to {kind} ({', '.join(names)})"
            raise InputError.at(Span(said.path, 0, 0), text)
    done = {name for pair in pairs for name in pair}
    by_name = {_plain(y): y for y in second if y not in done}
    pairs += [(x, by_name[_plain(x)]) for x in first if x not in done and _plain(x) in by_name]
    for x, y in pairs:
        if first[x] != second[y]:
            reason = f"{x} has {first[x]} bits, and {y} of the other program {second[y]}, with a packet to {kind}"
            raise Unsupported(reason, places.of_member(programs[0], _plain(x).rpartition(".")[2]))
    return pairs


def _plain(name: str) -> str:
    """A field's name without what is in front of all of its kind."""
    return name.partition(".")[2]


def _all_said_are_there(said: ProgramMap, fields: Iterable[_Fields]) -> None:
    there = [{name for found in side.values() for name in found} for side in fields]
    named = (list(said.carried), [y for ys in said.carried.values() for y in ys])
    for which, known, names in zip(("first", "second"), there, named, strict=True):
        for name in names:
            if name not in known:
                listed = ", ".join(sorted(known)) or "none"
                text = f"[carried]: with no packet of the {which} program goes a {name} ({listed})"
                raise InputError.at(Span(said.path, 0, 0), text)


# --- one side -------------------------------------------------------------------------------------------------------


def _in_shared_words(side: Behaviour, program: ir.Program, passes: Passes, fields: _Fields) -> Behaviour:
    words = WORDS[program.arch]
    if not passes.kinds:
        return replace(side, cases=tuple(replace(c, outputs=tuple(map(_plain_return, c.outputs))) for c in side.cases))
    values: dict[Term, Term] = {b.var(f"in.{words.kind}", words.width): _kind_here(words, passes)}
    for name, width in {n: w for found in fields.values() for n, w in found.items()}.items():
        own = term = b.var(f"in.{name}", width)
        for kind in passes.kinds:
            both = passes.shared.get((kind, name))
            if both is not None:
                term = b.ite(is_kind(kind), b.var(f"in.{both}", width), term)
        values[own] = term
    choices: tuple[Choice, ...] = ()
    if "recirculate" in passes.kinds and program.arch != "pna":
        values[PORT], choices = _port_of_a_pass(program, passes)

    def shared(output: Output) -> Output:
        known = {both: n for (kind, n), both in passes.shared.items() if kind == output.to and both in passes.told}
        told = {both: output.metadata[name] for both, name in known.items() if name in output.metadata}
        return replace(_plain_return(output), metadata=told)

    cases = tuple(replace(case, outputs=tuple(map(shared, case.outputs))) for case in side.cases)
    made = map_terms(replace(side, cases=cases), lambda terms: b.substitute(terms, values), {})
    possible = b.or_(b.eq(KIND, b.bv(0, 2)), *map(is_kind, passes.kinds))
    text = f"packets from ports, and packets to {' and '.join(passes.kinds)} with whatever they bring along"
    domain = (*still_assumed(made.domain), Assumption(text, possible))
    return replace(made, domain=domain, choices=(*made.choices, *choices))


def _plain_return(output: Output) -> Output:
    """Which port a packet comes in at again is the architecture's affair; a resubmitted one has the same as before."""
    return replace(output, port=b.bv(0, 32), metadata={}) if output.to in KINDS else output


def is_kind(kind: str) -> Term:
    return b.eq(KIND, b.bv(KINDS.index(kind) + 1, 2))


def only_caused_by_both(spec: Behaviour, impl: Behaviour) -> tuple[Behaviour, Behaviour]:
    """Both sides without passes of a kind that one of them turned out to cause never."""
    never = [b.not_(is_kind(kind)) for kind in KINDS if not (_returns(spec, kind) and _returns(impl, kind))]
    there = Assumption("passes are those that both programs can cause", b.and_(*never))
    if KIND not in b.variables(*all_terms(spec), *all_terms(impl)) or there.condition is b.TRUE:
        return spec, impl
    return replace(spec, domain=(*spec.domain, there)), replace(impl, domain=(*impl.domain, there))


def _kind_here(words: _Words, passes: Passes) -> Term:
    """The architecture's own input as the kind of pass says."""
    own = b.var(f"in.{words.kind}", words.width)
    zero = b.bv(words.numbers[0], words.width)
    term = zero
    for kind in passes.kinds:
        number = words.numbers.get(KINDS.index(kind) + 1)
        later = b.ite(b.eq(own, zero), b.bv(1, words.width), own)
        term = b.ite(is_kind(kind), later if number is None else b.bv(number, words.width), term)
    return term


def _port_of_a_pass(program: ir.Program, passes: Passes) -> tuple[Term, tuple[Choice, ...]]:
    """The port at which a packet of v1model or PSA comes in."""
    recirculated = is_kind("recirculate")
    if program.arch == "psa":
        kept = b.and_(is_kind("resubmit"), b.to_bool(WENT_ROUND)) if "resubmit" in passes.kinds else b.FALSE
        return b.ite(b.or_(recirculated, kept), b.bv(PORT_RECIRCULATE, 32), PORT), ()
    any_port = b.var(PASS_PORT, V1MODEL_PORT_BITS)
    reason = "the ingress port of a recirculated packet"
    choice = Choice(any_port, reason, places.of_member(program, "ingress_port"))
    return b.ite(recirculated, b.zext(any_port, 32), PORT), (choice,)
