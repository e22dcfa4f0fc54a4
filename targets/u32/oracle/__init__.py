"""The real machine: this kernel's ``cls_u32`` on the ingress hook of tap devices in a private network namespace.

What cannot be seen directly (whether a frame passed, and with which class id) is told by marker copies, see
:mod:`.markers`. Needs CAP_SYS_ADMIN and CAP_NET_ADMIN, ``/dev/net/tun``, and a kernel with sch_ingress, cls_u32 and
act_mirred; act_gact is used where it is there. Lists with other actions go to a private user-mode Linux, see
:mod:`.uml`.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from ....semantics.source import InputError, Unsupported
from ...base import Cells, Closing, Observation, World
from ...tc.artifact.attributes import HEADER
from ..artifact import DROP, FilterList, Gact, Hook, Links, Mirred, PortNames, Selector, U32Filter
from ..artifact.netlink import NLM_F_CREATE, NLM_F_EXCL, RTM_NEWTFILTER, encode_filter
from .machine import BLOCK, Namespace
from .markers import Markers, observable
from .uml import UserModeU32

SHORTEST: Final = 14
"""A driver accepts no shorter frame."""
MAX_PORTS: Final = 256
_NAMES: Final = PortNames("tap")


class KernelU32(Closing):
    """The kernel's classifier; one object keeps one namespace until :meth:`close` or its end."""

    def __init__(self) -> None:
        self._space: Namespace | None = None
        self._gact = False
        self._private = UserModeU32()

    def close(self) -> None:
        """Give the namespace and its devices back."""
        self._private.close()
        space, self._space = self._space, None
        if space is not None:
            space.close()

    def available(self) -> str | None:
        """None if this kernel can be asked, else why not."""
        try:
            self.run(FilterList((U32Filter(1, selector=Selector()),)), [(0, bytes(SHORTEST))])
        except (OSError, InputError) as error:
            self.close()
            return f"the kernel's u32 cannot be used here: {error}"
        return None

    def run(self, artifact: Any, packets: Sequence[tuple[int, bytes]], tables: Any = None) -> list[Observation]:
        """What the kernel does with each frame received on each port. ``classid`` is in the metadata of what passed
        with one.

        Raises:
            InputError: the kernel refuses a filter; with its place.
            Unsupported: something that cannot be observed, with its place.
            OSError: there is no such kernel here.
        """
        if not isinstance(artifact, FilterList):
            raise TypeError(f"a list of u32 filters expected, not {type(artifact).__name__}")
        if any(len(frame) < SHORTEST for _, frame in packets):
            raise ValueError(f"a frame has at least {SHORTEST} bytes")
        if artifact.hook.direction == "egress" or not _seen_here(artifact.filters):
            return self._private.run(artifact, packets)
        space = self._ready()
        ports = sorted({port for port, _ in packets} | _targets(artifact.filters))
        markers = Markers(max(ports, default=0) + 1)
        filters = observable(artifact.filters, markers, gact=self._gact)
        taps = {port: i for i, port in enumerate([*ports, markers.silent, *markers.by_class.values()])}
        if len(taps) > MAX_PORTS:
            raise Unsupported(f"more than {MAX_PORTS} ports")
        space.need(len(taps))
        try:
            _install(space, filters, taps)
            return [_observe(space, taps, markers, port, frame) for port, frame in packets]
        finally:
            space.flush({0} | {f.chain for f in filters})

    def run_showing(
        self, artifact: Any, packet: tuple[int, bytes], tables: Any, ports: Sequence[int], cells: Cells, around: World
    ) -> tuple[Observation, Mapping[str, Mapping[int, int]]]:
        """See :class:`...base.ShowsState`; there is no state, and only the private kernel gives frames something
        beside them."""
        if any(value and name != "in.port" for name, value in around.inputs.items()):
            return self._private.run_showing(artifact, packet, tables, ports, cells, around)
        packets = [packet, *((port, packet[1]) for port in ports)]  # so that these ports are there
        return self.run(artifact, packets)[0], {}

    def refuses(self, artifact: Any) -> bool:
        """Whether the kernel does not take the list."""
        try:
            self.run(artifact, [])
        except InputError:
            return True
        return False

    def _ready(self) -> Namespace:
        if self._space is None:
            space = Namespace()
            self._space = space
            space.need(1)
            self._gact = _has_gact(space)
        return self._space


def _seen_here(filters: tuple[U32Filter, ...]) -> bool:
    """Whether this machine's kernel can be asked: it may lack modules for other actions, and matches on the mark."""
    actions = [action for f in filters for action in f.actions]
    plain = all(isinstance(a, Gact) or (isinstance(a, Mirred) and not a.ingress) for a in actions) and not any(
        isinstance(a, Gact | Mirred) and a.control.kind == "jump" for a in actions
    )
    return plain and all(f.kind == "u32" and f.mark in (None, (0, 0)) for f in filters)


def _targets(filters: tuple[U32Filter, ...]) -> set[int]:
    """The ports that filters send to or ask for."""
    sent = {a.port for f in filters for a in f.actions if isinstance(a, Mirred)}
    return sent | {f.indev for f in filters if f.indev is not None}


class _Taps(Links):
    """Port → tap's interface number."""

    def __init__(self, space: Namespace, taps: dict[int, int]) -> None:
        super().__init__(_NAMES)
        object.__setattr__(self, "_indices", {port: space.taps[i].index for port, i in taps.items()})

    def index(self, port: int) -> int:
        indices: dict[int, int] = self.__dict__["_indices"]
        return indices[port]


def _install(space: Namespace, filters: list[U32Filter], taps: dict[int, int]) -> None:
    links = _Taps(space, taps)
    hook = Hook("", "ingress", BLOCK)
    requests = []
    for filter_ in filters:
        if filter_.indev is not None:
            filter_ = replace(filter_, indev=taps[filter_.indev])  # the tap's name carries its place
        body = encode_filter(filter_, hook, links, 0)[HEADER.size :]
        requests.append((RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, body))
    try:
        space.request(requests)
    except OSError as error:
        which = error.filename if isinstance(error.filename, int) else 0
        code = errno.errorcode.get(error.errno or 0, "?")
        raise InputError.at(filters[which].span, f"the kernel refuses this filter: {code}") from None


def _observe(space: Namespace, taps: dict[int, int], markers: Markers, port: int, frame: bytes) -> Observation:
    by_tap = {i: port for port, i in taps.items()}
    class_of = {marker: classid for classid, marker in markers.by_class.items()}
    outputs: list[tuple[str, int, bytes]] = []
    passed: list[int] = []
    for tap, sent in space.pass_through(taps[port], frame):
        out = by_tap.get(tap, markers.silent)
        if out in class_of:
            passed.append(class_of[out])
            outputs.append(("stack", 0, sent))
        elif out != markers.silent:
            outputs.append(("port", out, sent))
    if len(passed) > 1:
        raise AssertionError(f"a frame passed {len(passed)} times: {frame.hex()}")
    return Observation(tuple(sorted(outputs)), {"classid": passed[0] if passed else 0})


def _has_gact(space: Namespace) -> bool:
    """Whether the kernel takes a generic action."""
    probe = U32Filter(1, selector=Selector(), actions=(Gact(DROP),))
    try:
        _install(space, [probe], {})
    except InputError:
        return False
    finally:
        space.flush({0})
    return True


__all__ = ["KernelU32", "UserModeU32"]
