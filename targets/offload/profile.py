"""Device profiles: what a device takes of a list, as a TOML file.

::

    name = "some switch"
    summary = "one line"
    sources = ["https://..."]       # where this is from

    [frames]                        # see :class:`.device.Device`
    misses = "forwarded"            # or "software"
    passes = "forwarded"            # or "software"
    chain_miss = "resumes"          # or "restarts"; left out: not known
    order = "none"                  # the driver tells no priorities; left out: software's

    [[table]]                       # one or more; an entry goes into one that takes it
    name = "ACL"
    classifiers = ["flower"]
    size = 15                       # entries; left out: no limit is known
    chains = [0, 0]                 # lowest and highest; left out: all
    priorities = [1, 100]           # likewise
    protocols = ["ip", "802.1q"]    # as tc writes them; left out: all
    most_actions = 1                # of one entry; left out: no limit is known
    actions = ["drop", "redirect"]  # words of :data:`ACTIONS`

    [table.keys]                    # what is not named is not taken
    dst_ip = "prefix"               # "exact", "prefix" (or exact), "masked" (any), "range" (or exact), or a list
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final, get_args

from ...semantics.source import InputError, Span
from .device import Device, Order, Rest
from .entries import KeyUse, Needs

ACTIONS: Final = frozenset({
    "pass", "drop", "trap", "goto chain", "redirect", "mirror", "redirect ingress", "mirror ingress",
    "vlan push", "vlan pop", "vlan modify", "mpls push", "mpls mac_push", "mpls pop", "mpls modify", "mpls dec_ttl",
    "pedit eth", "pedit ip", "pedit ip6", "pedit tcp", "pedit udp", "pedit network", "csum", "skbedit",
    "tunnel_key set", "tunnel_key unset", "police", "hw_tc",
})  # fmt: skip
"""What a device may be able to do."""
_ALLOWS: Final[Mapping[str, frozenset[str]]] = {
    "exact": frozenset({"exact"}),
    "prefix": frozenset({"exact", "prefix"}),
    "masked": frozenset({"exact", "prefix", "masked"}),
    "range": frozenset({"exact", "range"}),
}
_PROFILE: Final = frozenset({"name", "summary", "sources", "frames", "table"})
_FRAMES: Final = frozenset({"misses", "passes", "chain_miss", "order"})
_TABLE: Final = frozenset({
    "name", "classifiers", "size", "chains", "priorities", "protocols", "most_actions", "actions", "keys",
})  # fmt: skip
_PLACE: Final = re.compile(r"\(at line (\d+), column (\d+)\)")
LARGEST_FILE: Final = 1 << 20


@dataclass(frozen=True)
class Table:
    """A place for entries in a device; None: no limit is known."""

    name: str
    classifiers: frozenset[str]
    keys: Mapping[str, frozenset[str]]
    actions: frozenset[str]
    size: int | None = None
    chains: tuple[int, int] | None = None
    priorities: tuple[int, int] | None = None
    protocols: frozenset[str] | None = None
    most_actions: int | None = None

    def misfit(self, needs: Needs) -> str | None:
        """Why it does not take an entry; None if it does."""
        if needs.classifier not in self.classifiers:
            return f"no {needs.classifier} filters"
        if self.chains is not None and not self.chains[0] <= needs.chain <= self.chains[1]:
            return f"not chain {needs.chain}"
        if self.priorities is not None and not self.priorities[0] <= needs.priority <= self.priorities[1]:
            return f"not priority {needs.priority}"
        if self.protocols is not None and needs.protocol not in self.protocols:
            return f"not protocol {needs.protocol}"
        for key, use in needs.keys.items():
            if use not in self.keys.get(key, ()):
                return f"not key {key} ({use})" if key in self.keys else f"not key {key}"
        missing = [action for action in needs.actions if action not in self.actions]
        if missing:
            return f"not action {missing[0]}"
        if self.most_actions is not None and len(needs.actions) > self.most_actions:
            return f"not more than {self.most_actions} actions"
        return None


@dataclass(frozen=True)
class Profile:
    """What a device takes, and what becomes of the frames that it leaves."""

    name: str
    summary: str
    sources: tuple[str, ...]
    device: Device
    tables: tuple[Table, ...]
    file: str = field(default="", compare=False)

    def places(self, needs: Needs) -> list[int]:
        """The tables that take an entry, by their place."""
        return [number for number, table in enumerate(self.tables) if table.misfit(needs) is None]

    def misfit(self, needs: Needs) -> str | None:
        """Why no table takes an entry; None if one does."""
        reasons = [(table.name, table.misfit(needs)) for table in self.tables]
        if any(reason is None for _, reason in reasons):
            return None
        return "; ".join(f"{name}: {reason}" for name, reason in reasons)


# --- those that come along ----------------------------------------------------------------------------------------


def shipped() -> list[str]:
    """The names by which profiles that come along are asked for."""
    folder = files(__package__).joinpath("profiles")
    return sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))


def shipped_profile(name: str, known: Mapping[str, Collection[str]]) -> Profile | None:
    """A profile that comes along; None if there is none of this name. ``known``: see :func:`read_profile`."""
    if name not in shipped():
        return None
    found = files(__package__).joinpath("profiles", f"{name}.toml")
    return read_profile(found.read_bytes(), f"{name}.toml", known)


# --- reading ------------------------------------------------------------------------------------------------------


def read_profile(data: bytes, file: str, known: Mapping[str, Collection[str]]) -> Profile:
    """The profile in a file's content.

    Args:
        data: TOML.
        file: its name, for messages.
        known: the keys that there are, by classifier.

    Raises:
        InputError: it is no TOML, or says what is not understood; with the place in words.
    """
    found = _toml(data, file)
    reading = _Reading(file, known)
    reading.only(found, _PROFILE, "the profile")
    tables = reading.get(found, "table", list, "the profile")
    if not tables:
        raise reading.error("the profile: no table")
    return Profile(
        reading.get(found, "name", str, "the profile"),
        reading.get(found, "summary", str, "the profile"),
        tuple(reading.strings(found, "sources", "the profile")),
        reading.device(found.get("frames", {})),
        tuple(reading.table(entry, number) for number, entry in enumerate(tables, 1)),
        file,
    )


def _toml(data: bytes, file: str) -> dict[str, Any]:
    if len(data) > LARGEST_FILE:
        raise InputError.at(Span(file, 0, 0), f"the file is larger than {LARGEST_FILE >> 20} MiB")
    try:
        return tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        raise InputError.at(Span(file, 0, 0), f"is not text: byte {error.start} is not UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        place = _PLACE.search(str(error))
        span = Span(file, int(place[1]), int(place[2])) if place else Span(file, 0, 0)
        text = _PLACE.sub("", str(error)).strip() if isinstance(error, tomllib.TOMLDecodeError) else "nested too deeply"
        raise InputError.at(span, f"this is no TOML: {text}") from None


@dataclass(frozen=True)
class _Reading:
    file: str
    known: Mapping[str, Collection[str]]

    def error(self, text: str) -> InputError:
        return InputError.at(Span(self.file, 0, 0), text[:300])

    def only(self, found: Any, names: Collection[str], where: str) -> None:
        if not isinstance(found, dict):
            raise self.error(f"{where}: a table of TOML expected")
        for name in found:
            if name not in names:
                raise self.error(f"{where}: unknown key '{name}' ({', '.join(sorted(names))})")

    def get(self, found: Mapping[str, Any], name: str, kind: type, where: str) -> Any:
        value = found.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            words = {str: "a text", list: "a list", int: "a number"}[kind]
            raise self.error(f"{where}: '{name}' must be {words}" if name in found else f"{where}: '{name}' is missing")
        return value

    def strings(self, found: Mapping[str, Any], name: str, where: str) -> list[str]:
        value = self.get(found, name, list, where)
        if not value or not all(isinstance(text, str) for text in value):
            raise self.error(f"{where}: '{name}' must be a list of texts, not an empty one")
        return list(value)

    def one_of(self, value: Any, choices: Iterable[str], where: str) -> Any:
        allowed = list(choices)
        if value not in allowed:
            raise self.error(f"{where}: '{value}' is none of {', '.join(allowed)}")
        return value

    def device(self, found: Any) -> Device:
        self.only(found, _FRAMES, "frames")
        for name in ("misses", "passes"):
            self.one_of(self.get(found, name, str, "frames"), get_args(Rest), f"frames, {name}")
        chain_miss = found.get("chain_miss")
        if chain_miss is not None:
            self.one_of(chain_miss, ("resumes", "restarts"), "frames, chain_miss")
        order = self.one_of(found.get("order", "software"), get_args(Order), "frames, order")
        return Device(found["misses"], found["passes"], chain_miss, order)

    def table(self, found: Any, number: int) -> Table:
        where = f"table {number}"
        self.only(found, _TABLE, where)
        name = self.get(found, "name", str, where)
        where = f"table {number} ({name})"
        classifiers = frozenset(self.strings(found, "classifiers", where))
        for classifier in sorted(classifiers):
            self.one_of(classifier, sorted(self.known), f"{where}, classifiers")
        actions = self.strings(found, "actions", where)
        for action in actions:
            self.one_of(action, sorted(ACTIONS), f"{where}, actions")
        protocols = frozenset(self.strings(found, "protocols", where)) if "protocols" in found else None
        return Table(
            name, classifiers, self.keys(found.get("keys", {}), classifiers, f"{where}, keys"), frozenset(actions),
            self.count(found, "size", where), self.bounds(found, "chains", where),
            self.bounds(found, "priorities", where), protocols, self.count(found, "most_actions", where),
        )  # fmt: skip

    def keys(self, found: Any, classifiers: Collection[str], where: str) -> dict[str, frozenset[str]]:
        names = {name for classifier in classifiers for name in self.known[classifier]}
        if not isinstance(found, dict):
            raise self.error(f"{where}: a table of TOML expected")
        keys = {}
        for name, value in found.items():
            if name not in names:
                raise self.error(f"{where}: there is no key '{name}'")
            uses = value if isinstance(value, list) else [value]
            for use in uses:
                self.one_of(use, get_args(KeyUse), f"{where}, {name}")
            keys[name] = frozenset[str]().union(*(_ALLOWS[use] for use in uses))
        return keys

    def count(self, found: Mapping[str, Any], name: str, where: str) -> int | None:
        if name not in found:
            return None
        value: int = self.get(found, name, int, where)
        if value < 1:
            raise self.error(f"{where}: '{name}' must be 1 or more")
        return value

    def bounds(self, found: Mapping[str, Any], name: str, where: str) -> tuple[int, int] | None:
        if name not in found:
            return None
        value = self.get(found, name, list, where)
        numbers = [n for n in value if isinstance(n, int) and not isinstance(n, bool) and n >= 0]
        if len(value) != 2 or len(numbers) != 2 or numbers[0] > numbers[1]:
            raise self.error(f"{where}: '{name}' must be two numbers, the lower one first")
        return numbers[0], numbers[1]
