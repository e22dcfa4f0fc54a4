"""One call of an extern: what its handler asks of it."""

from __future__ import annotations

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.calls import Argument, bind, copy_out, tell
from ..meaning.machine import Machine
from ..meaning.packet_out import field_bits
from ..meaning.values import Value, scalar_width
from ..source import Unsupported


class Call:
    """The arguments of an extern call, by position."""

    def __init__(self, m: Machine, node: ir.ExternCall) -> None:
        self.m, self.node = m, node
        self.arguments: list[Argument] = bind(m, node.params, node.args, node.span)
        tell(m, self.arguments)

    def value(self, index: int) -> Value:
        """The value that went in."""
        value = self.arguments[index].value
        if value is None:
            raise Unsupported(f"{self.node.extern} without {self.node.params[index].name}", self.node.span)
        return value

    def term(self, index: int) -> Term:
        """The number that went in."""
        return self.m.read(self.value(index), self.node.span)

    def width(self, index: int) -> int:
        """Bits of a scalar parameter."""
        width = scalar_width(self.node.params[index].type, self.node.span)
        if width is None:
            raise Unsupported(f"{self.node.extern} with a parameter that is no number", self.node.span)
        return width

    def tell(self, name: str, value: Value) -> None:
        """The trace is told a result."""
        if self.m.trace is not None:
            self.m.trace.told("results", name, value)

    def put(self, index: int, value: Value) -> None:
        """Copy a result out."""
        argument = self.arguments[index]
        self.tell(argument.param.name, value)
        copy_out(self.m, [argument], {argument.param.name: value}, self.node.span)

    @property
    def instance(self) -> str:
        """The full name of the object whose method is called."""
        if self.node.object is None:
            raise Unsupported(f"{self.node.extern}.{self.node.method} of no object", self.node.span)
        return self.node.object

    def remember(self, value: Term) -> None:
        """What the object knows from here on."""
        self.m.remember(self.instance, value)

    def recall(self) -> Term:
        """What the object knows."""
        return self.m.recall(self.instance, self.node.span)

    def constructor(self, name: str) -> ir.Expr:
        """An argument of the instance's constructor."""
        for given, value in self.m.program.instance(self.instance).args:
            if given == name and not isinstance(value, str):
                return value
        raise Unsupported(f"{self.node.extern} without {name}", self.node.span)

    def size(self, name: str = "size") -> int:
        """The instance's size."""
        size = self.constructor(name)
        assert isinstance(size, ir.Const)
        assert isinstance(size.value, int)
        return size.value

    def bits(self, index: int) -> Term | None:
        """The data of a checksum or hash: its fields side by side, zeros up to whole bytes (``BufBuilder``)."""
        parts = field_bits(self.m, self.value(index), self.node.params[index].type, self.node.span)
        if not parts:
            return None
        data = b.concat(*parts)
        return b.concat(data, b.bv(0, -data.width % 8)) if data.width % 8 else data

    def algorithm(self, index: int) -> str:
        """The member of ``HashAlgorithm`` given."""
        type_ = ir.bare(self.node.params[index].type)
        assert isinstance(type_, ir.EnumType)
        return type_.members[self.m.number(self.term(index), self.node.span)]


def refused(m: Machine, node: ir.ExternCall) -> None:
    """What an architecture declares and nobody has modelled."""
    raise Unsupported(f"extern {node.extern}{'.' + node.method if node.method else ''}", node.span)
