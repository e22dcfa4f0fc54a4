"""Packets that came back, in a later pass of two programs of two architectures: whether earlier passes lead there.

Passes are compared one by one, on whatever a packet brings along (:mod:`.passes_alike`). That proves programs equal,
but a difference in a later pass is one only if packets get there: if some packet from a port is sent back, by both
programs alike, with just these bytes and fields, under the same rules and with what the passes before have left in
registers. :func:`behind` puts that as an assumption on the inputs of the later pass. Two things limit it:

* nothing that a pass before does may hang on what the first program leaves open (:func:`determined`): else other values
  might make up for the difference;
* packets that come back as copies for a group, and passes of whose inputs something is not put into words here (sums
  over payload, externs that nobody knows), lead nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from .on_numbers import all_terms
from .passes_alike import KIND, KINDS, WENT_ROUND, Passes, is_kind
from .proofs.compare import domain
from .proofs.engine import Model
from .proofs.fixing import all_fixed
from .semantics import bits as b
from .semantics.bits import Term
from .semantics.meaning.behaviour import CHOICE, LENGTH, PORT, Behaviour, Case, Output, Packet, is_choice

EARLIER: Final = "earlier."
"""In front of the names of inputs of the pass before."""
PASSES: Final = 3
"""Passes before the one that differs, at most."""
_PASS_NUMBER: Final = b.var("in.pass", 3)
_OURS: Final = "ours."
_THEIRS: Final = "theirs."
"""In front of the names of the two sides' choices in a pass before."""
_SHARED: Final = ("table.",)
"""What is the same in all passes: rules."""
_LINKED: Final = ("table.", "state.", "each.")
"""Functions that have a meaning here."""


def behind(spec: Behaviour, impl: Behaviour, passes: Sequence[Passes], count: int) -> Term:
    """That a packet came back through ``count`` passes of both programs; false where that cannot be said exactly.

    Args:
        spec: the first program, in words that both have.
        impl: the second; its choices are not yet apart from the first one's.
        passes: what inputs are called in either.
        count: passes before this one; 0: it is the first.
    """
    sides = (spec, impl)
    asked = [*all_terms(spec), *all_terms(impl), domain(spec, impl)]
    if count and not _in_words(asked):
        return b.FALSE
    links: list[Term] = []
    prefix = ""
    for _ in range(count):
        links.append(_Link(sides, passes, asked, prefix).term())
        asked = [links[-1]]
        prefix += EARLIER
    return b.and_(*links, _renamed([b.eq(KIND, b.bv(0, 2))], prefix)[0])


def _in_words(terms: Sequence[Term]) -> bool:
    """Whether all inputs of a pass are put into words here."""
    sums = any(v.name.startswith("pkt.") and v is not LENGTH for v in b.variables(*terms))
    arrays = any(v.sort.index for v in b.variables(*terms))
    return not sums and not arrays and all(call.name.startswith(_LINKED) for call in b.applications(*terms))


def _renamed(terms: Sequence[Term], prefix: str, of_choices: str = "") -> list[Term]:
    """Terms over the inputs of another pass."""

    def name(old: str) -> str:
        return prefix + (of_choices if old.startswith(CHOICE) else "") + old

    variables: dict[Term, Term] = {
        v: b.var(name(v.name), v.sort) for v in b.variables(*terms) if not v.name.startswith(_SHARED)
    }
    calls = {c.name: c.sort for c in b.applications(*terms) if not c.name.startswith(_SHARED)}
    functions = {n: (lambda *args, n=n, sort=sort: b.apply(name(n), sort, *args)) for n, sort in calls.items()}
    return b.substitute(list(terms), variables, functions)


class _Link:
    """What holds between the inputs of a pass (``prefix`` in front of their names) and those of the one before."""

    def __init__(
        self, sides: tuple[Behaviour, Behaviour], passes: Sequence[Passes], asked: Sequence[Term], prefix: str
    ) -> None:
        self._sides, self._passes, self._prefix = sides, passes, prefix
        self._before = prefix + EARLIER
        names = len(prefix)
        mine = [v for v in b.variables(*asked) if v.name.startswith(prefix) and not v.name[names:].startswith(EARLIER)]
        self._inputs = {v.name[names:]: v for v in mine}
        """The inputs of the later pass that matter, by name."""
        self._asked = list(asked)
        self._cells: list[tuple[str, Term]] = []
        """What the later pass asks registers for, if it is of the kind that is looked at, by their names."""

    def term(self) -> Term:
        """The condition."""
        ways = [b.and_(self._is(kind), self._kind(kind)) for kind in self._passes[0].kinds]
        choices = (_OURS, _THEIRS)
        possible = (_renamed([domain(s)], self._before, mine)[0] for s, mine in zip(self._sides, choices, strict=True))
        return b.and_(*possible, b.or_(*ways))

    def _is(self, kind: str) -> Term:
        return _renamed([is_kind(kind)], self._prefix)[0]

    def _kind(self, kind: str) -> Term:
        """Both send the packet back in this way."""
        if kind == "recirculate" and any(p.arch == "pna" for p in self._passes) and PORT.name in self._inputs:
            return b.FALSE
        kinds = dict(zip(_renamed([KIND], self._prefix), [b.bv(KINDS.index(kind) + 1, 2)], strict=True))
        state = f"{self._prefix}state."
        calls = [c for c in b.applications(*b.substitute(self._asked, kinds)) if c.name.startswith(state)]
        if any(map(is_choice, b.variables(*calls))):
            return b.FALSE  # which cells are asked for is open
        self._cells = [(call.name.removeprefix(state), call) for call in calls]
        both = (b.or_(*self._ways(number, kind)) for number in range(2))
        return b.and_(*both, *self._of_the_pass(kind))

    def _of_the_pass(self, kind: str) -> Iterator[Term]:
        """The port, the number of the pass, and whether the packet was recirculated before."""
        before, was_round, port, number = _renamed([KIND, WENT_ROUND, PORT, _PASS_NUMBER], self._before)
        if kind == "resubmit":
            recirculated = b.eq(before, b.bv(KINDS.index("recirculate") + 1, 2))
            yield b.not_(recirculated)
            if PORT.name in self._inputs:
                yield b.eq(self._inputs[PORT.name], port)
            again = b.ite(b.eq(before, b.bv(0, 2)), b.bv(0, 1), was_round)
            if WENT_ROUND.name in self._inputs:
                yield b.eq(self._inputs[WENT_ROUND.name], again)
        if _PASS_NUMBER.name in self._inputs:
            first = b.eq(before, b.bv(0, 2))
            yield b.eq(self._inputs[_PASS_NUMBER.name], b.ite(first, b.bv(1, 3), b.add(number, b.bv(1, 3))))

    def _ways(self, number: int, kind: str) -> Iterator[Term]:
        """How one of the two sends the packet back."""
        read = {name for name in self._inputs if name.startswith(f"in.{kind}.")}
        for case in self._sides[number].cases:
            for output in case.outputs:
                told = {f"in.{name}" for name in output.metadata}
                if output.to == kind and not output.each and read <= told:
                    yield self._way(case, output, _THEIRS if number else _OURS)

    def _way(self, case: Case, output: Output, of_choices: str) -> Term:
        written = {name for o in case.outputs for name in o.state}
        if written.intersection(name for name, _ in self._cells):
            return b.FALSE  # by copies, in an order that is open
        names, fields = list(output.metadata), list(output.metadata.values())
        states = [name for name, _ in self._cells if name in case.state]
        if output.packet.trailer or output.packet.filled:
            return b.FALSE  # P4 programs put nothing behind the payload
        ended = output.packet.terms()
        terms = [case.guard, output.when, *ended, *fields, *(case.state[name] for name in states)]
        guard, when, *rest = _renamed(terms, self._before, of_choices)
        packet, rest = output.packet.mapped(dict(zip(ended, rest, strict=False))), rest[len(ended) :]
        carried = dict(zip((f"in.{name}" for name in names), rest, strict=False))
        after = dict(zip(states, rest[len(names) :], strict=True))
        same = (b.eq(v, carried[name]) for name, v in self._inputs.items() if name in carried)
        cells = (self._cell(name, call, after.get(name)) for name, call in self._cells)
        return b.and_(guard, when, *same, *cells, *self._frame(packet))

    def _cell(self, name: str, call: Term, after: Term | None) -> Term:
        """A cell holds what the pass before left in it."""
        if after is None:
            return b.eq(call, b.apply(f"{self._before}state.{name}", call.sort, *call.args))
        index = {v: call.args[0] for v in b.variables(after) if v.name == f"{self._before}at.{name}"}
        return b.eq(call, b.substitute([after], index)[0])

    def _frame(self, packet: Packet) -> Iterator[Term]:
        """The frame is the one that was sent back."""
        prefix = packet.prefix
        (length,) = _renamed([LENGTH], self._before)
        payload, most = b.bv(packet.payload, LENGTH.width), b.bv((1 << LENGTH.width) - 1 - len(prefix), LENGTH.width)
        rest = b.ite(b.ult(length, payload), b.bv(0, LENGTH.width), b.sub(length, payload))
        yield b.ule(rest, most)
        whole = b.add(rest, b.bv(len(prefix), LENGTH.width))
        if packet.size is not None:
            size = b.resize(packet.kept, LENGTH.width)
            whole = b.ite(b.ult(size, whole), size, whole)
        here = b.var(self._prefix + LENGTH.name, LENGTH.sort)
        yield b.eq(here, whole)
        for name, octet in self._inputs.items():
            if name.startswith("pkt["):
                at = int(name[4:-1])
                beyond = b.var(f"{self._before}pkt[{packet.payload + at - len(prefix)}]", 8)
                sent = prefix[at] if at < len(prefix) else beyond
                yield b.implies(b.ult(b.bv(at, LENGTH.width), here), b.eq(octet, sent))


def determined(spec: Behaviour, model: Model, count: int) -> bool:
    """Whether all that the first program does in the ``count`` passes before is the same whatever it leaves open, on
    the packets of a model under :func:`behind`."""
    return all(_determined(spec, model, EARLIER * number) for number in range(1, count + 1))


def _determined(spec: Behaviour, model: Model, prefix: str) -> bool:
    def known(terms: Sequence[Term]) -> list[Term]:
        new = _renamed(terms, prefix, _OURS)
        names = (prefix + _OURS, f"{prefix}at.", f"{prefix}each.")
        return all_fixed(new, model, frozenset(v for v in b.variables(*new) if v.name.startswith(names)))

    guards = known([case.guard for case in spec.cases])
    if not all(guard.is_const for guard in guards) or b.TRUE not in guards:
        return False
    case = spec.cases[guards.index(b.TRUE)]
    whens = known([*(o.when for o in case.outputs), *(e.when for e in case.events)])
    outputs = [o for o, when in zip(case.outputs, whens, strict=False) if when is not b.FALSE]
    events = [e for e, when in zip(case.events, whens[len(case.outputs) :], strict=True) if when is not b.FALSE]
    done = [t for o in outputs for t in (o.when, o.port, *o.packet.terms(), *o.metadata.values())]
    done += [r.group for each in (*(o.each for o in outputs), *(e.each for e in events)) for r in each]
    done += [t for e in events for t in (e.when, *e.fields)]
    done += [t for o in case.outputs for t in o.state.values()] + [*case.state.values()]
    return not any(v.name.startswith(prefix + _OURS) for v in b.variables(*known(done)))
