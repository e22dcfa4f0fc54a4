"""Putting filters on the ingress hook of a device of the caller's network namespace, and taking them back.

The filters go in by ``tc -batch``, the program that the artifact's format is for, or by rtnetlink where it has no words
for one of them; chains that others lead to first. Then they are read back and compared with what was given.
Whatever fails, all that was added is taken back. While they are added, frames may meet some of them.

A last filter, in a chain that none leads to, says that they are ours, how many they are, and whether the qdisc is ours,
so that taking them back takes back all that was made and nothing else.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from ...semantics.source import InputError, Span, Unsupported
from .artifact.hooks import Hook
from .artifact.netlink import Links
from .command import Command, Failed, Tc

MARK_CHAIN: Final = 0x7034765
"""The chain of the filter that says that the others are ours: the letters "p4v" in hexadecimal, as far as they fit."""
_MOST: Final = 32_000
"""Filters up to which their number is told whole by the priority of that filter."""


class Placed(Protocol):
    """A filter of any classifier."""

    @property
    def chain(self) -> int:
        """Its chain."""
        ...

    @property
    def span(self) -> Span:
        """Its place."""
        ...


@dataclass(frozen=True)
class Classifier:
    """What is the classifier's own."""

    kind: str
    anything: str
    """The words of a filter for all packets."""
    line: Callable[[Any, Hook], str]
    """The command that adds a filter. Raises Unsupported."""
    show: Sequence[str]
    """Options with which ``tc filter show`` prints what ``read`` reads."""
    read: Callable[[str, str], Iterable[Any]]
    """The filters of a dump, and what the file is called. Raises InputError."""
    plain: Callable[[Any], Any]
    """A filter without what a dump adds to it."""
    counted: Callable[[Any], bool] = lambda _filter: True
    """Whether it is a filter, and no table."""
    message: Callable[[Any, Hook, Links, int], bytes] | None = None
    """The rtnetlink message that adds a filter, behind so many others. Raises Unsupported."""


def install(classifier: Classifier, filters: Sequence[Placed], device: str, tc: Tc | None = None) -> None:
    """Put filters on a device.

    Raises:
        InputError: there is no such device, there are filters at its ingress, ``tc`` or the kernel refuses one, or what
            is read back is something else. Nothing is left behind then.
        Unsupported: ``tc`` has no words for a filter.
    """
    tc = tc or Command()
    hook = Hook(device)
    ordered = sorted(filters, key=lambda f: -f.chain)
    there = _shown(tc, device)
    adding = _Adding(classifier, ordered, hook, tc)
    if there:
        whose = "p4verify" if _mark(there) is not None else "others"
        taken = "; 'p4verify lower --remove' takes them back" if whose == "p4verify" else ""
        raise _error(device, f"has filters of {whose} at its ingress already{taken}")
    made = not _has_hook(tc, device)
    mark = _marked(sum(map(classifier.counted, filters)), made=made)
    before = [f"qdisc add dev {device} clsact"] if made else []
    before.append(
        f"filter add {hook} protocol all pref {mark} chain {MARK_CHAIN} {classifier.kind} {classifier.anything}"
    )
    try:
        _batch(tc, before, device)
        adding.run()
        problem = _differs(classifier, filters, device, tc)
        if problem is not None:
            raise _error(device, problem)
    except BaseException:
        _take_back(tc, device, {MARK_CHAIN, *(f.chain for f in filters)}, made=made)
        raise


def remove(device: str, tc: Tc | None = None) -> None:
    """Take back what :func:`install` put on a device.

    Raises:
        InputError: there is no such device, nothing of ours is there, or filters of others have come beside it.
    """
    tc = tc or Command()
    there = _shown(tc, device)
    mark = _mark(there)
    if mark is None:
        raise _error(device, "has no filters of p4verify at its ingress")
    chains = [int(f.get("chain", 0)) for f in there]
    count, made = mark
    if (len(chains) - 1) % _MOST != count:
        raise _error(device, "has filters of others beside those of p4verify; take them away first")
    others = _shown(tc, device, "egress") if made else []
    _take_back(tc, device, set(chains), made=made and not others)


class _Adding:
    """Filters on their way: as commands or, where ``tc`` has no words for one of them, all as rtnetlink messages."""

    def __init__(self, classifier: Classifier, filters: Sequence[Placed], hook: Hook, tc: Tc) -> None:
        self.classifier, self.filters, self.tc, self.device = classifier, filters, tc, hook.device
        self.requests, self.lines = b"", list[str]()
        try:
            self.lines = [classifier.line(f, hook) for f in filters]
        except Unsupported:
            if classifier.message is None:
                raise
            links = _Links(tc=tc)
            self.requests = b"".join(self._message(f, hook, links, i) for i, f in enumerate(filters))

    def _message(self, filter_: Placed, hook: Hook, links: Links, place: int) -> bytes:
        assert self.classifier.message is not None
        try:
            return self.classifier.message(filter_, hook, links, place)
        except Failed as error:
            raise self._refused(filter_, error) from None

    @staticmethod
    def _refused(filter_: Placed, error: Failed) -> InputError:
        return InputError.at(filter_.span, f"the kernel refuses this filter: {error}")

    def run(self) -> None:
        """Put them in. Raises InputError at the filter that is refused."""
        try:
            if self.requests:
                self.tc.messages(self.requests)
            else:
                self.tc.batch(self.lines)
        except Failed as error:
            number = -1 if error.line is None else error.line
            if 0 <= number < len(self.filters):
                raise self._refused(self.filters[number], error) from None
            raise _error(self.device, str(error)) from None


@dataclass(frozen=True)
class _Links(Links):
    """The interface numbers of the devices that ports are called after."""

    tc: Tc = field(kw_only=True)

    def index(self, port: int) -> int:
        """See :meth:`Links.index`. Raises Failed: there is no such device."""
        return self.tc.index(self.ports.name(port))


def _batch(tc: Tc, lines: Sequence[str], device: str) -> None:
    try:
        tc.batch(lines)
    except Failed as error:
        raise _error(device, str(error)) from None


def _take_back(tc: Tc, device: str, chains: Iterable[int], *, made: bool) -> None:
    """Where the qdisc is ours all goes with it, else chain after chain, that which frames come to first."""
    if made:
        with contextlib.suppress(Failed):
            tc.batch([f"qdisc del dev {device} clsact"])
        return
    for chain in sorted(chains):
        with contextlib.suppress(Failed):
            tc.batch([f"filter del dev {device} ingress chain {chain}"])


def _differs(classifier: Classifier, filters: Sequence[Placed], device: str, tc: Tc) -> str | None:
    """How what the kernel now says it has differs from what it was given."""
    try:
        text = tc.ask([*classifier.show, "filter", "show", "dev", device, "ingress"])
    except Failed as error:
        return str(error)
    found = [f for f in classifier.read(text, f"{device} (dump)") if f.chain != MARK_CHAIN]
    theirs, ours = (Counter(classifier.plain(f) for f in some) for some in (found, filters))
    for one in (ours - theirs) + (theirs - ours):
        return f"does not have what it was given: {_said(classifier, one, Hook(device))[:300]}"
    return None


def _said(classifier: Classifier, filter_: Any, hook: Hook) -> str:
    try:
        return classifier.line(filter_, hook)
    except Unsupported:
        return str(filter_)


def _marked(count: int, *, made: bool) -> int:
    """The priority of the filter that says whose the others are."""
    return 1 + made + 2 * (count % _MOST)


def _mark(there: Sequence[dict[str, Any]]) -> tuple[int, bool] | None:
    """How many filters are ours, and whether the qdisc is; None if none is ours."""
    found = [int(f["pref"]) - 1 for f in there if int(f.get("chain", 0)) == MARK_CHAIN]
    return (found[0] // 2, bool(found[0] % 2)) if len(found) == 1 else None


def _shown(tc: Tc, device: str, direction: str = "ingress") -> list[dict[str, Any]]:
    """The filters at a hook, without what belongs to a classifier as a whole. Raises InputError."""
    try:
        text = tc.ask(["-j", "filter", "show", "dev", device, direction])
        found = json.loads(text) if text.strip() else []
    except (Failed, json.JSONDecodeError) as error:
        raise _error(device, str(error)) from None
    return [f for f in found if "options" in f and not str(f["options"].get("fh", "0")).endswith(":")]


def _has_hook(tc: Tc, device: str) -> bool:
    try:
        text = tc.ask(["-j", "qdisc", "show", "dev", device])
        return any(q.get("kind") in ("clsact", "ingress") for q in json.loads(text or "[]"))
    except (Failed, json.JSONDecodeError) as error:
        raise _error(device, str(error)) from None


def _error(device: str, text: str) -> InputError:
    return InputError.at(Span("", 0, 0), f"device {device}: {text}")


__all__ = ["MARK_CHAIN", "Classifier", "install", "remove"]
