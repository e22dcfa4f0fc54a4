"""A program's P4Info: tables, actions, value sets, packet headers, and the program as a whole.

After the P4Runtime specification 1.4, "P4Info Message"; where it leaves a choice (ids, the order of objects, what
counts as unused), as p4c's ``control-plane/p4RuntimeSerializer.cpp`` does it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from .. import ir
from ..source import InputError, Unsupported
from . import model as m
from .annotations import find, given_name, has, pairs_of, shown, text_of
from .architecture import Architecture, architecture
from .externs import ExternInfo
from .ids import Kind, field_ids
from .names import param_name, type_name
from .reach import Reached, reached
from .symbols import Symbols
from .types import TypeTable, bitwidth, bytes_of, flattened, hidden_free

DEFAULT_SIZE: Final = 1024
"""Entries of a table that does not say its size."""

_MATCH_TYPES: Final = {kind: m.Word(kind.upper()) for kind in ("exact", "lpm", "ternary", "range", "optional")}
_STRINGS: Final = ("name", "version", "organization", "contact", "url", "arch")
_REPLICAS: Final = (
    "multicast_group_table_size",
    "multicast_group_table_total_replicas",
    "multicast_group_table_max_replicas_per_entry",
)


def from_program(program: ir.Program) -> m.P4Info:
    """The P4Info of a program.

    Raises:
        InputError: an ``@id`` is given twice or has another kind's high byte.
        Unsupported: P4Info has no form for a type that the control plane would see.
    """
    return _Builder.of(program).info()


@dataclass
class _Builder:
    program: ir.Program
    used: Reached
    arch: Architecture
    symbols: Symbols
    types: TypeTable
    externs: ExternInfo
    headers: tuple[ir.HeaderType, ...] = field(default=())

    @classmethod
    def of(cls, program: ir.Program) -> _Builder:
        used, symbols, types = reached(program), Symbols(), TypeTable(program.errors)
        arch = architecture(program.arch)
        headers = tuple(
            t for t in program.types if isinstance(t, ir.HeaderType) and has(t.annotations, "controller_header")
        )
        externs = ExternInfo(program, used, arch, symbols, types)
        for action in used.actions:
            symbols.add(Kind.ACTION, action.control_name, action.annotations, action.span)
        for _, table in used.tables:
            symbols.add(Kind.TABLE, table.control_name, table.annotations, table.span)
        for parser in used.parsers:
            for item in parser.value_sets:
                symbols.add(Kind.VALUE_SET, item.control_name, item.annotations, item.span)
        for header in headers:
            symbols.add(Kind.CONTROLLER_HEADER, type_name(header), header.annotations)
        externs.collect()
        symbols.number()
        return cls(program, used, arch, symbols, types, externs, headers)

    def info(self) -> m.P4Info:
        """The message."""
        tables = tuple(self._table(c, t) for c, t in self.used.tables if not has(t.annotations, "hidden"))
        actions = tuple(self._action(a) for a in self.used.actions if not has(a.annotations, "hidden"))
        headers = tuple(self._header(h) for h in self.headers if not has(h.annotations, "hidden"))
        value_sets = tuple(self._value_set(v) for p in self.used.parsers for v in p.value_sets)
        counters, meters = self.externs.cells(Kind.COUNTER), self.externs.cells(Kind.METER)
        direct = self.externs.direct(Kind.DIRECT_COUNTER), self.externs.direct(Kind.DIRECT_METER)
        profiles, registers, digests = self.externs.profiles(), self.externs.registers(), self.externs.digests()
        typed = tables or headers or digests or self.program.instances or any(a.params for a in actions)
        return m.P4Info(
            self._package(),
            tables,
            actions,
            profiles,
            counters,
            direct[0],
            meters,
            direct[1],
            headers,
            value_sets,
            registers,
            digests,
            self.types.finish() if typed else None,
        )

    def _table(self, control: ir.Control, table: ir.Table) -> m.Table:
        actions = {a.name: a for a in control.actions}
        refs = [self._ref(actions[r.action], r) for r in table.actions]
        if all(r.action != table.default.action for r in table.actions):
            default_only = ir.ActionRef(table.default.action, annotations=(ir.Annotation("defaultonly"),))
            refs.append(self._ref(actions[table.default.action], default_only))
        default = self._call(actions[table.default.action], table.default)
        keys = [
            self._key(key, number)
            for key, number in zip(table.keys, field_ids(table.keys), strict=True)
            if key.match_kind != "selector"
        ]
        return m.Table(
            self.symbols.preamble(Kind.TABLE, table.control_name, table.annotations),
            tuple(keys),
            tuple(refs),
            default.action_id if table.const_default else 0,
            default,
            self.externs.implementation_of(table),
            self.externs.direct_resources_of(table),
            table.size or DEFAULT_SIZE,
            m.Word("NOTIFY_CONTROL") if self.externs.has_timeout(table) else None,
            table.const_entries,
            bool(table.entries),
        )

    def _ref(self, action: ir.Action, ref: ir.ActionRef) -> m.ActionRef:
        table_only, default_only = has(ref.annotations, "tableonly"), has(ref.annotations, "defaultonly")
        if table_only and default_only:
            raise InputError.at(ref.span, f"{action.control_name} is both @tableonly and @defaultonly")
        scope = m.Word("TABLE_ONLY") if table_only else m.Word("DEFAULT_ONLY") if default_only else None
        texts = shown(ref.annotations)
        return m.ActionRef(self.symbols.id(Kind.ACTION, action.control_name), texts.plain, scope, texts.structured)

    def _call(self, action: ir.Action, bound: ir.BoundAction) -> m.TableActionCall:
        """The initial default action; arguments are constants, which the front end saw to."""
        params = _control_params(action)
        arguments: list[m.Argument] = []
        for param, number, value in zip(params, field_ids(params), bound.args, strict=True):
            if not isinstance(value, ir.Const) or isinstance(value.value, str):
                raise Unsupported(f"the argument for {param.name} is no number", bound.span)
            width = bitwidth(ir.bare(param.type))
            arguments.append(m.Argument(number, bytes_of(int(value.value), width)))
        return m.TableActionCall(self.symbols.id(Kind.ACTION, action.control_name), tuple(arguments))

    def _key(self, key: ir.Key, number: int) -> m.MatchField:
        texts = shown(key.annotations)
        known = _MATCH_TYPES.get(key.match_kind)
        return m.MatchField(
            number,
            key.name,
            texts.plain,
            bitwidth(key.expr.type),
            known,
            texts.doc,
            None if known is not None else key.match_kind,
            self.types.reference(key.expr.type),
            texts.structured,
        )

    def _action(self, action: ir.Action) -> m.Action:
        params = _control_params(action) if action.control_name in self.used.in_tables else []
        fields = [
            self._field(given_name(p.annotations, param_name(p)), p, number, enums=True)
            for p, number in zip(params, field_ids(params), strict=True)
        ]
        return m.Action(self.symbols.preamble(Kind.ACTION, action.control_name, action.annotations), tuple(fields))

    def _field(self, name: str, item: ir.Param | ir.Field, number: int, *, enums: bool = False) -> m.Field:
        texts = shown(item.annotations)
        reference = self.types.reference(item.type, enums=enums)
        return m.Field(number, name, texts.plain, bitwidth(item.type), texts.doc, reference, texts.structured)

    def _header(self, header: ir.HeaderType) -> m.ControllerPacketMetadata:
        annotation = find(header.annotations, "controller_header")
        assert annotation is not None
        flat = flattened(header)
        numbers = dict(zip((f.name for f in flat), field_ids([f.field for f in flat]), strict=True))
        fields = tuple(self._field(f.name, f.field, numbers[f.name]) for f in hidden_free(flat))
        name, texts = text_of(annotation), shown(header.annotations)
        number = self.symbols.id(Kind.CONTROLLER_HEADER, type_name(header))
        preamble = m.Preamble(number, name, name, texts.plain, texts.doc, texts.structured)
        return m.ControllerPacketMetadata(preamble, fields)

    def _value_set(self, item: ir.ValueSetDecl) -> m.ValueSet:
        preamble = self.symbols.preamble(Kind.VALUE_SET, item.control_name, item.annotations)
        bare = ir.bare(item.type)
        if isinstance(bare, ir.StructType):
            fields = bare.fields
            match = tuple(self._set_field(f, n) for f, n in zip(fields, field_ids(fields), strict=True))
        elif isinstance(bare, ir.TupleType):
            match = tuple(self._set_key(t, n) for n, t in enumerate(bare.elements, 1))
        else:
            match = (self._set_key(item.type, 1),)
        return m.ValueSet(preamble, match, item.size)

    def _set_key(self, type_: ir.Type, number: int) -> m.MatchField:
        exact = _MATCH_TYPES["exact"]
        return m.MatchField(number, "", (), bitwidth(type_), exact, type_name=self.types.reference(type_))

    def _set_field(self, item: ir.Field, number: int) -> m.MatchField:
        texts = shown(item.annotations, ("match",))
        annotation = find(item.annotations, "match")
        kind = "exact" if annotation is None else text_of(annotation)
        known = _MATCH_TYPES.get(kind)
        return m.MatchField(
            number,
            given_name(item.annotations, item.name),
            texts.plain,
            bitwidth(item.type),
            known,
            texts.doc,
            None if known is not None else kind,
            self.types.reference(item.type),
            texts.structured,
        )

    def _package(self) -> m.PkgInfo | None:
        if self.program.main is None:
            return None
        texts = shown(self.program.annotations, ("pkginfo", "platform_property"))
        strings = {"arch": self.arch.name}
        platform: m.PlatformProperties | None = None
        for annotation in self.program.annotations:
            if annotation.name == "pkginfo":
                strings.update({k: v for k, v in pairs_of(annotation) if k in _STRINGS})
            elif annotation.name == "platform_property":
                numbers = [(k, v) for k, v in pairs_of(annotation) if k in _REPLICAS and v.isdecimal()]
                platform = m.PlatformProperties(**{k: int(v) for k, v in numbers})
        return m.PkgInfo(
            doc=texts.doc,
            annotations=texts.plain,
            structured_annotations=texts.structured,
            platform_properties=platform,
            **strings,
        )


def _control_params(action: ir.Action) -> list[ir.Param]:
    """The parameters that the control plane gives."""
    return [p for p in action.params if not p.direction]
