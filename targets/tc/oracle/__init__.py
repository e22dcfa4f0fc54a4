"""The real machine for filters of tc: the classifiers of a private user-mode Linux, see :mod:`.kernel`.

That a frame goes on to the stack cannot be seen there, so it is sent out of a port of the oracle's own instead, one for
each class id: what ends a list of actions with "pass" (or at its end) becomes a redirect, and every chain gets a last
filter that redirects what no filter has ended. Its mark and priority are read there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from ....semantics.source import InputError, Unsupported
from ...base import Cells, Closing, Observation, World
from ..artifact.actions import controls
from ..artifact.netlink import Links
from ..command import Failed
from .beside import Given
from .devices import LAST_PREF, NAMES, NO_PORT, OWN_PREF, Devices, Observed
from .kernel import BARRIER, EGRESS, INGRESS, Kernel, missing

SHORTEST: Final = 14
"""A driver accepts no shorter frame."""
LONGEST: Final = 8000
TRACKER: Final = "what connection tracking answers, which the oracle cannot choose"
_HOOKS: Final = {"ingress": INGRESS, "egress": EGRESS}


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
        """What the kernel does with each frame, which comes with nothing beside it; see :meth:`run_given`."""
        return self.run_given(artifact, packets, {})

    def run_showing(
        self, artifact: Any, packet: tuple[int, bytes], tables: Any, ports: Sequence[int], cells: Cells, around: World
    ) -> tuple[Observation, Mapping[str, Mapping[int, int]]]:
        """See :class:`...base.ShowsState`; there is no state."""
        if any(name.startswith("given.ct.") for name in around.answers):
            raise Unsupported(TRACKER)
        return self.run_given(artifact, [packet], around.inputs)[0], {}

    def forget_connections(self) -> None:
        """From now on connection tracking forgets a connection at once. Raises OSError."""
        self._ready().forget_connections()

    def refuses(self, artifact: Any) -> bool:
        """Whether the kernel does not take the list."""
        try:
            self.run(artifact, [])
        except InputError:
            return True
        return False

    def run_given(self, artifact: Any, packets: Sequence[tuple[int, bytes]], given: Given) -> list[Observation]:
        """What the kernel does with each frame; metadata ``classid``, ``mark`` and ``priority`` are those of what went
        to the stack, else 0 and as they came. All frames come from one device: where filters ask for ports, it stands
        for one after the other, and those that ask for another one ask for a device from which no frame comes.

        Args:
            given: what all frames come with: a mark, a priority, a tunnel's key.

        Raises:
            InputError: the kernel refuses a filter; with its place.
            Unsupported: something that cannot be observed, with its place.
            OSError: there is no such kernel here, or it does not answer.
        """
        self._check(artifact)
        if any(number for name, number in given.items() if name.startswith("in.ct.")):
            raise Unsupported(TRACKER)
        if any(not SHORTEST <= len(frame) <= LONGEST or frame[:14] == BARRIER[:14] for _, frame in packets):
            raise ValueError(f"a frame has {SHORTEST} to {LONGEST} bytes, and is not the oracle's barrier")
        asking = any(f.indev is not None for f in artifact.filters)
        found: dict[int, Observation] = {}
        ports = sorted({port for port, _ in packets})
        for port in ports if asking and ports else [NO_PORT]:
            places = [i for i, (came, _) in enumerate(packets) if not asking or came == port]
            devices = Devices(artifact.filters, port, given, _HOOKS[artifact.hook.direction])
            seen = self._from(devices, artifact, [packets[i][1] for i in places])
            found |= dict(zip(places, seen, strict=True))
        return [found[i] for i in range(len(packets))]

    def _from(self, devices: Devices, artifact: Any, frames: Sequence[bytes]) -> list[Observation]:
        """What is done with frames that come from one port."""
        try:
            kernel = self._ready()
            kernel.need(devices.count)
            kernel.need_silent(devices.silent)
            kernel.tell(devices.labels)
            self._load(kernel, list(artifact.filters), devices)
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
            f"pref {LAST_PREF} protocol all matchall action mirred egress redirect dev {NAMES.name(devices.stack(0))}"
        )
        add = f"filter add {devices.hook}"
        lines += [f"{add} chain {chain} {last}" for chain in sorted(_chains(filters))]
        giving = devices.giving
        first = [f"{add} pref {OWN_PREF + 1} protocol all matchall {giving}"] if giving else []
        try:
            kernel.load(lines, first, devices.hook)
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
        for control in controls(filter_.actions):
            if control.kind == "goto chain":
                found.add(control.argument)
    return found


__all__ = ["NAMES", "Devices", "UserModeLinux"]
