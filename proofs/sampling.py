"""Inputs drawn at random, before anything hard is asked: where two large programs differ at all, few inputs show it.

An input is drawn towards one obligation: bytes, lengths and other inputs get the values that its context asks for, and
otherwise the numbers that the terms compare them with. Functions answer what is drawn for the arguments asked, and the
answers become the model's. A model that defeats an obligation whatever the choices of the specification are is a
difference like one of a solver's; that none was found says nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import Behaviour, distinct_terms
from ..semantics.meaning.payload import PayloadFunctions, of_any_length
from .answers import Model, Table
from .compare import Obligation, domain, meeting

LARGE: Final = 1_000
"""Nodes below which a solver is as quick."""
WORK: Final = 1_500_000
"""Nodes that are evaluated in all."""
MOST: Final = 400
"""Inputs that are drawn at most."""
MOSTLY: Final = 0.8
"""How often the cell that is looked at is one that the input reads or writes."""
LONG: Final = 24
"""Bytes behind those that are asked for, at most."""

Bits = tuple[tuple[int, int, int], ...]
"""Bits of the frame, (byte, high, low), the highest first."""


def samples(
    obligations: Sequence[Obligation], possible: Term, alike: Mapping[Term, Term], effort: int = 1
) -> Iterator[Model]:
    """Models that defeat one of the obligations, if the choices of the specification are as ``alike`` says.

    Args:
        obligations: what is to hold.
        possible: what holds of every input.
        alike: choice of the specification → a choice of the other side, which may not occur.
        effort: how many times as much is tried as usually.
    """
    open_ = [o for o in obligations if o.violation is not b.FALSE]
    if not open_ or len(b.postorder([o.violation for o in open_])) < LARGE:
        return
    terms = b.substitute([possible, *(o.violation for o in open_)], alike)
    hints = Hints(terms)
    if any(v.sort.index for v in hints.inputs):
        return  # memory, of which nothing is drawn
    rng = random.Random(len(terms))
    work = 0
    plans: dict[int, tuple[b.Plan, int]] = {}
    for number in range(MOST * effort):
        at = number % len(open_)
        if at not in plans:
            asked = [terms[0], terms[1 + at]]
            plans[at] = b.Plan(asked), len(b.postorder(asked))
        plan, size = plans[at]
        work += size
        if work > WORK * effort:
            return
        drawn = Drawn(hints, rng, open_[at].context)
        if all(plan(drawn, drawn.functions)):
            yield drawn.model()


def case_samples(spec: Behaviour, impl: Behaviour, alike: Mapping[Term, Term]) -> Iterator[tuple[Model, Obligation]]:
    """The same for sides of so many cases that it takes long to say what has to hold where each two of them meet: the
    models, each with the obligation of the two cases that it meets."""
    possible = domain(spec, impl)
    guards = [[case.guard for case in side.cases] for side in (spec, impl)]
    terms = b.substitute([possible, *guards[0], *guards[1]], alike)
    hints = Hints(b.substitute([possible, *distinct_terms((*spec.cases, *impl.cases))], alike))
    if any(v.sort.index for v in hints.inputs):
        return
    which, rng = b.Plan(terms), random.Random(len(terms))
    size, left = len(b.postorder(terms)), WORK
    made = meeting(spec, impl, possible)
    plans: dict[tuple[int, int], tuple[Obligation, b.Plan] | None] = {}
    for _ in range(MOST):
        left -= size
        if left < 0:
            return
        drawn = Drawn(hints, rng, rng.choice(rng.choice(guards)))
        holds, *seen = which(drawn, drawn.functions)
        mine, theirs = seen[: len(guards[0])], seen[len(guards[0]) :]
        if not holds or 1 not in mine or 1 not in theirs:
            continue
        met = mine.index(1), theirs.index(1)
        if met not in plans:
            obligation = made(*met)
            plans[met] = None
            if obligation is not None:
                plans[met] = obligation, b.Plan(b.substitute([obligation.violation], alike))
        known = plans[met]
        if known is not None and known[1](drawn, drawn.functions) == [1]:
            yield drawn.model(), known[0]


class _Functions(Mapping[str, Callable[..., int]]):
    """Every function: hashes of the payload as they are, all others as they are drawn."""

    def __init__(self, answer: Callable[[str, tuple[int, ...]], int], of_payload: PayloadFunctions) -> None:
        self._answer, self._of_payload = answer, of_payload

    def __getitem__(self, name: str) -> Callable[..., int]:
        if name.startswith("payload."):
            return self._of_payload[name]
        return lambda *args: self._answer(name, args)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True  # there are as many as anybody asks for


class Hints:
    """The numbers that terms compare their inputs with."""

    def __init__(self, terms: Sequence[Term]) -> None:
        self.frame: list[tuple[Bits, int]] = []
        """Bits of the frame, and what they are compared with."""
        self.numbers: dict[str, list[int]] = {}
        """The same for other variables, and what functions answer."""
        self.lengths: list[int] = [0, 14, 60]
        self.bytes = 0
        """Bytes of the frame that are asked for."""
        self.inputs = b.variables(*terms)
        self._indices: dict[tuple[str, Term], None] = {}
        self.widths = {t.name: max(1, t.width) for t in (*self.inputs, *b.applications(*terms))}
        """Bits of every variable, and of what every function answers."""
        for node in b.postorder(terms):
            if node.op == "var" and node.name.startswith("pkt["):
                self.bytes = max(self.bytes, int(node.name[4:-1]) + 1)
            elif node.op in ("eq", "ult", "slt"):
                for x, y in (node.args, node.args[::-1]):
                    if y.is_const:
                        self._compared(x, y.value)
                    elif x.op == "var" and x.name.startswith("at."):
                        self._indices[x.name, y] = None
        self._index = b.Plan([index for _, index in self._indices])

    def cells(self, drawn: Drawn) -> Iterator[tuple[str, int]]:
        """The cells of state (``at.NAME``) that a drawn input reads or writes."""
        numbers = self._index(drawn, drawn.functions)
        return ((name, int(n)) for (name, _), n in zip(self._indices, numbers, strict=True) if isinstance(n, int))

    def _compared(self, term: Term, value: int) -> None:
        bits = bits_of(term)
        if bits is not None:
            self.frame.append((bits, value))
        elif term.op in ("var", "apply"):
            if term.name == "pkt.len":
                self.lengths += [max(0, min(value + k, 2048)) for k in (-1, 0, 1)]
            else:
                self.numbers.setdefault(term.name, []).append(value)


def bits_of(term: Term) -> Bits | None:
    """The bits of the frame that a term puts side by side, zeros in front apart; None if it is anything else."""
    if term.op == "var" and term.name.startswith("pkt["):
        return ((int(term.name[4:-1]), 7, 0),)
    if term.op == "extract" and term.args[0].op == "var" and term.args[0].name.startswith("pkt["):
        return ((int(term.args[0].name[4:-1]), *term.bounds),)
    if term.op == "concat":
        first, *rest = term.args
        parts = [bits_of(arg) for arg in (rest if first.is_const and not first.value else term.args)]
        if all(part is not None for part in parts):
            return tuple(piece for part in parts if part is not None for piece in part)
    return None


class Drawn(Mapping[str, b.Value]):
    """One random input: a value for every variable, and functions that remember what they answered."""

    def __init__(self, hints: Hints, rng: random.Random, context: Term) -> None:
        self._hints, self._rng = hints, rng
        self._tables: dict[str, dict[tuple[int, ...] | None, int]] = {}
        self._hits = rng.choice((0.2, 0.5, 0.5, 0.8))
        self._wanted: dict[str, int] = {}
        """What the context says of variables and functions outright."""
        self._length = self._drawn_length()
        self._packet = bytearray(rng.randbytes(self._length) if rng.random() < 0.8 else bytes(self._length))
        for bits, value in rng.sample(hints.frame, min(len(hints.frame), rng.randrange(8))):
            self._put(bits, value + rng.choice((0, 0, 0, 1, -1)))
        for atom in b.conjuncts(context):
            self._meet(atom)
        self._values: dict[str, int] = {}
        self.functions = _Functions(self._answer, PayloadFunctions(bytes(self._packet)))
        if rng.random() < MOSTLY:
            cells = [*hints.cells(self)]
            rng.shuffle(cells)
            self._values |= cells

    def _drawn_length(self) -> int:
        rng, hints = self._rng, self._hints
        if rng.random() < 0.5:
            return hints.bytes + rng.randrange(LONG)
        return rng.choice(hints.lengths)

    def _meet(self, atom: Term) -> None:
        """Make a conjunct of the context true where that is simple."""
        negated = atom.op == "not"
        if negated:
            atom = atom.args[0]
        if atom.op == "eq" and not negated:
            x, y = atom.args if atom.args[1].is_const else atom.args[::-1]
            if y.is_const:
                bits = bits_of(x)
                if bits is not None:
                    self._put(bits, y.value)
                elif x.op in ("var", "apply"):
                    self._wanted[x.name] = y.value
        elif atom.op in ("var", "apply") and not atom.width:
            self._wanted[atom.name] = int(not negated)
        elif atom.op == "ult":
            left, right = atom.args
            if left.op == "var" and left.name == "pkt.len" and right.is_const:
                self._resize(max(self._length, right.value) if negated else min(self._length, max(0, right.value - 1)))

    def _resize(self, length: int) -> None:
        more = self._rng.randbytes(max(0, length - len(self._packet)))
        self._packet = (self._packet + more)[:length]
        self._length = length

    def _put(self, bits: Bits, value: int) -> None:
        for index, high, low in reversed(bits):
            mask = (1 << (high - low + 1)) - 1
            if index < len(self._packet):
                self._packet[index] = self._packet[index] & ~(mask << low) & 0xFF | (value & mask) << low
            value >>= high - low + 1

    # --- a mapping of variables -------------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> int:
        if name.startswith("pkt[") and name.endswith("]"):
            at = int(name[4:-1])
            return self._packet[at] if at < self._length else 0
        if name == "pkt.len":
            return self._length
        if name not in self._values:
            total = of_any_length(name, bytes(self._packet))
            self._values[name] = self._number(name) if total is None else total
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def _number(self, name: str) -> int:
        width = self._hints.widths.get(name, 1)
        if name in self._wanted:
            return self._wanted[name] & ((1 << width) - 1)
        return self._any(name, width)

    def _any(self, name: str, width: int) -> int:
        rng, hints = self._rng, self._hints.numbers.get(name)
        if width == 1 and not hints:
            return int(rng.random() < self._hits)
        if hints and (name.endswith("action") or rng.random() < 0.6):
            near = 0 if name.endswith("action") else rng.choice((0, 0, 0, 1, -1))
            return (rng.choice(hints) + near) & ((1 << width) - 1)
        return rng.choice((0, 1, rng.randrange(16), rng.getrandbits(width))) & ((1 << width) - 1)

    # --- functions --------------------------------------------------------------------------------------------------

    def _answer(self, name: str, args: tuple[int, ...]) -> int:
        table, width = self._tables.setdefault(name, {}), self._hints.widths.get(name, 1)
        if args not in table:
            wanted = self._wanted.get(name) if not table or self._rng.random() < 0.7 else None
            table[args] = self._any(name, width) if wanted is None else wanted
        return table[args]

    def model(self) -> Model:
        """All that was drawn, as a solver would tell it."""
        values = {v.name: self[v.name] for v in self._hints.inputs}
        octets = {f"pkt[{i}]": octet for i, octet in enumerate(self._packet)}
        functions: dict[str, Table] = {name: dict(table) for name, table in self._tables.items()}
        return Model({**values, **octets, "pkt.len": self._length}, functions)
