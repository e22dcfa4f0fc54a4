"""Which device of the private kernel stands for what, and filters as they are put there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from types import MappingProxyType
from typing import Final, Protocol, TypeVar

from ....semantics.source import Unsupported
from ...base import Observation
from ..artifact.actions import MAX_ACTIONS, PIPE, Action, Control, Gact, Mirred, OpenEnded, Sample, controls
from ..artifact.filters import Filter
from ..artifact.hooks import Hook, PortNames
from .beside import Given, Possible, giving
from .kernel import EGRESS, INGRESS, MAX_SILENT
from .labels import MAX_PORTS, Labels, Place

OWN_PREF: Final = 1
"""The priority that the kernel's own filter has; the next one is that of what gives frames what they come with."""
_IN: Final = 1 << 30
"""The port that frames come from, where filters ask for it. The numbers behind it are those of the silent devices."""
_HOOKED: Final = {_IN: INGRESS.device, _IN - 1: EGRESS.device}
"""Devices that filters are at."""
_SILENT: Final = PortNames("i")


class _Names(PortNames):
    """What the private kernel calls its devices."""

    def name(self, port: int) -> str:
        """See :meth:`PortNames.name`."""
        if port > _IN:
            return _SILENT.name(port - _IN - 1)
        return _HOOKED.get(port) or super().name(port)

    def port(self, device: str) -> int | None:
        """See :meth:`PortNames.port`."""
        silent = _SILENT.port(device)
        if silent is not None:
            return _IN + 1 + silent
        hooked = next((number for number, name in _HOOKED.items() if name == device), None)
        return super().port(device) if hooked is None else hooked


NAMES: Final = _Names("o")
LAST_PREF: Final = 0xFFFF
NO_PORT: Final = -1
"""Stands for a port that no filter asks for."""


class Observed(Filter, Protocol):
    """A filter of any classifier that can be observed."""

    @property
    def classid(self) -> int | None:
        """As a 32-bit number."""
        ...

    @property
    def indev(self) -> int | None:
        """The port that it asks for."""
        ...


AnyFilter = TypeVar("AnyFilter", bound=Observed)


class Devices:
    """Which device of the private kernel stands for which port, and for the stack by class id; and from which one the
    frames come that come from port ``source``."""

    def __init__(
        self,
        filters: Sequence[Observed],
        source: int = NO_PORT,
        given: Given = MappingProxyType({}),
        hook: Hook = INGRESS,
    ) -> None:
        self.hook = hook
        sent = {(a.port, a.ingress) for f in filters for a in f.actions if isinstance(a, Mirred)}
        classes = {0} | {f.classid or 0 for f in filters}
        self._number = {place: i for i, place in enumerate(sorted(sent))}
        self._stack = {classid: len(sent) + i for i, classid in enumerate(sorted(classes))}
        self.count = len(sent) + len(classes)
        if self.count > MAX_PORTS:
            raise Unsupported(f"more than {MAX_PORTS} ports and class ids")
        others = sorted({f.indev for f in filters if f.indev is not None} - {source})
        self.silent = len(others)
        if self.silent > MAX_SILENT:
            raise Unsupported(f"more than {MAX_SILENT} ports that filters ask for")
        self._sources = {source: _IN} | {port: _IN + 1 + i for i, port in enumerate(others)}
        self._possible = Possible(filters, given)
        self.giving = giving(filters, given)
        """What gives frames what they come with, as the words of actions; "": they come with nothing."""
        own = OWN_PREF + bool(self.giving)
        lowest = min((f.pref for f in filters if f.pref), default=own + 1)
        self._shift = max(own + 1 - lowest, 0)
        if self.giving and any(_starts_again(control) for f in filters for control in controls(f.actions)):
            raise Unsupported("frames that start again, and come with something beside them")

    @property
    def labels(self) -> dict[int, Labels]:
        """What is told by each device: of what goes to the stack, and of what a device receives, all; of what leaves a
        port its tunnel's key."""
        conditions, nested = self._possible.conditions(), self.hook == EGRESS
        places: dict[int, Place] = {}
        if conditions:
            places |= dict.fromkeys(self._stack.values(), "egress")
        if conditions or nested:
            places |= {i: "ingress" for (_, received), i in self._number.items() if received}
        if self._possible.tunnels:
            places |= {i: "egress" for (_, received), i in self._number.items() if not received}
        return {device: Labels(hook, conditions, nested) for device, hook in places.items()}

    def stack(self, classid: int) -> int:
        """The device of what goes to the stack with a class id."""
        return self._stack[classid]

    def observable(self, filter_: AnyFilter) -> AnyFilter:
        """The filter as the kernel gets it. Raises Unsupported for what cannot be seen."""
        if filter_.skip_sw:
            raise Unsupported("a filter for hardware only, which there is none of", filter_.span)
        if filter_.pref + self._shift >= LAST_PREF:
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
        """The actions, of which those that let the frame pass send it to the stack's device."""
        for action in filter_.actions:
            if isinstance(action, OpenEnded | Sample):
                raise Unsupported(f"action {action.kind}", filter_.span)
        jumping = [place for place, control in enumerate(controls(filter_.actions)) if control.kind == "jump"]
        groups = list(self._groups(filter_, whole=bool(jumping)))
        starts = list(accumulate((len(group) for group in groups), initial=0))
        for place in jumping:
            (action, *more) = groups[place]
            assert not isinstance(action, OpenEnded)
            to = action.control.argument
            if action.control.kind != "jump":  # one that the kernel takes for "pass"
                continue
            if to <= place:
                raise Unsupported("a jump back over actions", filter_.span)
            groups[place] = [replace(action, control=Control("jump", starts[to])), *more]
        for group in groups:
            yield from group

    def _groups(self, filter_: Observed, *, whole: bool) -> Iterator[list[Action]]:
        """What stands for each action, and for the end; ``whole``: also behind the first that ends the list."""
        passing = Mirred(self.stack(filter_.classid or 0))
        count = len(filter_.actions)
        for action in filter_.actions:
            assert not isinstance(action, OpenEnded)
            if isinstance(action, Mirred):
                action = replace(action, port=self._number[action.port, action.ingress])
            control = action.control
            if control.kind == "pass" or (control.kind == "jump" and not 0 < control.argument <= count):
                yield [passing] if isinstance(action, Gact) else [replace(action, control=PIPE), passing]
            else:
                yield [action]
            if control.kind != "pipe" and not whole:
                return
        # What is at its end with "pipe" goes to the stack as well, but without its class id.
        yield [Mirred(self.stack(0)) if filter_.actions else passing]

    def observation(self, leaving: Sequence[tuple[int, int, bytes]]) -> Observation:
        """What was seen of one frame."""
        places = {i: place for place, i in self._number.items()}
        classes = {i: classid for classid, i in self._stack.items()}
        outputs: list[tuple[tuple[str, int, bytes], dict[str, int]]] = []
        metadata = {"classid": 0, **self._possible.came}
        for device, number, frame in leaving:
            marks, beside = self._possible.told(number) if device in self.labels else ({}, {})
            if device in places:
                port, received = places[device]
                more = marks if received else {}
                outputs.append((("ingress" if received else "port", port, frame), {**more, **beside}))
            elif device in classes:
                outputs.append((("stack", 0, frame), beside))
                metadata = {"classid": classes[device], **(marks or self._possible.came)}
        if sum(to == "stack" for (to, _, _), _ in outputs) > 1:
            raise AssertionError("a frame went to the stack twice")
        outputs.sort(key=lambda each: (each[0], sorted(each[1].items())))
        told = tuple(beside for _, beside in outputs)
        return Observation(tuple(output for output, _ in outputs), metadata, beside=told if any(told) else ())


def _starts_again(control: Control) -> bool:
    return control.kind == "reclassify" or (control.kind == "goto chain" and control.argument == 0)
