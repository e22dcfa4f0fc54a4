"""The state that a control plane reads and writes: registers and counters, by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .. import ir
from ..p4info.architecture import architecture
from ..p4info.ids import Kind
from ..source import InputError, Span, Unsupported
from .names import pick
from .values import constant, key_bits

_KINDS = {
    "register": (Kind.REGISTER,),
    "counter": (Kind.COUNTER, Kind.DIRECT_COUNTER),
    "meter": (Kind.METER, Kind.DIRECT_METER),
}
COUNTER_BITS = 64


@dataclass(frozen=True, slots=True)
class CellArray:
    """A register, counter or meter."""

    instance: ir.Instance
    kind: Kind
    size: int | None
    """Cells; None where the table's entries are the cells."""

    @property
    def name(self) -> str:
        """The control-plane name."""
        return self.instance.name

    @property
    def width(self) -> int:
        """Bits of a cell. Raises Unsupported for what is no number."""
        if self.kind is Kind.REGISTER and self.instance.type_args:
            return key_bits(self.instance.type_args[0], self.instance.span)
        return COUNTER_BITS if self.instance.extern != "CounterArray" else 32

    def check_index(self, index: int, span: Span) -> int:
        """A cell's number. Raises InputError if there is none such."""
        if self.size is None:
            raise Unsupported(f"cells of {self.name}, which are those of a table's entries", span)
        if not 0 <= index < self.size:
            raise InputError.at(span, f"{self.name} has {self.size} cells, so none has the number {index}")
        return index

    def check_value(self, value: int, span: Span) -> int:
        """What a cell can hold; a negative number in two's complement. Raises InputError."""
        if not -(1 << (self.width - 1)) <= value < 1 << self.width:
            raise InputError.at(span, f"{value:#x} does not fit the {self.width} bits of {self.name}")
        return value & ((1 << self.width) - 1)


def find_cells_of(program: ir.Program, kind: str) -> list[CellArray]:
    """All registers (``register``), counters (``counter``) or meters (``meter``)."""
    arch = architecture(program.arch)
    found = []
    for instance in program.instances:
        role = arch.externs.get(instance.extern)
        if role is not None and role.kind in _KINDS[kind]:
            size = next((int(v.value) for n, v in instance.args if n == role.size and isinstance(v, ir.Const)), None)
            found.append(CellArray(instance, role.kind, size))
        elif role is None and instance.extern == "CounterArray" and kind == "counter":
            last = next(int(v.value) for n, v in instance.args if n == "max_index" and isinstance(v, ir.Const))
            found.append(CellArray(instance, Kind.COUNTER, last + 1))
    return found


def initial_values(program: ir.Program) -> dict[str, int]:
    """What every cell of a register holds whose constructor says so (PSA, PNA): the state's name → value.

    Raises:
        Unsupported: the value is no constant.
    """
    found = {}
    for cells in find_cells_of(program, "register"):
        for name, value in cells.instance.args:
            if name == "initial_value" and isinstance(value, ir.Expr):
                numbers = list(_numbers(program, value, cells.instance.type_args[0]))
                found[cells.name] = sum(number << at for number, at in _placed(numbers))
    return found


def _placed(numbers: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Numbers given with their bits, each with its lowest bit's place if they stand side by side, the first highest."""
    at = 0
    for number, width in reversed(numbers):
        yield number, at
        at += width


def _numbers(program: ir.Program, value: ir.Expr, type_: ir.Type) -> Iterator[tuple[int, int]]:
    """The parts of a constant of this type as they lie in a cell (:mod:`..arch.register_cells`), with their bits."""
    while isinstance(value, ir.Cast) and isinstance(value.operand, ir.Aggregate | ir.Cast):
        value = value.operand
    bare = ir.bare(type_)
    if isinstance(value, ir.Aggregate):
        if isinstance(bare, ir.HeaderType):
            yield 1, 1
        for part, inner in zip(value.values, _types(bare, value.span), strict=True):
            yield from _numbers(program, part, inner)
    elif isinstance(value, ir.DefaultValue | ir.InvalidHeader):
        yield 0, _zeros(bare, value.span)
    elif not isinstance(bare, ir.BitsType) or bare.width:
        yield constant(program, value), key_bits(bare, value.span)


def _types(type_: ir.Type, span: Span) -> list[ir.Type]:
    match type_:
        case ir.StructType(fields=fields) | ir.HeaderType(fields=fields):
            return [part.type for part in fields]
        case ir.TupleType(elements):
            return list(elements)
        case ir.StackType(element, size):
            return [element] * size
    raise Unsupported(f"an initial value of type {type(type_).__name__}", span)


def _zeros(type_: ir.Type, span: Span) -> int:
    """How many bits a value of this type takes in a cell."""
    match bare := ir.bare(type_):
        case ir.StructType(fields=fields) | ir.HeaderType(fields=fields):
            return isinstance(bare, ir.HeaderType) + sum(_zeros(part.type, span) for part in fields)
        case ir.TupleType(elements):
            return sum(_zeros(part, span) for part in elements)
        case ir.StackType(element, size):
            return size * _zeros(element, span)
        case ir.BitsType(width=0):
            return 0
    return key_bits(type_, span)


def find_cells(program: ir.Program, kind: str, name: str, span: Span) -> CellArray:
    """The register, counter or meter of this name. Raises InputError."""
    return pick(find_cells_of(program, kind), lambda cells: cells.name, name, kind, span)


def cell_names(cells: CellArray) -> dict[str, str]:
    """The names of the states that a counter or register is: name → ``packets`` or ``bytes`` (a register: ``""``)."""
    if cells.kind is Kind.REGISTER:
        return {cells.name: ""}
    units = [str(v.value).lower() for n, v in cells.instance.args if n == "type" and isinstance(v, ir.Const)]
    unit = units[0] if units else "packets"
    if unit == "packets_and_bytes":
        return {f"{cells.name}.packets": "packets", f"{cells.name}.bytes": "bytes"}
    return {cells.name: unit}
