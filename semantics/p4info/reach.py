"""What of a program takes part: the tables that are applied, the actions and calls behind them.

p4c writes P4Info after it removed what is unused, so a table that no control applies has no place in it, and neither
has an action that only other actions call. An action that only the control's own code calls is shown without
parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .. import ir
from ..ir.schema import BY_CLASS


@dataclass
class Reached:
    """The parts that are used; each tuple in the order of the program."""

    parsers: tuple[ir.Parser, ...] = ()
    tables: tuple[tuple[ir.Control, ir.Table], ...] = ()
    actions: tuple[ir.Action, ...] = ()
    """Each control-plane name once, those of the top level first."""
    in_tables: frozenset[str] = frozenset()
    """The control-plane names of actions that a table lists; the others are only called."""
    calls: tuple[ir.ExternCall, ...] = ()


def reached(program: ir.Program) -> Reached:
    """What the blocks that the architecture calls use."""
    walk = _Walk(program)
    walk.blocks()
    controls = [c for c in program.controls if c.name in walk.done_blocks]
    actions: dict[str, ir.Action] = {}
    in_tables: set[str] = set()
    for top_level in (True, False):
        for control in controls:
            for action in control.actions:
                here = control.name, action.name
                if here in walk.listed | walk.called and ("." not in action.control_name) == top_level:
                    actions.setdefault(action.control_name, action)
                if here in walk.listed:
                    in_tables.add(action.control_name)
    return Reached(
        tuple(p for p in program.parsers if p.name in walk.done_blocks),
        tuple((c, t) for c in controls for t in c.tables if (c.name, t.name) in walk.tables),
        tuple(actions.values()),
        frozenset(in_tables),
        tuple(walk.calls),
    )


@dataclass
class _Walk:
    program: ir.Program
    todo_blocks: list[str] = field(default_factory=list)
    done_blocks: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    tables: set[tuple[str, str]] = field(default_factory=set)
    bodies: set[tuple[str, str]] = field(default_factory=set)
    """Actions whose bodies have been walked."""
    listed: set[tuple[str, str]] = field(default_factory=set)
    called: set[tuple[str, str]] = field(default_factory=set)
    """Actions that a control's own code calls."""
    calls: list[ir.ExternCall] = field(default_factory=list)

    def blocks(self) -> None:
        """Walk the blocks given to packages, and those that they run."""
        by_name: dict[str, ir.Parser | ir.Control] = {p.name: p for p in self.program.parsers}
        by_name.update({c.name: c for c in self.program.controls})
        self.todo_blocks = [str(v) for p in self.program.packages for _, v in p.args if isinstance(v, str)]
        while self.todo_blocks:
            name = self.todo_blocks.pop()
            if name in by_name and name not in self.done_blocks:
                self.done_blocks.add(name)
                self._block(by_name[name])
        for instance in self.program.instances:
            for method in instance.methods:
                self._code("", None, method.body)

    def _block(self, block: ir.Parser | ir.Control) -> None:
        if isinstance(block, ir.Control):
            self._code(block.name, block, block.locals, block.body)
        else:
            self._code(block.name, None, block.locals, block.states)

    def _code(self, where: str, control: ir.Control | None, *roots: object) -> None:
        """Walk code of the block ``where``; tables and actions are those of ``control``."""
        actions = {a.name: a for a in control.actions} if control is not None else {}
        tables = {t.name: t for t in control.tables} if control is not None else {}
        todo: list[tuple[object, bool]] = [(root, True) for root in reversed(roots)]
        while todo:
            root, outside_actions = todo.pop()
            for node in _nodes(root):
                match node:
                    case ir.TableApply(table=name) if name in tables and (where, name) not in self.tables:
                        self.tables.add((where, name))
                        todo.append((tables[name], True))
                    case ir.ActionRef(action=name) | ir.BoundAction(action=name):
                        self.listed.add((where, name))
                        todo += self._body(where, actions[name])
                    case ir.FunctionCall(name=name) if name in actions:
                        if outside_actions:
                            self.called.add((where, name))
                        todo += self._body(where, actions[name])
                    case ir.FunctionCall(name=name) if name not in self.functions:
                        self.functions.add(name)
                        todo += [(f.body, False) for f in self.program.functions if f.name == name]
                    case ir.BlockApply(block=name):
                        self.todo_blocks.append(name)
                    case ir.ExternCall():
                        self.calls.append(node)

    def _body(self, where: str, action: ir.Action) -> list[tuple[object, bool]]:
        """The body of an action, the first time."""
        if (where, action.name) in self.bodies:
            return []
        self.bodies.add((where, action.name))
        return [(action.body, False)]


def _nodes(root: object) -> Iterator[object]:
    """``root`` and all nodes below it, in order, without types and without branches that are never taken."""
    todo = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, tuple):
            todo.extend(reversed(node))
            continue
        if isinstance(node, ir.If) and isinstance(node.condition, ir.Const):
            node = node.then if node.condition.value else node.otherwise
        kind = BY_CLASS.get(type(node))
        if (
            kind is None
            or isinstance(node, ir.Annotation | ir.Param)
            or type(node).__module__ == ir.BitsType.__module__
        ):
            continue
        yield node
        todo.extend(getattr(node, f.name) for f in reversed(kind.fields))
