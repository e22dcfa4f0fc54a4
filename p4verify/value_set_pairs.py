"""Value sets of two programs: those with one name hold the same members if both can hold them.

A member is what the control plane gives (P4-16 spec, "Value sets"; P4Runtime spec, "ValueSetEntry"): a match for each
part of the key, of the kind that the part's ``@match`` says, exact without one. A set that has no partner, or whose
members are matched otherwise, holds what nothing tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .semantics import ir
from .semantics.rules.values import value_set_widths
from .semantics.source import Unsupported
from .table_pair import partners


@dataclass(frozen=True)
class ValueSetPairs:
    """How the second program's value sets are the first's, by control-plane names."""

    names: dict[str, str] = field(default_factory=dict)
    """The second's → the first's."""
    problems: dict[str, Unsupported] = field(default_factory=dict)
    """The second's that a parser asks and whose members are not known → why, with the place."""
    smaller: tuple[ir.ValueSetDecl, ...] = ()
    """The second's that have room for fewer members than their partners."""


def pair_value_sets(first: ir.Program, second: ir.Program) -> ValueSetPairs:
    """Pair the value sets of two programs."""
    mine = {s.control_name: s for parser in first.parsers for s in parser.value_sets}
    theirs = {s.control_name: s for parser in second.parsers for s in parser.value_sets}
    names = partners(list(theirs), mine)
    asked = {declared.control_name for parser in second.parsers for declared in _asked(parser)}
    problems: dict[str, Unsupported] = {}
    for name, declared in theirs.items():
        partner = mine.get(names.get(name, ""))
        if partner is None:
            reason = "the first program has none of this name, so its members are not known"
        elif list(_parts(partner.type, partner)) != list(_parts(declared.type, declared)):
            reason = "the two programs match its members otherwise"
        else:
            continue
        names.pop(name, None)
        if name in asked:
            problems[name] = Unsupported(f"value set {name}: {reason}", declared.span)
    smaller = tuple(theirs[name] for name, partner in names.items() if theirs[name].size < mine[partner].size)
    return ValueSetPairs(names, problems, smaller)


def _asked(parser: ir.Parser) -> Iterator[ir.ValueSetDecl]:
    """The value sets that a parser's transitions ask."""
    sets = [k for state in parser.states for case in state.transition.cases for k in case.sets]
    used = {keyset.name for keyset in sets if isinstance(keyset, ir.ParserValueSet)}
    return (declared for declared in parser.value_sets if declared.name in used)


def _parts(type_: ir.Type, declared: ir.ValueSetDecl) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Each part of a member: its match kind, and the bits of what lies in it."""
    bare = ir.bare(type_)
    if not isinstance(bare, ir.StructType):
        yield "exact", tuple(value_set_widths(bare, declared.span))
        return
    for part in bare.fields:
        kinds = [str(a.values[0] if a.values else a.body) for a in part.annotations if a.name == "match"]
        yield kinds[-1] if kinds else "exact", tuple(value_set_widths(part.type, part.span))
