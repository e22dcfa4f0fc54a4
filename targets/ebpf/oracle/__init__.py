"""The real machine: this kernel, which loads the program, is given frames on taps, and shows what leaves.

Needs CAP_BPF (or CAP_SYS_ADMIN), CAP_NET_ADMIN and ``/dev/net/tun``. See :mod:`.wrap` for how what passes to the stack
is seen, and :mod:`.kernel` for BPF_PROG_TEST_RUN, which is quicker but knows nothing of what happens before the hook.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Final

from ....semantics.source import InputError, Unsupported
from ...base import Cells, Closing, Observation, World
from ..artifact import BpfObject, BpfProgram
from ..artifact.loading import sized
from ..artifact.ports import port0
from ..artifact.program import F_RDONLY_PROG
from . import shown
from .kernel import KernelMap, KernelProgram, Refused, TestRun, unusable
from .loaded import CLONE_PORT, REDIRECT_PORT, STACK_PORT, Inspect, Loaded, Tables, kind_of, load_called, load_maps
from .network import LONGEST_FRAME, Network

__all__ = [
    "KernelMap", "KernelOracle", "KernelProgram", "Network", "Refused", "TestRun", "load_called", "load_maps",
    "unusable",
]  # fmt: skip

SHORTEST: Final = 14
FIRST_PORT: Final = 2
"""Interface 0 does not exist, 1 is the loopback device."""


class KernelOracle(Closing):
    """The kernel; one object keeps one namespace until :meth:`close` or its end."""

    def __init__(self) -> None:
        self._network: Network | None = None

    def close(self) -> None:
        """Give the namespace and its devices back."""
        network, self._network = self._network, None
        if network is not None:
            network.close()

    def available(self) -> str | None:
        """None if this kernel can be asked, else why not."""
        reason = unusable()
        if reason is not None:
            return reason
        try:
            self._ready().tap(FIRST_PORT)
        except OSError as error:
            self.close()
            return f"no tap devices in a private network namespace: {error}"
        return None

    def run(self, artifact: Any, packets: Sequence[tuple[int, bytes]], tables: Any = None) -> list[Observation]:
        """What the program does with each frame received on each port.

        Args:
            artifact: a :class:`BpfObject` with one program.
            packets: (port, frame of at least 14 bytes); the port is the interface's number, or as the object says
                (:mod:`..artifact.ports`).
            tables: see :data:`Tables`; None for empty maps.

        Returns:
            Outputs, and in ``metadata`` "mark", "priority", "classid" and "tc_index" of frames at tc, "meta_len" and
            "meta[I]" (what lies in front of the frame) of those at XDP, none of them where nobody gets the frame
            itself, whatever clones of it do; and "result", the program's; "ran" is 0 for a frame that the kernel
            dropped before the hook.

        Raises:
            InputError: the kernel refuses the program, or an element of a table.
            Unsupported: a hook or port that cannot be observed.
            ValueError: a frame is shorter or longer than the network carries.
            OSError: there is no such kernel here.
        """
        return self._on_ports(artifact, packets, tables)

    def run_on(
        self, artifact: Any, packet: tuple[int, bytes], tables: Any, state: Any, ports: Sequence[int]
    ) -> tuple[Observation, Any]:
        """As :meth:`run`, on maps that hold ``state`` (map's name → elements) where ``tables`` does not fill them, and
        beside what it fills the elements that the program itself has put into hash maps."""
        self._with_ports(artifact, ports)
        after: dict[str, list[tuple[bytes, bytes]]] = {}

        def keep(maps: dict[str, KernelMap]) -> None:
            for name, item in maps.items():
                given = {key for key, _ in (tables or {}).get(name, ())}
                if item.item.programs is not None or item.item.inner is not None:
                    continue
                if name not in (tables or {}) or item.item.type in ("hash", "lru_hash"):
                    after[name] = [(key, item[key]) for key in item.keys() if key not in given]  # noqa: SIM118

        held, given = state or {}, tables or {}
        filled = {name: [*held.get(name, ()), *given.get(name, ())] for name in {**held, **given}}
        return self._on_ports(artifact, [packet], filled, keep)[0], after

    def run_showing(
        self, artifact: Any, packet: tuple[int, bytes], tables: Any, ports: Sequence[int], cells: Cells, around: World
    ) -> tuple[Observation, Mapping[str, Mapping[int, int]]]:
        """See :class:`....base.ShowsState`; raises as :meth:`run` does."""
        self._with_ports(artifact, ports)
        before = {name: dict(elements) for name, elements in (tables or {}).items()}
        after: dict[str, dict[int, int]] = {}
        told: dict[str, tuple[tuple[int, ...], ...]] = {}

        def look(maps: dict[str, KernelMap]) -> None:
            after.update(shown.cells(cells, maps, before))
            told.update(shown.records(maps))

        (seen,) = self._on_ports(artifact, [packet], tables, look, around)
        return replace(shown.going_on(seen), events={**seen.events, **told}), after

    def run_each(
        self, artifact: Any, packets: Sequence[tuple[int, bytes]], tables: Any, ports: Sequence[int]
    ) -> list[Observation]:
        """See :class:`....base.RunsMany`; raises as :meth:`run` does."""
        self._with_ports(artifact, ports)
        return [shown.going_on(seen) for seen in self._on_ports(artifact, packets, tables, refill=True)]

    def has_port(self, artifact: Any, port: int) -> bool:
        """See :class:`....base.RunsMany`."""
        return FIRST_PORT <= _interface(artifact, port) < STACK_PORT

    def refuses(self, artifact: Any) -> bool:
        """Whether the kernel's verifier says that the program may access what it must not (EACCES)."""
        chosen = artifact.program()
        try:
            with ExitStack() as stack:
                maps = load_maps(artifact, {}, stack)
                stack.enter_context(KernelProgram(kind_of(_hook_of(chosen)), chosen.insns, maps, artifact.license))
        except Refused as error:
            return error.code == errno.EACCES
        except (OSError, InputError, Unsupported):
            return False
        return False

    def _on_ports(
        self,
        artifact: BpfObject,
        packets: Sequence[tuple[int, bytes]],
        tables: Tables | None,
        inspect: Inspect | None = None,
        around: World | None = None,
        *,
        refill: bool = False,
    ) -> list[Observation]:
        """As :meth:`observe`, with the numbers of ports in place of interfaces'."""
        on_interfaces = [(_interface(artifact, port), frame) for port, frame in packets]
        seen = self.observe(artifact, on_interfaces, tables, inspect=inspect, around=around, refill=refill)
        first = port0(artifact)
        return [replace(each, outputs=tuple(_as_ports(each.outputs, first))) for each in seen]

    def _with_ports(self, artifact: BpfObject, ports: Iterable[int]) -> None:
        for port in ports:
            if self.has_port(artifact, port):
                self._ready().tap(_interface(artifact, port))

    def observe(
        self,
        obj: BpfObject,
        packets: Sequence[tuple[int, bytes]],
        tables: Tables | None = None,
        program: str | None = None,
        hook: str | None = None,
        inspect: Inspect | None = None,
        keep_maps: bool = False,
        refill: bool = False,
        around: World | None = None,
    ) -> list[Observation]:
        """As :meth:`run`, for one program of several, or at another hook ("tc", "tcx", "xdp") than its section says.

        ``inspect`` gets the maps as they are after each packet; with ``keep_maps`` all packets meet the same maps
        (quick; right for programs that write none), and ``inspect`` gets them after the last packet. With ``refill``
        the program is loaded once, and its maps are filled as at first before each packet (quicker than new ones).
        ``around``: what the program is told that nobody controls; None for what the kernel tells.
        """
        if around is not None:
            obj = sized(obj, around.inputs)
        chosen = obj.program(program)
        where = hook or _hook_of(chosen)
        if any(port < FIRST_PORT or port >= STACK_PORT for port, _ in packets):
            raise Unsupported(f"the kernel has no interface to receive on below {FIRST_PORT}")
        if any(len(frame) < SHORTEST for _, frame in packets):
            raise ValueError(f"a frame has at least {SHORTEST} bytes")
        if any(len(frame) > LONGEST_FRAME for _, frame in packets):
            raise ValueError(f"the network carries frames of at most {LONGEST_FRAME} bytes")
        network = self._ready()
        for port in (STACK_PORT, REDIRECT_PORT, CLONE_PORT, *{port for port, _ in packets}):
            network.tap(port)
        out: list[Observation] = []
        together = keep_maps or (not inspect and all(_constant(obj, i.map) for i in chosen.insns))

        def load(stack: ExitStack) -> Loaded:  # in the namespace: maps of devices are filled with its devices
            return network.inside(lambda: Loaded(stack, obj, chosen, where, tables or {}, around))

        if refill:
            with ExitStack() as stack:
                loaded = load(stack)
                return loaded.one_by_one(network, packets, inspect or (lambda _: None))
        step = len(packets) if together else 1
        for at in range(0, len(packets), max(1, step)):  # maps that may be written are made anew for each packet
            with ExitStack() as stack:
                loaded = load(stack)
                out += loaded.observe(network, packets[at : at + step])
                if inspect:
                    inspect(loaded.maps)
        return out

    def _ready(self) -> Network:
        if self._network is None:
            self._network = Network()
        return self._network


def _interface(artifact: BpfObject, port: int) -> int:
    """The number of the interface that is a port."""
    return (port + port0(artifact)) % (1 << 32)


def _as_ports(outputs: Iterable[tuple[str, int, bytes]], first: int) -> Iterator[tuple[str, int, bytes]]:
    """Outputs with the numbers of ports in place of interfaces'."""
    for to, number, frame in outputs:
        yield to, (number - first) % (1 << 32) if to == "port" else number, frame


def _hook_of(program: BpfProgram) -> str:
    if program.hook == "tc":
        return "tcx" if program.section.lstrip("?").startswith("tcx") else "tc"
    if program.hook == "xdp":
        return "xdp"
    raise Unsupported(f"program {program.name} in section {program.section}: a hook that is not observed")


def _constant(obj: BpfObject, name: str | None) -> bool:
    return name is None or bool(obj.map(name).flags & F_RDONLY_PROG)
