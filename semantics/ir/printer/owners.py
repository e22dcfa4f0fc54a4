"""Which block holds what: instances of parsers and controls, and objects that are passed to constructors."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...source import Unsupported
from .. import nodes as n
from .. import types as t
from ..program import Program
from ..traverse import mentioned

BlockNode = n.Parser | n.Control


@dataclass
class Owners:
    """The places of things that P4 declares within others."""

    members: dict[str, list[str]] = field(default_factory=dict)
    """Block → the blocks that it holds instances of, in the order in which they were made."""
    passed: dict[str, list[str]] = field(default_factory=dict)
    """Block → the instances that its constructor is given: some block further out holds them."""
    objects: dict[str, list[n.Instance]] = field(default_factory=dict)
    """Block → the extern objects that must be declared within it, for their methods use its variables."""
    owner: dict[str, str] = field(default_factory=dict)
    """Block → the block that holds it."""


def owners(program: Program) -> Owners:
    """The places of everything.

    An instance belongs to the block that runs it; one that nothing or more than one runs, to the block whose name its
    own begins with.

    Raises:
        Unsupported: a thing has no place.
    """
    made = Owners()
    blocks: list[BlockNode] = [*program.parsers, *program.controls]
    runners = _runners(blocks)
    given = {value for p in program.packages for _, value in p.args if isinstance(value, str)}
    for block in blocks:
        runs = runners.get(block.name, [])
        owner = runs[0] if len(runs) == 1 else None
        if owner is None and (runs or block.name not in given):
            owner = _outer(block.name, blocks)
            if owner is None:
                raise Unsupported(f"the instance {block.name} has no place", block.span)
        if owner is not None:
            made.owner[block.name] = owner
            made.members.setdefault(owner, []).append(block.name)
    for block in blocks:
        for runner in runners.get(block.name, []):
            _pass(made, block.name, runner, made.owner.get(block.name))
    _pass_objects(made, program, blocks)
    _place_objects(made, program, blocks)
    return made


def _outer(name: str, blocks: list[BlockNode]) -> str | None:
    """The innermost block whose name ``name`` begins with."""
    return max((b.name for b in blocks if name.startswith(f"{b.name}.")), key=len, default=None)


def _runners(blocks: list[BlockNode]) -> dict[str, list[str]]:
    """Instance → the blocks that run it."""
    runs: dict[str, list[str]] = {}
    for block in blocks:
        for node in mentioned(block):
            if isinstance(node, n.BlockApply) and block.name not in runs.setdefault(node.block, []):
                runs[node.block].append(block.name)
    return runs


def _pass(made: Owners, thing: str, user: str, holder: str | None) -> None:
    """Give ``thing`` to the constructors from below ``holder`` down to ``user``."""
    now: str | None = user
    while now is not None and now != holder:
        given = made.passed.setdefault(now, [])
        if thing not in given:
            given.append(thing)
        now = made.owner.get(now)


def _pass_objects(made: Owners, program: Program, blocks: list[BlockNode]) -> None:
    """What an extern function makes is the argument of a constructor, and known by the name of its parameter."""
    for item in program.instances:
        outer = _outer(item.name, blocks) if item.made_by else None
        if outer is None or item.name.rpartition(".")[0] != outer:
            continue
        _pass(made, item.name, outer, made.owner.get(outer))
        for block in blocks:
            if any(_uses(node, item.name) for node in mentioned(block)):
                _pass(made, item.name, block.name, outer)


def _uses(node: object, name: str) -> bool:
    match node:
        case n.ExternCall(object=found, is_param=False):
            return found == name
        case n.Const(value=found, type=t.ExternType()):
            return found == name
    return False


def _place_objects(made: Owners, program: Program, blocks: list[BlockNode]) -> None:
    """Objects with methods that are not closed stand in their block; what follows such (or what is made for a
    constructor) too, to stay behind it."""
    bound = (i for i, item in enumerate(program.instances) if item.made_by or any(map(_open, item.methods)))
    first = next(bound, None)
    for item in program.instances[first:] if first is not None else ():
        outer = _outer(item.name, blocks)
        if outer is not None and not item.made_by:
            made.objects.setdefault(outer, []).append(item)
        elif any(map(_open, item.methods)):
            raise Unsupported(f"the methods of {item.name} use variables of no block", item.span)


def _open(method: n.Function) -> bool:
    """Whether a method uses a variable of the block in which the object stands."""
    kinds = n.Param | n.Declare | n.ForIn
    own = {x.name for x in mentioned(method) if isinstance(x, kinds)}
    return any(isinstance(item, n.Var) and item.name not in own for item in mentioned(method.body))
