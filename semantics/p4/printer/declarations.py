"""How declarations are written."""

from __future__ import annotations

from typing import Final

from .. import syntax as s
from .expressions import operand
from .parts import INDENT, NEWLINE, OUTDENT, Part, Writer, annotated, arguments, generic, lines, separated

_RECORDS: Final = {s.HeaderDecl: "header", s.HeaderUnionDecl: "header_union", s.StructDecl: "struct"}

_Headed = s.ParserTypeDecl | s.ParserDecl | s.ControlTypeDecl | s.ControlDecl | s.PackageDecl


def _trailing(annotations: s.Annotations) -> list[Part]:
    """Annotations behind something."""
    parts: list[Part] = [" "] if annotations else []
    return [*parts, *annotated(annotations)[:-1]]


def _head(keyword: str, node: _Headed) -> list[Part]:
    name: list[Part] = [*annotated(node.annotations), f"{keyword} ", node.name, *generic(node.type_parameters)]
    return [*name, *arguments(node.parameters)]


def _record(node: s.RecordDecl) -> list[Part]:
    head: list[Part] = [*annotated(node.annotations), f"{_RECORDS[type(node)]} ", node.name]
    return [*head, *generic(node.type_parameters), " ", *lines(node.fields)]


def _names(keyword: str, members: tuple[s.Node, ...]) -> list[Part]:
    """``keyword { a, b }``, a member a line."""
    parts: list[Part] = [f"{keyword} {{", INDENT]
    for index, member in enumerate(members):
        parts += [NEWLINE, member, "," if index + 1 < len(members) else ""]
    return [*parts, OUTDENT, NEWLINE, "}"]


def _enum(node: s.EnumDecl) -> list[Part]:
    underlying: list[Part] = [node.underlying, " "] if node.underlying else []
    return [*annotated(node.annotations), "enum ", *underlying, node.name, *_names("", node.members)]


def _typedef(node: s.TypedefDecl | s.NewTypeDecl) -> list[Part]:
    keyword = "typedef " if isinstance(node, s.TypedefDecl) else "type "
    return [*annotated(node.annotations), keyword, node.type, " ", node.name, ";"]


def _state(node: s.StateDecl) -> list[Part]:
    parts: list[Part] = [*annotated(node.annotations), "state ", node.name, " {", INDENT]
    for statement in node.statements:
        parts += [NEWLINE, statement]
    if node.transition is not None:
        end = ";" if isinstance(node.transition, s.Name) else ""
        parts += [NEWLINE, "transition ", node.transition, end]
    return [*parts, OUTDENT, NEWLINE, "}"]


def _value_set(node: s.ValueSetDecl) -> list[Part]:
    head: list[Part] = [*annotated(node.annotations), "value_set<", node.type, ">(", node.size, ") "]
    return [*head, node.name, ";"]


def _constructor(parameters: s.Parameters) -> list[Part]:
    return arguments(parameters) if parameters else []


def _control(node: s.ControlDecl) -> list[Part]:
    parts: list[Part] = [*_head("control", node), *_constructor(node.constructor_parameters), " {", INDENT]
    for declaration in node.locals:
        parts += [NEWLINE, declaration]
    return [*parts, NEWLINE, "apply ", node.body, OUTDENT, NEWLINE, "}"]


def _action_ref(node: s.ActionRef) -> list[Part]:
    called = arguments(node.arguments) if node.arguments is not None else []
    return [*annotated(node.annotations), node.action, *called, ";"]


def _entry(node: s.Entry) -> list[Part]:
    parts: list[Part] = ["const " if node.const else ""]
    if isinstance(node.priority, s.IntLiteral):
        parts += ["priority = ", node.priority, ": "]
    elif node.priority is not None:
        parts += ["priority = (", node.priority, "): "]
    called = arguments(node.action.arguments) if node.action.arguments is not None else []
    return [*parts, *operand(node.keyset), ": ", node.action.action, *called, *_trailing(node.action.annotations), ";"]


def _entries(node: s.EntriesProperty) -> list[Part]:
    const = "const " if node.const else ""
    return [*annotated(node.annotations), f"{const}entries = ", *lines(node.entries)]


def _value_property(node: s.ValueProperty) -> list[Part]:
    const = "const " if node.const else ""
    return [*annotated(node.annotations), const, node.name, " = ", node.value, ";"]


def _prototype(node: s.FunctionDecl | s.ExternFunctionDecl | s.Method) -> list[Part]:
    result: list[Part] = [node.result, " "] if node.result else []
    return [*result, node.name, *generic(node.type_parameters), *arguments(node.parameters)]


def _method(node: s.Method) -> list[Part]:
    return [*annotated(node.annotations), "abstract " if node.abstract else "", *_prototype(node), ";"]


def _extern(node: s.ExternDecl) -> list[Part]:
    head: list[Part] = [*annotated(node.annotations), "extern ", node.name, *generic(node.type_parameters), " "]
    return [*head, *lines(node.methods)]


DECLARATIONS: Final[dict[type[s.Node], Writer]] = {
    s.ErrorDecl: lambda n: _names("error", n.members),
    s.MatchKindDecl: lambda n: _names("match_kind", n.members),
    s.EnumMember: lambda n: [n.name, *([" = ", n.value] if n.value else [])],
    s.EnumDecl: _enum,
    s.StructField: lambda n: [*annotated(n.annotations), n.type, " ", n.name, ";"],
    s.HeaderDecl: _record,
    s.HeaderUnionDecl: _record,
    s.StructDecl: _record,
    s.TypedefDecl: _typedef,
    s.NewTypeDecl: _typedef,
    s.ParserTypeDecl: lambda n: [*_head("parser", n), ";"],
    s.ValueSetDecl: _value_set,
    s.SelectCase: lambda n: [*operand(n.keyset), ": ", n.state, ";"],
    s.Select: lambda n: ["select(", *separated(n.keys), ") ", *lines(n.cases)],
    s.StateDecl: _state,
    s.ParserDecl: lambda n: [
        *_head("parser", n),
        *_constructor(n.constructor_parameters),
        " ",
        *lines((*n.locals, *n.states)),
    ],
    s.ControlTypeDecl: lambda n: [*_head("control", n), ";"],
    s.ActionDecl: lambda n: [*annotated(n.annotations), "action ", n.name, *arguments(n.parameters), " ", n.body],
    s.KeyElement: lambda n: [*operand(n.expression), ": ", n.match_kind, *_trailing(n.annotations), ";"],
    s.ActionRef: _action_ref,
    s.Entry: _entry,
    s.KeyProperty: lambda n: ["key = ", *lines(n.elements)],
    s.ActionsProperty: lambda n: ["actions = ", *lines(n.actions)],
    s.EntriesProperty: _entries,
    s.ValueProperty: _value_property,
    s.TableDecl: lambda n: [*annotated(n.annotations), "table ", n.name, " ", *lines(n.properties)],
    s.ControlDecl: _control,
    s.FunctionDecl: lambda n: [*annotated(n.annotations), *_prototype(n), " ", n.body],
    s.ExternFunctionDecl: lambda n: [*annotated(n.annotations), "extern ", *_prototype(n), ";"],
    s.Method: _method,
    s.ExternDecl: _extern,
    s.PackageDecl: lambda n: [*_head("package", n), ";"],
}
