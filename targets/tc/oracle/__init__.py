"""The real machine for filters of tc: the classifiers of a private user-mode Linux, see :mod:`.kernel`.

That a frame goes on to the stack cannot be seen there, so it is sent out of a port of the oracle's own instead, one for
each class id: what ends a list of actions with "pass" (or at its end) becomes a redirect, and every chain gets a last
filter that redirects what no filter has ended. Its mark and priority are read there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final, Protocol, TypeVar

from ....semantics.source import InputError, Span, Unsupported
from ...base import Closing, Observation
from ..artifact.actions import MAX_ACTIONS, PIPE, Action, Control, Gact, Mirred, OpaqueAction, Police, Skbedit
from ..artifact.hooks import Hook, PortNames
from ..artifact.netlink import Links
from ..command import Failed
from .kernel import BARRIER, MAX_CONDITIONS, MAX_PORTS, MAX_SILENT, Kernel, missing

SHORTEST: Final = 14
"""A driver accepts no shorter frame."""
LONGEST: Final = 8000
HOOK: Final = Hook("vec0", "ingress")
_IN: Final = 1 << 30
"""The port that frames come from, where filters ask for it. The numbers behind it are those of the silent devices."""
_SILENT: Final = PortNames("i")


class _Names(PortNames):
    """What the private kernel calls its devices."""

    def name(self, port: int) -> str:
        """See :meth:`PortNames.name`."""
        if port > _IN:
            return _SILENT.name(port - _IN - 1)
        return HOOK.device if port == _IN else super().name(port)

    def port(self, device: str) -> int | None:
        """See :meth:`PortNames.port`."""
        silent = _SILENT.port(device)
        if silent is not None:
            return _IN + 1 + silent
        return _IN if device == HOOK.device else super().port(device)


NAMES: Final = _Names("o")
_LAST_PREF: Final = 0xFFFF
_NONE: Final = -1
"""Stands for a port that no filter asks for."""


class Observed(Protocol):
    """A filter of any classifier."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def pref(self) -> int:
        """0: the kernel chooses."""
        ...

    @property
    def chain(self) -> int:
        """Its chain."""
        ...

    @property
    def classid(self) -> int | None:
        """As a 32-bit number."""
        ...

    @property
    def actions(self) -> tuple[Action, ...]:
        """What it does."""
        ...

    @property
    def indev(self) -> int | None:
        """The port that it asks for."""
        ...

    @property
    def skip_sw(self) -> bool:
        """Whether it is for hardware only."""
        ...

    @property
    def span(self) -> Span:
        """Its place."""
        ...


AnyFilter = TypeVar("AnyFilter", bound=Observed)


class UserModeLinux(Closing, ABC):
    """A classifier of a private kernel; one object keeps one kernel until :meth:`close` or its end."""

    machine: Final = "kernel"
    """What a report calls it, behind the target's name."""
    classifier: ClassVar[str]
    """Its name."""
    lists: ClassVar[type[Any]]
    """The class of its artifacts."""

    def __init__(self) -> None:
        self._kernel: Kernel | None = None

    def close(self) -> None:
        """End the kernel; the oracle can be asked again afterwards."""
        kernel, self._kernel = self._kernel, None
        if kernel is not None:
            kernel.close()

    def available(self) -> str | None:
        """None if a kernel can be had here, else why not."""
        reason = missing()
        if reason is not None:
            return reason
        try:
            self.run(self._smallest(), [(0, bytes(SHORTEST))])
        except (OSError, InputError) as error:
            self.close()
            return f"user-mode Linux cannot be used here: {error}"
        return None

    def run(self, artifact: Any, packets: Sequence[tuple[int, bytes]], tables: Any = None) -> list[Observation]:
        """What the kernel does with each frame; metadata ``classid``, ``mark`` and ``priority`` are those of what went
        to the stack, else 0. All frames come from one device: where filters ask for ports, it stands for one after the
        other, and those that ask for another one ask for a device from which no frame comes.

        Raises:
            InputError: the kernel refuses a filter; with its place.
            Unsupported: something that cannot be observed, with its place.
            OSError: there is no such kernel here, or it does not answer.
        """
        self._check(artifact)
        if any(not SHORTEST <= len(frame) <= LONGEST or frame[:14] == BARRIER[:14] for _, frame in packets):
            raise ValueError(f"a frame has {SHORTEST} to {LONGEST} bytes, and is not the oracle's barrier")
        asking = any(f.indev is not None for f in artifact.filters)
        found: dict[int, Observation] = {}
        ports = sorted({port for port, _ in packets})
        for port in ports if asking and ports else [_NONE]:
            places = [i for i, (came, _) in enumerate(packets) if not asking or came == port]
            seen = self._from(port, artifact, [packets[i][1] for i in places])
            found |= dict(zip(places, seen, strict=True))
        return [found[i] for i in range(len(packets))]

    def _from(self, port: int, artifact: Any, frames: Sequence[bytes]) -> list[Observation]:
        """What is done with frames that come from one port."""
        filters = list(artifact.filters)
        devices = Devices(filters, port)
        try:
            kernel = self._ready()
            kernel.need(devices.count)
            kernel.need_silent(devices.silent)
            kernel.tell(devices.stacks, devices.conditions)
            self._load(kernel, filters, devices)
            seen = kernel.observe(list(frames))
        except OSError:
            self.close()  # it may be in any state
            raise
        return [devices.observation(leaving) for leaving in seen]

    def _ready(self) -> Kernel:
        if self._kernel is None:
            self._kernel = Kernel()
        return self._kernel

    def _check(self, artifact: Any) -> None:
        if not isinstance(artifact, self.lists):
            raise TypeError(f"a list of {self.classifier} filters expected, not {type(artifact).__name__}")
        if artifact.hook.direction != "ingress":
            raise Unsupported(f"{self.classifier} filters at egress")

    @abstractmethod
    def _smallest(self) -> Any:
        """A list that shows that the classifier is there."""

    @abstractmethod
    def _line(self, filter_: Any, devices: Devices) -> str:
        """The command that adds a filter as the kernel gets it. Raises Unsupported for what cannot be observed."""

    def _messages(self, filters: Any, devices: Devices, links: Links) -> bytes | None:
        """The rtnetlink messages that add filters, where ``tc`` has no words for one of them."""
        return None

    def _load(self, kernel: Kernel, filters: Sequence[Observed], devices: Devices) -> None:
        requests = self._messages(filters, devices, _Devices(NAMES, kernel=kernel))
        lines = [] if requests else [self._line(f, devices) for f in filters]
        last = (
            f"pref {_LAST_PREF} protocol all matchall action mirred egress redirect dev {NAMES.name(devices.stack(0))}"
        )
        lines += [f"filter add {HOOK} chain {chain} {last}" for chain in sorted(_chains(filters))]
        try:
            kernel.load(lines)
            if requests:
                kernel.add(requests)
        except Failed as error:
            spans = [f.span for f in filters]
            if error.line is None or not 0 <= error.line < len(spans):
                raise OSError(f"the private kernel refuses what the oracle needs: {error}") from None
            raise InputError.at(spans[error.line], f"the kernel refuses this filter: {error}") from None


@dataclass(frozen=True)
class _Devices(Links):
    """The interface numbers of the private kernel's devices."""

    kernel: Kernel = field(kw_only=True)

    def index(self, port: int) -> int:
        """See :meth:`Links.index`."""
        return self.kernel.indices()[self.ports.name(port)]


def _chains(filters: Sequence[Observed]) -> set[int]:
    """The chains that packets can come to."""
    found = {0} | {f.chain for f in filters}
    for filter_ in filters:
        for control in _controls(filter_.actions):
            if control.kind == "goto chain":
                found.add(control.argument)
    return found


def _controls(actions: Sequence[Action]) -> Iterator[Control]:
    for action in actions:
        if isinstance(action, Police):
            yield from (action.exceed, action.conform)
        elif not isinstance(action, OpaqueAction):
            yield action.control


class Devices:
    """Which device of the private kernel stands for which port, and for the stack by class id; and from which one the
    frames come that come from port ``source``."""

    def __init__(self, filters: Sequence[Observed], source: int = _NONE) -> None:
        ports = {a.port for f in filters for a in f.actions if isinstance(a, Mirred)}
        classes = {0} | {f.classid or 0 for f in filters}
        self._number = {port: i for i, port in enumerate(sorted(ports))}
        self._stack = {classid: len(ports) + i for i, classid in enumerate(sorted(classes))}
        self.count = len(ports) + len(classes)
        if self.count > MAX_PORTS:
            raise Unsupported(f"more than {MAX_PORTS} ports and class ids")
        others = sorted({f.indev for f in filters if f.indev is not None} - {source})
        self.silent = len(others)
        if self.silent > MAX_SILENT:
            raise Unsupported(f"more than {MAX_SILENT} ports that filters ask for")
        self._sources = {source: _IN} | {port: _IN + 1 + i for i, port in enumerate(others)}
        self._marks = _combinations(filters)
        self._shift = int(any(f.pref == 1 for f in filters))  # priority 1 is the oracle's own

    @property
    def stacks(self) -> list[int]:
        """The devices of what goes to the stack."""
        return sorted(self._stack.values())

    @property
    def conditions(self) -> list[str]:
        """What tells marks and priorities apart, in the words of ``tc``'s ``basic`` classifier."""
        return [f"meta(fwmark eq {mark}) and meta(priority eq {priority})" for mark, priority in self._marks]

    def stack(self, classid: int) -> int:
        """The device of what goes to the stack with a class id."""
        return self._stack[classid]

    def observable(self, filter_: AnyFilter) -> AnyFilter:
        """The filter as the kernel gets it. Raises Unsupported for what cannot be seen."""
        if filter_.skip_sw:
            raise Unsupported("a filter for hardware only, which there is none of", filter_.span)
        if filter_.pref + self._shift >= _LAST_PREF:
            raise Unsupported("the highest priorities, of which the oracle needs one", filter_.span)
        actions = tuple(self._told(filter_))
        if len(actions) > MAX_ACTIONS:
            raise Unsupported(f"with the oracle's own more than {MAX_ACTIONS} actions", filter_.span)
        return replace(self.shifted(filter_), actions=actions)

    def shifted(self, filter_: AnyFilter) -> AnyFilter:
        """The filter behind what the oracle needs, asking for the device that stands for its port."""
        indev = None if filter_.indev is None else self._sources[filter_.indev]
        return replace(filter_, pref=filter_.pref + self._shift if filter_.pref else 0, indev=indev)

    def _told(self, filter_: Observed) -> Iterator[Action]:
        passing = Mirred(self.stack(filter_.classid or 0))
        for action in filter_.actions:
            if isinstance(action, OpaqueAction | Police):
                raise Unsupported(f"action {action.kind}", filter_.span)
            if isinstance(action, Mirred):
                action = replace(action, port=self._number[action.port])
            if action.control.kind != "pass":
                yield action
                if action.control.kind != "pipe":
                    return
                continue
            if not isinstance(action, Gact):
                yield replace(action, control=PIPE)
            yield passing
            return
        # What is at its end with "pipe" goes to the stack as well, but without its class id.
        yield Mirred(self.stack(0)) if filter_.actions else passing

    def observation(self, leaving: Sequence[tuple[int, int, bytes]]) -> Observation:
        """What was seen of one frame."""
        ports = {i: port for port, i in self._number.items()}
        classes = {i: classid for classid, i in self._stack.items()}
        outputs: list[tuple[str, int, bytes]] = []
        metadata = dict.fromkeys(("classid", "mark", "priority"), 0)
        for device, told, frame in leaving:
            if device in ports:
                outputs.append(("port", ports[device], frame))
            elif device in classes:
                outputs.append(("stack", 0, frame))
                if self._marks and told < 0:
                    raise AssertionError("a frame has a mark or priority that no action gives it")
                mark, priority = self._marks[told] if self._marks else (0, 0)
                metadata = {"classid": classes[device], "mark": mark, "priority": priority}
        if sum(to == "stack" for to, _, _ in outputs) > 1:
            raise AssertionError("a frame went to the stack twice")
        return Observation(tuple(sorted(outputs)), metadata)


def _combinations(filters: Sequence[Observed]) -> list[tuple[int, int]]:
    """Every mark with every priority that a frame can have; none if no action writes them.

    Raises:
        Unsupported: too many.
    """
    edits = [a for f in filters for a in f.actions if isinstance(a, Skbedit)]
    written = {edit.mark for edit in edits if edit.mark is not None}
    marks, new = {0}, {0}
    while new and len(marks) <= MAX_CONDITIONS:
        new = {mark & ~mask | value & mask for mark in new for value, mask in written} - marks
        marks |= new
    priorities = {0} | {edit.priority for edit in edits if edit.priority is not None}
    if len(marks) * len(priorities) > MAX_CONDITIONS:
        raise Unsupported(f"more than {MAX_CONDITIONS} marks and priorities")
    return sorted((mark, priority) for mark in marks for priority in priorities) if edits else []


__all__ = ["HOOK", "NAMES", "Devices", "UserModeLinux"]
