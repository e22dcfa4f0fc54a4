"""``--map FILE``: how the words of one program are those of another, where names and defaults do not say it.

::

    [tables]                      # control-plane names, first program = second program (or several of it: copies)
    "ingress.route" = "MainControl.lpm"
    [actions]                     # likewise; names without their control do as well
    forward = "send"
    [state]                       # counters and registers
    "ingress.seen" = "MainControl.packets"
    [events]                      # digests
    "digest learn_t" = "MainControl.learn"
    [[derived]]                   # a table of the second whose rules follow from those of several, or are split up
    table = "MainControl.nexthop"
    from = ["ingress.route"]      # of the first
    entries = "any"               # an entry wherever one of these has one; or "all": where each has one
    keys = { "m.dst" = "h.dst" }  # key of the table = key of one of these, where the names differ
    [[derived.actions]]           # where names and parameters do not say it
    from = ["forward"]            # what each of these does
    does = "send"                 # what the table does then; left out: it has no entry
    arguments = { to = "port" }   # of the table's action = of theirs ("2.port": of the second one's)

    # the rest counts between two architectures only
    [ports]
    count = 511                   # both have the ports 0 to count - 1; a frame sent to another one goes nowhere
    arguments = ["send.to"]       # parameters of the first's actions that are port numbers though their type is none
    [inputs.second]               # also [inputs.first]
    direction = 0                 # a value; or "any": whatever it is
    [unobserved]
    state = ["MainControl.debug"] # counters and registers, of either, that are not compared
    [carried]                     # what goes with packets that come back; a list: for either way of coming back
    "meta.class" = "resubmit_meta.kind"
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from .semantics.source import InputError, Span

NAMES: Final = ("tables", "actions", "state", "events")
SECTIONS: Final = frozenset({*NAMES, "carried", "derived", "ports", "inputs", "unobserved"})
LARGEST_COUNT: Final = 1 << 32


@dataclass(frozen=True)
class SaidWay:
    """What a derived table does (None: it has no entry) where its sources do something, each one action."""

    sources: tuple[str, ...]
    does: str | None
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SaidDerived:
    """A table of the second program, and the tables of the first from whose rules its own follow."""

    table: str
    sources: tuple[str, ...]
    entries: Literal["any", "all"] = "any"
    keys: Mapping[str, str] = field(default_factory=dict)
    actions: tuple[SaidWay, ...] = ()


NOTHING_DERIVED: Final = SaidDerived("", ())
"""Names, keys and parameters alone say what follows from what."""


@dataclass(frozen=True)
class ProgramMap:
    """What a user says of how two programs correspond. Names: of the first program → of the second."""

    tables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """A table of the first may be several of the second, each with its rules."""
    derived: tuple[SaidDerived, ...] = ()
    actions: Mapping[str, str] = field(default_factory=dict)
    state: Mapping[str, str] = field(default_factory=dict)
    events: Mapping[str, str] = field(default_factory=dict)
    carried: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What goes with packets that come back: a field may be one for resubmitted and one for recirculated packets."""
    ports: int | None = None
    """How many ports both have; None for what the architectures say."""
    port_arguments: tuple[str, ...] = ()
    inputs: tuple[Mapping[str, int | None], Mapping[str, int | None]] = field(default_factory=lambda: ({}, {}))
    """Of the first and of the second: an input's name → its value, None for any value."""
    unobserved: tuple[str, ...] = ()
    path: str = ""

    @property
    def renames(self) -> bool:
        """Whether equal names may mean something else."""
        return bool(self.tables or self.actions or self.state or self.derived)


def read_map(data: bytes, path: str) -> ProgramMap:
    """A mapping from the text of its file.

    Raises:
        InputError: it is no TOML, or has keys or values that mean nothing; with the file and the key.
    """
    reader = _Reader(path)
    try:
        found = tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        raise reader.wrong(f"is not UTF-8 text (byte {error.start})") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise reader.wrong(f"is not TOML: {error}") from None
    reader.only(found, SECTIONS, "")
    names = {name: reader.names(found.get(name, {}), name) for name in NAMES if name != "tables"}
    ports = reader.table(found.get("ports", {}), "ports")
    reader.only(ports, frozenset({"count", "arguments"}), "ports.")
    inputs = reader.table(found.get("inputs", {}), "inputs")
    reader.only(inputs, frozenset({"first", "second"}), "inputs.")
    unobserved = reader.table(found.get("unobserved", {}), "unobserved")
    reader.only(unobserved, frozenset({"state"}), "unobserved.")
    return ProgramMap(
        **names,
        tables=reader.several(found.get("tables", {}), "tables"),
        carried=reader.several(found.get("carried", {}), "carried", once=False),
        derived=reader.derived(found.get("derived", [])),
        ports=reader.count(ports.get("count")),
        port_arguments=reader.texts(ports.get("arguments", []), "ports.arguments"),
        inputs=(reader.inputs(inputs, "first"), reader.inputs(inputs, "second")),
        unobserved=reader.texts(unobserved.get("state", []), "unobserved.state"),
        path=path,
    )


@dataclass(frozen=True)
class _Reader:
    """Checks what TOML has read."""

    path: str

    def wrong(self, text: str) -> InputError:
        return InputError.at(Span(self.path, 0, 0), text)

    def only(self, found: Mapping[str, Any], known: frozenset[str], where: str) -> None:
        for key in found:
            if key not in known:
                raise self.wrong(f"unknown key '{where}{key}'; known are {', '.join(sorted(known))}")

    def table(self, value: Any, where: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self.wrong(f"'{where}' is not a table")
        return value

    def names(self, value: Any, where: str, once: bool = True) -> dict[str, str]:
        found = self.table(value, where)
        for key, name in found.items():
            if not isinstance(name, str):
                raise self.wrong(f"'{where}.{key}' is not text")
        if once and len(set(found.values())) != len(found):
            raise self.wrong(f"'{where}' names one of the second program's twice")
        return dict(found)

    def several(self, value: Any, where: str, once: bool = True) -> dict[str, tuple[str, ...]]:
        found = {
            key: (name,) if isinstance(name, str) else self.texts(name, f"{where}.{key}")
            for key, name in self.table(value, where).items()
        }
        names = [name for several in found.values() for name in several]
        if once and len(set(names)) != len(names):
            raise self.wrong(f"'{where}' names one of the second program's twice")
        return found

    def derived(self, value: Any) -> tuple[SaidDerived, ...]:
        found = []
        for item in self.items(value, "derived"):
            self.only(item, frozenset({"table", "from", "entries", "keys", "actions"}), "derived.")
            if not isinstance(item.get("table"), str) or not item.get("from"):
                raise self.wrong("'derived' needs 'table' and 'from'")
            entries = item.get("entries", "any")
            if entries not in ("any", "all"):
                raise self.wrong('\'derived.entries\' is neither "any" nor "all"')
            actions = tuple(map(self.way, self.items(item.get("actions", []), "derived.actions")))
            keys = self.names(item.get("keys", {}), "derived.keys", once=False)
            sources = self.texts(item["from"], "derived.from")
            found.append(SaidDerived(item["table"], sources, entries, keys, actions))
        if len({item.table for item in found}) != len(found):
            raise self.wrong("'derived' says twice where a table's rules are from")
        return tuple(found)

    def way(self, item: Mapping[str, Any]) -> SaidWay:
        self.only(item, frozenset({"from", "does", "arguments"}), "derived.actions.")
        does = item.get("does")
        if does is not None and not isinstance(does, str):
            raise self.wrong("'derived.actions.does' is not text")
        arguments = self.names(item.get("arguments", {}), "derived.actions.arguments", once=False)
        return SaidWay(self.texts(item.get("from"), "derived.actions.from"), does, arguments)

    def items(self, value: Any, where: str) -> list[Mapping[str, Any]]:
        if not isinstance(value, list):
            raise self.wrong(f"'{where}' is not a list of tables")
        return [self.table(item, where) for item in value]

    def texts(self, value: Any, where: str) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(f"'{where}' is not a list of names")
        return tuple(value)

    def count(self, value: Any) -> int | None:
        if value is not None and (type(value) is not int or not 0 < value <= LARGEST_COUNT):
            raise self.wrong(f"'ports.count' is not a number from 1 to {LARGEST_COUNT}")
        return value

    def inputs(self, tables: Mapping[str, Any], which: str) -> dict[str, int | None]:
        found: dict[str, int | None] = {}
        for name, value in self.table(tables.get(which, {}), f"inputs.{which}").items():
            if value != "any" and (type(value) is not int or value < 0):
                raise self.wrong(f"'inputs.{which}.{name}' is neither a number nor \"any\"")
            found[name] = None if value == "any" else value
        return found


NOTHING_SAID: Final = ProgramMap()


def told(said: ProgramMap, what: str, first: Iterable[str], second: Iterable[str]) -> dict[str, str]:
    """What was said of tables or state, as the second program's names → the first's.

    Raises:
        InputError: a name is not there.
    """
    names: Mapping[str, str | tuple[str, ...]] = getattr(said, what)
    pairs = [(x, y) for x, ys in names.items() for y in ((ys,) if isinstance(ys, str) else ys)]
    for which, there, given in (("first", set(first), list(names)), ("second", set(second), [y for _, y in pairs])):
        for name in given:
            if name not in there:
                known = ", ".join(sorted(there)) or "none"
                raise InputError.at(Span(said.path, 0, 0), f"[{what}]: the {which} program has no {name} ({known})")
    return {theirs: mine for mine, theirs in pairs}


def called(said: Mapping[str, str], first: Iterable[str], second: Iterable[str]) -> dict[str, str]:
    """What was said of the actions of one table, as the second's names → the first's; a name may be without its
    control's."""

    def find(name: str, names: Iterable[str]) -> str | None:
        return next((n for n in names if n == name or n.endswith(f".{name}")), None)

    mine, theirs = tuple(first), tuple(second)
    pairs = ((find(y, theirs), find(x, mine)) for x, y in said.items())
    return {y: x for y, x in pairs if x is not None and y is not None}
