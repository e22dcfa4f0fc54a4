"""State of two programs that has one name, and is not the same state.

A control plane asks for counters and meters of table entries (direct ones) by the table and an entry's key (P4Runtime
spec, "DirectCounterEntry"), so a cell of one table is none of another's. And a user may say that a state of the first
program is another one of the second than that of its name.
"""

from __future__ import annotations

from collections.abc import Iterator

from .pairing import Pairing
from .semantics import ir
from .semantics.p4info.architecture import architecture
from .semantics.p4info.ids import Kind
from .semantics.source import Unsupported


def same_tables(pairing: Pairing) -> None:
    """Raises Unsupported where a counter or meter of entries hangs on another table in the second program."""
    homes = dict(_attached(pairing.first))
    partners = {(p.first.control_name, p.second.control_name) for p in pairing.tables}
    partners |= {(mine, theirs) for theirs, mine in pairing.unlike.items()}
    for name, table in _attached(pairing.second):
        home = homes.get(pairing.instances.get(name, ""))
        if home is not None and (home.control_name, table.control_name) not in partners:
            where = f"hangs on table {home.control_name} in the first program, on {table.control_name} in the second"
            raise Unsupported(f"{name} {where}", table.span)


def one_of_each_name(pairing: Pairing) -> None:
    """Raises Unsupported where the second program has a state of a name that the first's partner of another one has: in
    the first's words they would be one."""
    taken = {mine: theirs for theirs, mine in pairing.instances.items()}
    for instance in pairing.second.instances:
        if instance.name not in pairing.instances and instance.name in taken:
            reason = f"{instance.name}: the first program's of this name is {taken[instance.name]} in the second"
            raise Unsupported(f"{reason}, and which this one is nobody has said", instance.span)


def _attached(program: ir.Program) -> Iterator[tuple[str, ir.Table]]:
    """The direct counters and meters that tables have, by their full names."""
    externs = architecture(program.arch).externs
    direct = {
        i.name
        for i in program.instances
        if i.extern in externs and externs[i.extern].kind in (Kind.DIRECT_COUNTER, Kind.DIRECT_METER)
    }
    for _, table in program.tables():
        yield from ((p.value, table) for p in table.properties if isinstance(p.value, str) and p.value in direct)
