"""Large tables left open: their flows as rows of masked bits, their lists of actions as templates.

Two lists of actions have one template if they differ in nothing but ports that frames are sent to and values that
fields are set to; these are the template's parameters. What a table answers is then a function of the fields that its
flows look at; the pipeline runs each template once, on parameters that are terms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.classifier import Cube, Row
from ....semantics.meaning.opened import Answered, NotSuitable, OpenTable, Template
from ..artifact import FIELDS, FIRST_RESERVED, Action, Flow, Output, Prerequisites, SetField, TagWith, WriteActions
from .state import Key, masked

WHICH_BITS: Final = 16
PORT_BITS: Final = 16
MAX_TEMPLATES: Final = 64


@dataclass(frozen=True, slots=True)
class OutputTo:
    """To a port that is no reserved one (16 bits)."""

    port: Term


@dataclass(frozen=True, slots=True)
class SetTo:
    """The bits of a field in ``mask`` become those of ``value``, which has no others."""

    field: str
    value: Term
    mask: int
    needs: Prerequisites


Skeleton = tuple[Any, ...]


@dataclass(frozen=True)
class OpenFlows:
    """One table of a bridge."""

    number: int
    fields: tuple[str, ...]
    """What its flows look at, first one highest in the key."""
    table: OpenTable
    ways: Sequence[Callable[[Term], tuple[Any, ...]]]
    """The actions of each template but the last (no flow matches), for a key."""
    kinds: Sequence[Sequence[str]]
    """Of each template's parameters: ``port`` or ``set``."""
    flows: Sequence[Flow]

    def key(self, key: Key) -> Term:
        """The table's key in a flow key."""
        return b.concat(*(key.get(name) for name in self.fields))

    def given(self, key: Term) -> list[Term]:
        """What is true of every answer: what is sent goes to no reserved port."""
        found = []
        for number, template in enumerate(self.table.templates):
            said = zip(self.table.parameters(key, number), template.widths, self.kinds[number], strict=True)
            for term, width, kind in said:
                if kind == "port":
                    small = b.ult(term, b.bv(FIRST_RESERVED, width))
                    found.append(b.implies(self.table.is_template(key, number), small))
        return found

    def laws(self) -> Iterator[tuple[str, Term]]:
        """That a flow matches just the keys of its row's cube: once for each set of masks, whatever the values are."""
        key = Key({name: b.var(f"key.{name}", FIELDS[name].width) for name in self.fields})
        for shape in dict.fromkeys(tuple((m.field, m.mask) for m in flow.match) for flow in self.flows):
            masks = dict(shape)
            values = {n: b.band(b.var(f"value.{n}", FIELDS[n].width), b.bv(m, FIELDS[n].width)) for n, m in shape}
            row = b.concat(*(values.get(n, b.bv(0, FIELDS[n].width)) for n in self.fields))
            mask = b.concat(*(b.bv(masks.get(n, 0), FIELDS[n].width) for n in self.fields))
            said = b.and_(*(masked(key, n, m, values[n]) for n, m in shape))
            shown = ", ".join(f"{n}/{m:#x}" for n, m in shape) or "nothing"
            yield (
                f"flows that look at {shown}",
                b.eq(b.from_bool(said), b.from_bool(b.eq(b.band(self.key(key), mask), row))),
            )


def open_flows(number: int, flows: Sequence[Flow], prefix: str = "") -> OpenFlows:
    """A table's flows, in the order in which they win. ``prefix``: of its functions' names.

    Raises:
        NotSuitable: they are too different from one another.
    """
    fields = tuple(sorted({m.field for flow in flows for m in flow.match}))
    if not fields:
        raise NotSuitable(f"the flows of table {number} look at nothing")
    shifts: dict[str, int] = {}
    width = 0
    for name in reversed(fields):
        shifts[name] = width
        width += FIELDS[name].width
    templates: dict[Skeleton, int] = {}
    kept: dict[tuple[Action, ...], Answered] = {}
    rows = []
    for rank, flow in enumerate(flows):
        answer = kept.get(flow.actions)
        if answer is None:
            values: list[int] = []
            skeleton = _skeleton(flow.actions, values)
            answer = kept[flow.actions] = templates.setdefault(skeleton, len(templates)), tuple(values)
            if len(templates) > MAX_TEMPLATES:
                raise NotSuitable(f"table {number} has more than {MAX_TEMPLATES} kinds of lists of actions")
        rows.append(Row(*_cube(flow, shifts), answer, rank, rank))
    miss = len(templates)
    rows.append(Row(0, 0, (miss, ()), float("inf")))
    parts = [_parameters(skeleton) for skeleton in templates]
    made = [Template(_shown(s), tuple(width for _, width in p)) for s, p in zip(templates, parts, strict=True)]
    name = f"table {number}"

    def is_template(key: Term, which: int) -> Term:
        return b.eq(b.apply(f"{prefix}flows.{number}.which", b.bit_vector(WHICH_BITS), key), b.bv(which, WHICH_BITS))

    def parameters(key: Term, which: int) -> tuple[Term, ...]:
        if which == miss:
            return ()
        return tuple(
            b.apply(f"{prefix}flows.{number}.{which}.{i}", b.bit_vector(width), key)
            for i, width in enumerate(made[which].widths)
        )

    def way(which: int, skeleton: Skeleton) -> Callable[[Term], tuple[Any, ...]]:
        return lambda key: _filled(skeleton, iter(parameters(key, which)))

    def rows_of(flow: Flow) -> list[tuple[Cube, Answered]]:
        values: list[int] = []
        skeleton = _skeleton(flow.actions, values)
        _check_late(flow)
        if flow.table != number or skeleton not in templates or any(m.field not in shifts for m in flow.match):
            raise NotSuitable(f"no flow of table {number} looks at these fields, or has such a list of actions")
        return [(_cube(flow, shifts), (templates[skeleton], tuple(values)))]

    table = OpenTable(
        name, width, [*made, Template("(no flow)")], rows, is_template, parameters, flows,
        rows_of=rows_of, order=lambda flow: -flow.priority, ties=False,
    )  # fmt: skip
    kinds = [*(tuple(kind for kind, _ in p) for p in parts), ()]
    return OpenFlows(number, fields, table, [way(i, s) for i, s in enumerate(templates)], kinds, flows)


def _check_late(flow: Flow) -> None:
    """What may be wrong with a flow that nobody has looked at. Raises NotSuitable."""
    if flow.unmodelled or any(isinstance(action, TagWith) for action in flow.actions):
        raise NotSuitable("a flow that has to be looked at by itself")


def _cube(flow: Flow, shifts: Mapping[str, int]) -> Cube:
    value = mask = 0
    for m in flow.match:
        value |= m.value << shifts[m.field]
        mask |= m.mask << shifts[m.field]
    return value, mask


def _skeleton(actions: tuple[Action, ...], values: list[int]) -> Skeleton:
    """A list of actions without its parameters, whose values are put behind ``values``."""
    found: list[Any] = []
    for action in actions:
        match action:
            case Output(port) if port < FIRST_RESERVED:
                values.append(port)
                found.append(("port",))
            case SetField(name, value, mask, needs) if name != "vlan_tci" or needs.tagged:
                values.append(value)
                found.append(("set", name, mask, needs))
            case WriteActions(inner):
                found.append(("write", _skeleton(inner, values)))
            case _:
                found.append(action)
    return tuple(found)


def _parameters(skeleton: Skeleton) -> list[tuple[str, int]]:
    """What each parameter is, and its width."""
    found: list[tuple[str, int]] = []
    for part in skeleton:
        match part:
            case ("port",):
                found.append(("port", PORT_BITS))
            case ("set", name, _, _):
                found.append(("set", FIELDS[name].width))
            case ("write", inner):
                found += _parameters(inner)
    return found


def _shown(skeleton: Skeleton) -> str:
    """The template's name: ``port`` and ``set FIELD`` are its parameters, in order."""
    said = []
    for part in skeleton:
        match part:
            case ("port",):
                said.append("port")
            case ("set", name, mask, _):
                said.append(f"set {name}/{mask:#x}")
            case ("write", inner):
                said.append(f"write({_shown(inner)})")
            case _:
                said.append(str(part))
    return ", ".join(said) or "(drop)"


def _filled(skeleton: Skeleton, values: Any) -> tuple[Any, ...]:
    found: list[Any] = []
    for part in skeleton:
        match part:
            case ("port",):
                found.append(OutputTo(next(values)))
            case ("set", name, mask, needs):
                term = next(values)
                found.append(SetTo(name, b.band(term, b.bv(mask, term.width)), mask, needs))
            case ("write", inner):
                found.append(WriteActions(_filled(inner, values)))
            case _:
                found.append(part)
    return tuple(found)
