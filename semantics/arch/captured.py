"""Variables of the block around an extern object that the methods which the program gives it read and write.

The P4-16 specification lets such methods use "the supplied arguments or refer to values that are in the top-level
scope" (section 11.3.1, "Instantiating objects with abstract methods"), but its reference compiler takes others, and
passes them on. A method is then a function of the variables that it reads, too, and one to those that it writes; an
extern that may call it at some point of a program is given the variables' values there, and may leave others behind.

What is read and written is told leaf by leaf (:mod:`..meaning.parameters`), and leaves are numbered in the order in
which the methods first name their variables. So programs that call them otherwise use the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from .. import ir
from ..ir.traverse import mentioned
from ..meaning.declared import declared_names
from ..source import Unsupported

SYNCHRONOUS: Final = "synchronous"
"""The annotation that says which methods of an object call one that the program gives it. Without it any may do so, or
none, as p4c takes it (frontends/p4/methodInstance.cpp, ``mayCall``): only what differs both ways is a difference. What
is the same if none does, and if such methods are called when the block is done, is the same if that is so."""


@dataclass(frozen=True, slots=True)
class CapturedLeaf:
    """A leaf of a variable around an object."""

    variable: str
    path: str
    """Below the variable, as :func:`..meaning.parameters.flatten` names it with an empty path in front."""


@dataclass(frozen=True)
class Captured:
    """What the methods of one object read and write of the block around it; leaves by their numbers."""

    block: str = ""
    """The full name of the block; "" if nothing is captured."""
    types: dict[str, ir.Type] = field(default_factory=dict)
    """Those of the variables."""
    leaves: tuple[CapturedLeaf, ...] = ()
    touched: dict[str, frozenset[int]] = field(default_factory=dict)
    """Method → the leaves that it reads or writes."""
    written: dict[str, frozenset[int]] = field(default_factory=dict)
    """Method → the leaves that it writes."""

    def at_call(self, program: ir.Program, extern: str, called: str, *, as_said: bool) -> tuple[list[int], list[int]]:
        """The leaves that may be read or written while a method that the extern brings along is called, and among
        them those that may be written. ``as_said``: by methods only that are said to be called then."""
        methods = [name for name in self.touched if _may_be_called(program, extern, name, called, as_said)]
        touched = {n for name in methods for n in self.touched[name]}
        return sorted(touched), sorted({n for name in methods for n in self.written[name]})

    def at_any_time(self, program: ir.Program, extern: str) -> list[str]:
        """The methods that read or write variables, and of which nothing says when they are called."""
        return [name for name, leaves in self.touched.items() if leaves and not all(_said(program, extern, name))]


def _may_be_called(program: ir.Program, extern: str, abstract: str, called: str, as_said: bool) -> bool:
    """Whether an abstract method may be called while another one is, so far as its annotation says."""
    said = _said(program, extern, abstract) or [[]]
    return any(any(called in _names(a) for a in found) if found else not as_said for found in said)


def _said(program: ir.Program, extern: str, abstract: str) -> list[list[ir.Annotation]]:
    """What is said of when an abstract method is called, for each one of that name."""
    return [
        [a for a in method.annotations if a.name == SYNCHRONOUS]
        for declaration in program.declarations
        if isinstance(declaration, ir.ExternDecl) and declaration.name == extern
        for method in declaration.methods
        if method.abstract and method.name == abstract
    ]


def _names(annotation: ir.Annotation) -> list[str]:
    return [name.strip() for name in (annotation.body or "").split(",")]


def captured_variables(program: ir.Program, instance: ir.Instance) -> tuple[str, dict[str, ir.Type]]:
    """The block around an object, and the variables of it that its methods name, in the order in which they do.

    Raises:
        Unsupported: there are such variables, and the block is not known, or others may call the methods.
    """
    named = tuple(dict.fromkeys(_free_names(program, instance, frozenset())))
    if not named:
        return "", {}
    block = _around(program, instance)
    types = _variable_types(block) if block is not None else {}
    missing = [name for name in named if name not in types]
    if block is None or missing:
        raise Unsupported(f"{(missing or named)[0]} has no value at run time", instance.span)
    for other in _given_to(program, instance.name):
        raise Unsupported(f"it is given to {other}, and reads or writes {named[0]}", instance.span)
    found = {name: types[name] for name in named}
    if isinstance(block, ir.Parser):
        for name, type_ in found.items():
            if any(isinstance(part, ir.StackType) for part in parts_of(type_)):
                raise Unsupported(f"the header stack in {name} of a parser", instance.span)
    return block.name, found


def _given_to(program: ir.Program, name: str) -> Iterator[str]:
    """What is made with an object, and may call its methods whenever it likes: other objects, and tables."""
    for other in program.instances:
        if any(value == name for _, value in other.args):
            yield other.name
    for _, table in program.tables():
        if any(p.value == name for p in table.properties):
            yield f"table {table.control_name}"


def _around(program: ir.Program, instance: ir.Instance) -> ir.Parser | ir.Control | None:
    """The innermost block whose name an object's full name begins with."""
    blocks: list[ir.Parser | ir.Control] = [*program.parsers, *program.controls]
    around = [block for block in blocks if instance.name.startswith(f"{block.name}.")]
    return max(around, key=lambda block: len(block.name), default=None)


def _variable_types(block: ir.Parser | ir.Control) -> dict[str, ir.Type]:
    found = {p.name: p.type for p in block.params if not isinstance(ir.bare(p.type), ir.ExternType)}
    return found | {s.name: s.type for s in block.locals if isinstance(s, ir.Declare)}


def own_names(method: ir.Function) -> frozenset[str]:
    """The names of a method's parameters and of what it declares."""
    return frozenset(p.name for p in method.params) | declared_names(method.body)


def _free_names(program: ir.Program, instance: ir.Instance, seen: frozenset[str]) -> Iterator[str]:
    """The variables that an object's methods name, and the objects that they call, but do not declare."""
    for method in sorted(instance.methods, key=lambda f: f.name):
        own = own_names(method)
        for node in mentioned(method.body):
            match node:
                case ir.Var(name=name) if name not in own:
                    yield name
                case ir.ForIn(name=name) if name not in own:
                    yield name
                case ir.ExternCall(object=str(name), is_param=True) if name not in own:
                    yield name
                case ir.ExternCall(object=str(name), is_param=False) if name not in seen | {instance.name}:
                    yield from _free_names(program, program.instance(name), seen | {instance.name})


def parts_of(type_: ir.Type) -> Iterator[ir.Type]:
    """A type and those of its parts."""
    todo = [ir.bare(type_)]
    while todo:
        part = todo.pop()
        yield part
        inner: Sequence[ir.Type] = ()
        match part:
            case ir.StructType(fields=fields) | ir.HeaderType(fields=fields) | ir.UnionType(fields=fields):
                inner = [f.type for f in fields]
            case ir.TupleType(elements):
                inner = elements
            case ir.StackType(element):
                inner = [element]
        todo.extend(ir.bare(t) for t in inner)
