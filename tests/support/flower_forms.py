"""Flower filters in every form in which they come: what a private kernel shows of a list, and damaged messages.

A list goes into the kernel, and what ``tc`` shows of it there, in words and as JSON, and what the kernel itself tells
over rtnetlink is read again: that has to be the list that went in. A request with a wrong bit is read as what the
kernel makes of it, or not at all.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.flower.artifact import FilterList, FlowerFilter, Match, decode, encode, parse_script, read, write
from p4verify.targets.flower.meaning import meaning
from p4verify.targets.tc.artifact.actions import Action, Police, TunnelKey
from p4verify.targets.tc.artifact.hooks import Hook
from p4verify.targets.tc.artifact.netlink import Links
from p4verify.targets.tc.oracle.kernel import Failed, Kernel

from .flower_random import Filters

SHOWN = ("", "-s", "-d", "-j", "-j -s")
"""Options of ``tc filter show``."""
PORTS = 16
_HEADER = 16
"""Bytes of ``struct nlmsghdr``, whose damage is another matter."""
_CHOSEN_BY_KERNEL = 0xC000


@dataclass
class Forms:
    """What came of it, by form: "same", "error" (not read), "DIFFERENT"; and what is wrong."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def count(self, form: str, result: str, text: str = "") -> None:
        """Count one result; ``text`` shows it if it is wrong."""
        self.counts[form, result] += 1
        if text:
            self.wrong.append(f"{form}: {text}")


class Inside(Links):
    """A private kernel with ports, whose interface numbers are its own."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = Kernel()
        self.kernel.run("".join(f"ip link add port{i} type veth peer name p{i}\n" for i in range(PORTS)))
        self.numbers = self.kernel.indices()

    def index(self, port: int) -> int:
        """See :meth:`Links.index`. Raises Unsupported: there is no such port."""
        return self.numbers.get(f"port{port}", 0)

    def port(self, index: int) -> int:
        """See :meth:`Links.port`; a device that is no port has a number that no port has."""
        name = next((name for name, number in self.numbers.items() if number == index), "")
        return self.ports.port(name) if self.ports.port(name) is not None else PORTS + index  # type: ignore[return-value]

    def emptied(self) -> None:
        """No filters any more."""
        self.kernel.run("tc qdisc del dev port0 clsact 2>/dev/null || true\ntc qdisc add dev port0 clsact\n")

    def add(self, lines: Sequence[str]) -> None:
        """Add filters by ``tc``. Raises OSError: they are refused."""
        (self.kernel.folder / "lines").write_text("".join(f"{line}\n" for line in lines))
        self.kernel.run("tc -batch /run/io/lines\n")


def judge_forms(inside: Inside, filters: FilterList, found: Forms) -> None:
    """One list in all forms."""
    filters = numbered(filters)
    try:
        lines = write(filters).decode().splitlines()
        inside.emptied()
        inside.add(lines)
    except (Unsupported, OSError) as reason:
        found.count("-", "no words" if isinstance(reason, Unsupported) else "refused")
        return
    expected = plain(filters)
    shown = [(f"tc {o}".strip(), inside.kernel.run(f"tc {o} filter show dev port0 ingress\n").encode()) for o in SHOWN]
    for form, data in shown:
        _compare(form, partial(read, data, "shown"), expected, found, lines)
    data = inside.kernel.messages("port0")
    _compare("rtnetlink", partial(decode, data, "shown", inside), expected, found, lines)


def _compare(
    form: str, reading: Callable[[], FilterList], expected: object, found: Forms, lines: Sequence[str]
) -> None:
    script = "\n".join(lines)
    try:
        shown = reading()
    except (InputError, Unsupported) as error:
        found.count(form, "error", f"{error}\n{script}")
        return
    again = plain(shown)
    if again == expected:
        found.count(form, "same")
    elif _has_meaning(shown):
        found.count(form, "DIFFERENT", f"read as {again}\n{script}")
    else:
        found.count(form, "other, without a meaning")


def _has_meaning(filters: FilterList) -> bool:
    """Of keys that the kernel passes over (behind a number of tags that contradicts the types) it shows nothing, or not
    all; such filters are not supported."""
    try:
        meaning(filters)
    except (InputError, Unsupported):
        return False
    return True


def judge_damage(inside: Inside, one: FlowerFilter, rng: random.Random, found: Forms) -> None:
    """A request for one filter, with a wrong bit somewhere."""
    one = replace(one, chain=0, handle=1)
    filters = FilterList((one,))
    try:
        data = bytearray(encode(filters, inside))
    except Unsupported:
        found.count("damaged", "no message")
        return
    data[rng.randrange(_HEADER, len(data))] ^= 1 << rng.randrange(8)
    try:
        taken = decode(bytes(data), "damaged", inside)
        mine = plain(taken)
    except (InputError, Unsupported):
        taken, mine = filters, None
    inside.emptied()
    try:
        inside.kernel.add(bytes(data))
    except Failed:
        found.count("damaged", f"refused, {'an error' if mine is None else 'read'}")
        return
    if mine is None:
        found.count("damaged", "taken, an error")
        return
    try:
        theirs = plain(decode(inside.kernel.messages("port0"), "shown", inside))
    except (InputError, Unsupported):
        found.count("damaged", "taken, shown as an error")
        return
    if mine == theirs:
        found.count("damaged", "taken, undamaged" if mine == plain(filters) else "taken, same")
    elif _has_meaning(taken):
        found.count("damaged", "DIFFERENT", f"{bytes(data).hex()} is read as {mine}, the kernel has {theirs}")
    else:
        found.count("damaged", "taken, without a meaning")


def random_lists(rng: random.Random) -> Iterator[FilterList]:
    """Random lists, without end."""
    while True:
        try:
            yield replace(parse_script(Filters(rng).text()), hook=Hook())
        except InputError:
            continue


def numbered(filters: FilterList) -> FilterList:
    """With handles, in their order."""
    seen: Counter[tuple[int, int]] = Counter()
    found = []
    for one in filters.filters:
        seen[one.chain, one.pref] += 1
        found.append(replace(one, handle=seen[one.chain, one.pref]))
    return replace(filters, filters=tuple(found), hook=Hook())


def plain(filters: FilterList) -> list[FlowerFilter]:
    """In the order of a dump, without what the kernel chooses, adds, or does not keep: keys of which no bit is asked
    for, traffic classes and hop counts of 0, and rates, which are told in other units."""

    def action(one: Action) -> Action:
        if isinstance(one, TunnelKey):
            return replace(one, tos=one.tos or None, ttl=one.ttl or None)
        return replace(one, limits=()) if isinstance(one, Police) else one

    def bare(one: FlowerFilter) -> FlowerFilter:
        keys = tuple(key for key in one.keys if not isinstance(key, Match) or key.mask)
        pref = 0 if one.pref >= _CHOSEN_BY_KERNEL else one.pref
        return replace(one, keys=keys, actions=tuple(map(action, one.actions)), pref=pref, in_hw=None)

    return sorted(map(bare, filters.filters), key=lambda one: (one.chain, one.pref, one.handle))
