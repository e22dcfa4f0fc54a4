"""P4Info of extern objects: counters, meters, registers, action profiles and digests."""

from __future__ import annotations

from dataclasses import dataclass, field

from .. import ir
from ..source import Unsupported
from . import model as m
from .annotations import find, given_name
from .architecture import UNITS, Architecture, ExternRole
from .ids import Kind
from .names import type_name
from .reach import Reached
from .symbols import Symbols
from .types import TypeTable

_PROFILE_ANNOTATIONS = ("max_group_size", "selector_size_semantics", "max_member_weight")


@dataclass
class ExternInfo:
    """The extern objects of a program that the architecture shows to the control plane."""

    program: ir.Program
    used: Reached
    arch: Architecture
    symbols: Symbols
    types: TypeTable
    objects: dict[str, tuple[ir.Instance, ExternRole]] = field(default_factory=dict)
    digest_types: dict[str, ir.Type] = field(default_factory=dict)
    """Digests that are calls of a function: name → type of the data."""

    def collect(self) -> None:
        """Enter the objects' names."""
        for instance in self.program.instances:
            role = self.arch.externs.get(instance.extern)
            if role is not None and (instance.size is not None or instance.made_by):
                raise Unsupported(
                    f"extern {instance.extern} in an array, or made by a function, in P4Info", instance.span
                )
            if role is not None:
                self.objects[instance.name] = instance, role
                self.symbols.add(role.kind, instance.name, instance.annotations, instance.span)
        if not self.arch.digest_function:
            return
        for call in self.used.calls:
            if call.extern == self.arch.digest_function and not call.method:
                type_ = call.type_args[0] if call.type_args else _data_type(call)
                self.digest_types.setdefault(self._digest_name(type_), type_)
        for name, type_ in self.digest_types.items():
            self.symbols.add(Kind.DIGEST, name, getattr(type_, "annotations", ()))

    def _digest_name(self, type_: ir.Type) -> str:
        """The type's name; data without one are numbered, each type once."""
        if isinstance(type_, ir.StructType | ir.HeaderType | ir.UnionType | ir.EnumType | ir.NewType):
            return type_name(type_)
        same = (name for name, other in self.digest_types.items() if other == type_)
        unnamed = sum(not hasattr(t, "name") for t in self.digest_types.values())
        return next(same, f"digest_{unnamed}")

    # --- tables ---------------------------------------------------------------------------------------------------

    def implementation_of(self, table: ir.Table) -> int:
        """The id of the table's action profile; 0 without one."""
        name = _attached(table, self.arch.implementation)
        known = self.objects.get(name)
        return self.symbols.id(Kind.ACTION_PROFILE, name) if known and known[1].kind is Kind.ACTION_PROFILE else 0

    def direct_resources_of(self, table: ir.Table) -> tuple[int, ...]:
        """The ids of the table's direct counter and meter."""
        named = [(kind, _attached(table, name)) for name, kind in self.arch.direct]
        return tuple(
            self.symbols.id(kind, name)
            for kind, name in named
            if name in self.objects and self.objects[name][1].kind is kind
        )

    def has_timeout(self, table: ir.Table) -> bool:
        """Whether the control plane is told of entries that nothing matched for a while."""
        for item in table.properties:
            if item.name == self.arch.timeout and isinstance(item.value, ir.Const):
                return item.value.value in (True, "NOTIFY_CONTROL")
        return False

    # --- messages -------------------------------------------------------------------------------------------------

    def cells(self, kind: Kind) -> tuple[m.Cells, ...]:
        """The counters or meters that have a size."""
        made = []
        for instance, role in self._of(kind):
            index = self._index_type(instance, role)
            made.append(m.Cells(self._preamble(instance, kind), _unit(instance), _size(instance, role), index))
        return tuple(made)

    def direct(self, kind: Kind) -> tuple[m.DirectCells, ...]:
        """The counters or meters that are attached to a table."""
        made = []
        for _, table in self.used.tables:
            for name in (_attached(table, prop) for prop, of in self.arch.direct if of is kind):
                known = self.objects.get(name)
                if known is not None and known[1].kind is kind:
                    number = self.symbols.id(Kind.TABLE, table.control_name)
                    made.append(m.DirectCells(self._preamble(known[0], kind), _unit(known[0]), number))
        return tuple(made)

    def registers(self) -> tuple[m.Register, ...]:
        """The registers."""
        return tuple(
            m.Register(
                self._preamble(instance, Kind.REGISTER),
                self.types.spec(instance.type_args[0]),
                _size(instance, role),
                self._index_type(instance, role),
            )
            for instance, role in self._of(Kind.REGISTER)
        )

    def digests(self) -> tuple[m.Digest, ...]:
        """The digests."""
        made = [
            m.Digest(
                self.symbols.preamble(Kind.DIGEST, name, getattr(type_, "annotations", ())), self.types.spec(type_)
            )
            for name, type_ in self.digest_types.items()
        ]
        for instance, _ in self._of(Kind.DIGEST):
            made.append(m.Digest(self._preamble(instance, Kind.DIGEST), self.types.spec(instance.type_args[0])))
        return tuple(made)

    def profiles(self) -> tuple[m.ActionProfile, ...]:
        """The action profiles and selectors."""
        return tuple(self._profile(instance, role) for instance, role in self._of(Kind.ACTION_PROFILE))

    def _profile(self, instance: ir.Instance, role: ExternRole) -> m.ActionProfile:
        preamble = self.symbols.preamble(Kind.ACTION_PROFILE, instance.name, instance.annotations, _PROFILE_ANNOTATIONS)
        names = sorted(
            {t.control_name for _, t in self.used.tables if _attached(t, self.arch.implementation) == instance.name}
        )
        tables = tuple(self.symbols.id(Kind.TABLE, name) for name in names)
        if not role.selector:
            return m.ActionProfile(preamble, tables, False, _size(instance, role))
        semantics = find(instance.annotations, "selector_size_semantics")
        kind = given_name((), str(semantics.values[0])) if semantics is not None and semantics.values else ""
        weight = _number(instance, "max_member_weight")
        return m.ActionProfile(
            preamble,
            tables,
            True,
            _size(instance, role),
            _number(instance, "max_group_size") or 0,
            m.Empty() if kind == "sum_of_weights" else None,
            m.SumOfMembers(weight) if kind == "sum_of_members" else None,
        )

    def _of(self, kind: Kind) -> list[tuple[ir.Instance, ExternRole]]:
        return [(instance, role) for instance, role in self.objects.values() if role.kind is kind]

    def _preamble(self, instance: ir.Instance, kind: Kind) -> m.Preamble:
        return self.symbols.preamble(kind, instance.name, instance.annotations)

    def _index_type(self, instance: ir.Instance, role: ExternRole) -> m.NamedType | None:
        if role.index is None or role.index >= len(instance.type_args):
            return None
        return self.types.reference(instance.type_args[role.index])


def _attached(table: ir.Table, name: str) -> str:
    """The full name of the object that a property of the table names; "" without one."""
    found = (p.value for p in table.properties if p.name == name and isinstance(p.value, str))
    return next(found, "")


def _data_type(call: ir.ExternCall) -> ir.Type:
    """The type of the last argument: the data of a digest."""
    if not call.args or call.args[-1] is None:
        raise Unsupported("a digest without data", call.span)
    return call.args[-1].type


def _unit(instance: ir.Instance) -> m.UnitSpec:
    for name, value in instance.args:
        if name == "type" and isinstance(value, ir.Const):
            return m.UnitSpec(UNITS.get(str(value.value).lower()))
    return m.UnitSpec()


def _size(instance: ir.Instance, role: ExternRole) -> int:
    for name, value in instance.args:
        if name == role.size and isinstance(value, ir.Const):
            return int(value.value)
    raise Unsupported(f"{instance.name} has no size", instance.span)


def _number(instance: ir.Instance, name: str) -> int | None:
    annotation = find(instance.annotations, name)
    if annotation is None or not annotation.values:
        return None
    return int(annotation.values[0])
