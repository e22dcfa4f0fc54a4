"""Actions for declarations. A head's action opens the scope, the action of the whole closes it."""

from __future__ import annotations

from typing import Any

from .. import syntax as s
from ..lexer import Token
from .base import Children, split
from .expressions import AnnotationActions

_RECORDS: dict[str, type[s.RecordDecl]] = {
    "HEADER": s.HeaderDecl,
    "HEADER_UNION": s.HeaderUnionDecl,
    "STRUCT": s.StructDecl,
}


class DeclarationActions(AnnotationActions):
    """Declarations, from a parameter up."""

    # --- Heads -------------------------------------------------------------------------------------------------------

    def type_head(self, c: Children, _b: int, _e: int) -> Any:
        """``[annotations] KEYWORD name`` of something that is a type: (annotations, keyword, name)."""
        annotations, (keyword, name) = split(c)
        if type(name) is Token:
            name = s.Name(name.text, span=name.span)
        self.symbols.declare(name.text, True)
        self.symbols.push()
        return annotations, keyword, name

    def object_head(self, c: Children, _b: int, _e: int) -> Any:
        annotations, (_keyword, name) = split(c)
        self.symbols.declare(name.text, False)
        self.symbols.push()
        return annotations, name

    def table_head(self, c: Children, _b: int, _e: int) -> Any:
        annotations, (_keyword, name) = split(c)
        self.symbols.declare(name.text, False)
        return annotations, name

    def state_head(self, c: Children, _b: int, _e: int) -> Any:
        annotations, (_keyword, name) = split(c)
        self.symbols.push()
        return annotations, name

    def prototype_head(self, c: Children, _b: int, _e: int) -> Any:
        self.symbols.push()
        return c[0], c[1]

    def constructor_head(self, c: Children, b: int, e: int) -> s.Name:
        self.symbols.push()
        return self.name(c, b, e)

    def type_parameter(self, c: Children, _b: int, _e: int) -> s.Name:
        self.symbols.declare(c[0].text, True)
        return c[0]  # type: ignore[no-any-return]

    def parameter(self, c: Children, b: int, e: int) -> s.Parameter:
        annotations, rest = split(c)
        direction: s.Direction = ""
        if type(rest[0]) is Token:
            direction, rest = rest[0].text, rest[1:]  # type: ignore[assignment]
        self.symbols.declare(rest[1].text, False)
        default = rest[3] if len(rest) > 2 else None
        return s.Parameter(annotations, direction, rest[0], rest[1], default, span=self.span(b, e))

    # --- Types -------------------------------------------------------------------------------------------------------

    def record_decl(self, c: Children, b: int, e: int) -> s.RecordDecl:
        self.symbols.pop()
        annotations, keyword, name = c[0]
        return _RECORDS[keyword.kind](annotations, name, tuple(c[1]), tuple(c[3]), span=self.span(b, e))

    def field(self, c: Children, b: int, e: int) -> s.StructField:
        annotations, rest = split(c)
        type_ = rest[0] if len(rest) == 3 else s.StackType(rest[0], rest[3], span=rest[0].span)
        return s.StructField(annotations, type_, rest[1], span=self.span(b, e))

    def enum_decl(self, c: Children, b: int, e: int) -> s.EnumDecl:
        annotations, rest = split(c)
        members = tuple(s.EnumMember(name, span=name.span) for name in rest[3])
        self.symbols.declare(rest[1].text, True)
        return s.EnumDecl(annotations, None, rest[1], members, span=self.span(b, e))

    def serial_enum_decl(self, c: Children, b: int, e: int) -> s.EnumDecl:
        annotations, rest = split(c)
        self.symbols.declare(rest[2].text, True)
        return s.EnumDecl(annotations, rest[1], rest[2], tuple(rest[4]), span=self.span(b, e))

    def enum_member(self, c: Children, b: int, e: int) -> s.EnumMember:
        return s.EnumMember(c[0], c[2], span=self.span(b, e))

    def error_decl(self, c: Children, b: int, e: int) -> s.ErrorDecl:
        return s.ErrorDecl(tuple(self._unannotated(c)[2]), span=self.span(b, e))

    def match_kind_decl(self, c: Children, b: int, e: int) -> s.MatchKindDecl:
        return s.MatchKindDecl(tuple(self._unannotated(c)[2]), span=self.span(b, e))

    def _unannotated(self, c: Children) -> Children:
        annotations, rest = split(c)
        if annotations:
            self.error(annotations[0].span, f"a declaration of '{rest[0].text}' cannot have annotations")
        return rest

    def typedef_decl(self, c: Children, b: int, e: int) -> s.TypedefDecl:
        annotations, (_typedef, type_, name) = split(c)
        self.symbols.declare(name.text, True)
        return s.TypedefDecl(annotations, type_, name, span=self.span(b, e))

    def new_type_decl(self, c: Children, b: int, e: int) -> s.NewTypeDecl:
        annotations, (_type, type_, name) = split(c)
        self.symbols.declare(name.text, True)
        return s.NewTypeDecl(annotations, type_, name, span=self.span(b, e))

    # --- Parsers -----------------------------------------------------------------------------------------------------

    def container_type(self, c: Children, _b: int, _e: int) -> Any:
        """The type of a parser or control; the scope stays open for the body."""
        annotations, _keyword, name = c[0]
        return annotations, name, tuple(c[1]), tuple(c[3])

    def parser_type_decl(self, c: Children, b: int, e: int) -> s.ParserTypeDecl:
        self.symbols.pop()
        return s.ParserTypeDecl(*c[0], span=self.span(b, e))

    def parser_decl(self, c: Children, b: int, e: int) -> s.ParserDecl:
        self.symbols.pop()
        annotations, name, types, parameters = c[0]
        constructor, variables, states = tuple(c[1]), tuple(c[3]), tuple(c[4])
        return s.ParserDecl(annotations, name, types, parameters, constructor, variables, states, span=self.span(b, e))

    def state(self, c: Children, b: int, e: int) -> s.StateDecl:
        self.symbols.pop()
        annotations, name = c[0]
        return s.StateDecl(annotations, name, tuple(c[2]), c[3], span=self.span(b, e))

    def select(self, c: Children, b: int, e: int) -> s.Select:
        return s.Select(tuple(c[2]), tuple(c[5]), span=self.span(b, e))

    def select_case(self, c: Children, b: int, e: int) -> s.SelectCase:
        return s.SelectCase(c[0], c[2], span=self.span(b, e))

    def value_set_decl(self, c: Children, b: int, e: int) -> s.ValueSetDecl:
        annotations, rest = split(c)
        self.symbols.declare(rest[7].text, False)
        return s.ValueSetDecl(annotations, rest[2], rest[5], rest[7], span=self.span(b, e))

    # --- Controls, actions, tables -----------------------------------------------------------------------------------

    def control_type_decl(self, c: Children, b: int, e: int) -> s.ControlTypeDecl:
        self.symbols.pop()
        return s.ControlTypeDecl(*c[0], span=self.span(b, e))

    def control_decl(self, c: Children, b: int, e: int) -> s.ControlDecl:
        self.symbols.pop()
        annotations, name, types, parameters = c[0]
        constructor, variables = tuple(c[1]), tuple(c[3])
        return s.ControlDecl(annotations, name, types, parameters, constructor, variables, c[5], span=self.span(b, e))

    def action_decl(self, c: Children, b: int, e: int) -> s.ActionDecl:
        self.symbols.pop()
        annotations, name = c[0]
        return s.ActionDecl(annotations, name, tuple(c[2]), c[4], span=self.span(b, e))

    def table_decl(self, c: Children, b: int, e: int) -> s.TableDecl:
        annotations, name = c[0]
        return s.TableDecl(annotations, name, tuple(c[2]), span=self.span(b, e))

    def key_property(self, c: Children, b: int, e: int) -> s.TableProperty:
        return s.KeyProperty(tuple(c[3]), span=self.span(b, e))

    def actions_property(self, c: Children, b: int, e: int) -> s.TableProperty:
        return s.ActionsProperty(tuple(c[3]), span=self.span(b, e))

    def entries_property(self, c: Children, b: int, e: int) -> s.TableProperty:
        annotations, rest = split(c)
        const = rest[0].kind == "CONST"
        return s.EntriesProperty(annotations, const, tuple(rest[const + 3]), span=self.span(b, e))

    def value_property(self, c: Children, b: int, e: int) -> s.TableProperty:
        annotations, rest = split(c)
        const = type(rest[0]) is Token
        return s.ValueProperty(annotations, const, rest[const], rest[const + 2], span=self.span(b, e))

    def key_element(self, c: Children, b: int, e: int) -> s.KeyElement:
        annotations = tuple(c[3]) if len(c) > 4 else ()
        return s.KeyElement(c[0], c[2], annotations, span=self.span(b, e))

    def action_ref(self, c: Children, b: int, e: int) -> s.ActionRef:
        annotations, rest = split(c)
        arguments = tuple(rest[2]) if len(rest) > 2 else None
        return s.ActionRef(annotations, rest[0], arguments, span=self.span(b, e))

    def entry(self, c: Children, b: int, e: int) -> s.Entry:
        const = type(c[0]) is Token
        rest = c[const:]
        priority = None
        if type(rest[0]) is tuple:
            (priority,), rest = rest[0], rest[1:]
        keyset, _colon, (action, arguments, span), *end = rest
        annotations = tuple(end[0]) if len(end) > 1 else ()
        reference = s.ActionRef(annotations, action, arguments, span=span)
        return s.Entry(const, priority, keyset, reference, span=self.span(b, e))

    def entry_action(self, c: Children, b: int, e: int) -> Any:
        return c[0], tuple(c[2]) if len(c) > 1 else None, self.span(b, e)

    def entry_priority(self, c: Children, b: int, e: int) -> Any:
        return (self.integer([c[2]], b, e) if len(c) == 4 else c[3],)

    # --- Functions, externs, packages --------------------------------------------------------------------------------

    def prototype(self, c: Children, _b: int, _e: int) -> Any:
        """(result, name, type parameters, parameters); the scope stays open for the body."""
        result, name = c[0]
        return result, name, tuple(c[1]), tuple(c[3])

    def function_decl(self, c: Children, b: int, e: int) -> s.FunctionDecl:
        self.symbols.pop()
        annotations, ((result, name, types, parameters), body) = split(c)
        return s.FunctionDecl(annotations, result, name, types, parameters, body, span=self.span(b, e))

    def extern_function_decl(self, c: Children, b: int, e: int) -> s.ExternFunctionDecl:
        self.symbols.pop()
        annotations, (_extern, (result, name, types, parameters), _end) = split(c)
        return s.ExternFunctionDecl(annotations, result, name, types, parameters, span=self.span(b, e))

    def extern_decl(self, c: Children, b: int, e: int) -> s.ExternDecl:
        self.symbols.pop()
        annotations, _keyword, name = c[0]
        return s.ExternDecl(annotations, name, tuple(c[1]), tuple(c[3]), span=self.span(b, e))

    def method(self, c: Children, b: int, e: int) -> s.Method:
        self.symbols.pop()
        annotations, rest = split(c)
        result, name, types, parameters = rest[-2]
        return s.Method(annotations, len(rest) > 2, result, name, types, parameters, span=self.span(b, e))

    def constructor(self, c: Children, b: int, e: int) -> s.Method:
        self.symbols.pop()
        annotations, rest = split(c)
        return s.Method(annotations, False, None, rest[0], (), tuple(rest[2]), span=self.span(b, e))

    def package_decl(self, c: Children, b: int, e: int) -> s.PackageDecl:
        self.symbols.pop()
        annotations, _keyword, name = c[0]
        return s.PackageDecl(annotations, name, tuple(c[1]), tuple(c[3]), span=self.span(b, e))
