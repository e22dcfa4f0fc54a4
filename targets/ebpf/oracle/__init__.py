"""The real machine: this kernel, which loads the program, is given frames on taps, and shows what leaves.

Needs CAP_BPF (or CAP_SYS_ADMIN), CAP_NET_ADMIN and ``/dev/net/tun``. See :mod:`.wrap` for how what passes to the stack
is seen, and :mod:`.kernel` for BPF_PROG_TEST_RUN, which is quicker but knows nothing of what happens before the hook.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Final

from ....semantics.source import InputError, Span, Unsupported
from ...base import Cells, Closing, Observation, World
from ..artifact import BpfObject, BpfProgram, Insn, MapDef
from ..artifact.insn import PSEUDO_FUNC
from ..artifact.loading import described
from ..artifact.ports import port0
from ..artifact.program import F_RDONLY_PROG, INNER
from . import perf, shown, world
from .kernel import KernelMap, KernelProgram, KernelTypes, Refused, TestRun, unusable
from .nested import load_nested
from .network import LONGEST_FRAME, Network
from .spies import Spy, spied
from .wrap import (
    EMPTY,
    HANDED,
    LEFT_TO,
    NOTES,
    NOTES_MAP,
    Notes,
    redirections,
    taking_over,
    with_functions,
    wrapped,
)

__all__ = [
    "KernelMap", "KernelOracle", "KernelProgram", "Network", "Refused", "TestRun", "load_called", "load_maps",
    "unusable",
]  # fmt: skip

Tables = Mapping[str, Iterable[tuple[bytes, bytes]]]
"""Map's name → its elements (key, value)."""

Inspect = Callable[[dict[str, KernelMap]], None]

SHORTEST: Final = 14
FIRST_PORT: Final = 2
"""Interface 0 does not exist, 1 is the loopback device."""
_STACK_PORT, _REDIRECT_PORT = 0x7FFF0001, 0x7FFF0002
_NO_KEY: Final = bytes(4)


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
            "meta[I]" (what lies in front of the frame) of those at XDP, and "result", the program's; "ran" is 0 for a
            frame that the kernel dropped before the hook.

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
                if name not in (tables or {}) or item.item.type == "hash":
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
        return replace(shown.going_on(seen, _hook_of(artifact.program())), events={**seen.events, **told}), after

    def refuses(self, artifact: Any) -> bool:
        """Whether the kernel's verifier says that the program may access what it must not (EACCES)."""
        chosen = artifact.program()
        try:
            with ExitStack() as stack:
                maps = load_maps(artifact, {}, stack)
                stack.enter_context(KernelProgram(_kind_of(_hook_of(chosen)), chosen.insns, maps, artifact.license))
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
    ) -> list[Observation]:
        """As :meth:`observe`, with the numbers of ports in place of interfaces'."""
        on_interfaces = [(_interface(artifact, port), frame) for port, frame in packets]
        seen = self.observe(artifact, on_interfaces, tables, inspect=inspect, around=around)
        first = port0(artifact)
        return [replace(each, outputs=tuple(_as_ports(each.outputs, first))) for each in seen]

    def _with_ports(self, artifact: BpfObject, ports: Iterable[int]) -> None:
        for port in ports:
            number = _interface(artifact, port)
            if FIRST_PORT <= number < _STACK_PORT:
                self._ready().tap(number)

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
        chosen = obj.program(program)
        where = hook or _hook_of(chosen)
        if any(port < FIRST_PORT or port >= _STACK_PORT for port, _ in packets):
            raise Unsupported(f"the kernel has no interface to receive on below {FIRST_PORT}")
        if any(len(frame) < SHORTEST for _, frame in packets):
            raise ValueError(f"a frame has at least {SHORTEST} bytes")
        if any(len(frame) > LONGEST_FRAME for _, frame in packets):
            raise ValueError(f"the network carries frames of at most {LONGEST_FRAME} bytes")
        network = self._ready()
        for port in (_STACK_PORT, _REDIRECT_PORT, *{port for port, _ in packets}):
            network.tap(port)
        out: list[Observation] = []
        together = keep_maps or (not inspect and all(_constant(obj, i.map) for i in chosen.insns))
        if refill:
            with ExitStack() as stack:
                loaded = _Loaded(stack, obj, chosen, where, tables or {}, around)
                return loaded.one_by_one(network, packets, inspect or (lambda _: None))
        step = len(packets) if together else 1
        for at in range(0, len(packets), max(1, step)):  # maps that may be written are made anew for each packet
            with ExitStack() as stack:
                loaded = _Loaded(stack, obj, chosen, where, tables or {}, around)
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


def _kind_of(hook: str) -> str:
    """The kind of program that the kernel takes at a hook."""
    return "xdp" if hook == "xdp" else "tc"


def _hook_of(program: BpfProgram) -> str:
    if program.hook == "tc":
        return "tcx" if program.section.lstrip("?").startswith("tcx") else "tc"
    if program.hook == "xdp":
        return "xdp"
    raise Unsupported(f"program {program.name} in section {program.section}: a hook that is not observed")


def _constant(obj: BpfObject, name: str | None) -> bool:
    return name is None or bool(obj.map(name).flags & F_RDONLY_PROG)


def load_maps(
    obj: BpfObject, tables: Tables, stack: ExitStack, types: KernelTypes | None = None
) -> dict[str, KernelMap]:
    """The object's maps in the kernel, filled; they are closed with ``stack``. Raises InputError, Unsupported."""
    maps = {}
    for item in obj.maps:
        if item.inner is not None:
            maps[item.name] = _nested(obj, item, item.inner, tables, stack)
            continue
        made = stack.enter_context(KernelMap(item, types))
        maps[item.name] = made
        for key, value in tables.get(item.name, ()):
            try:
                made[key] = value
            except OSError as error:
                text = f"the kernel refuses the element {key.hex()} of map {item.name}: {error.strerror}"
                raise InputError.at(Span(obj.name, 0, 0), text) from None
        if item.data is not None and item.flags & F_RDONLY_PROG:
            made.freeze()
    inner = {item.name + INNER for item in obj.maps if item.inner is not None}
    unknown = sorted(set(tables) - set(maps) - inner)
    if unknown:
        raise InputError.at(Span(obj.name, 0, 0), f"there is no map {unknown[0]}")
    return maps


def _nested(obj: BpfObject, item: MapDef, inner: MapDef, tables: Tables, stack: ExitStack) -> KernelMap:
    try:
        return load_nested(item, inner, tables, stack)
    except OSError as error:
        text = f"the kernel refuses map {item.name} or the maps in it: {error.strerror}"
        raise InputError.at(Span(obj.name, 0, 0), text) from None


def load_called(
    obj: BpfObject,
    program: BpfProgram,
    kind: str,
    maps: Mapping[str, KernelMap],
    stack: ExitStack,
    code: Callable[[BpfProgram], Sequence[Insn]] = lambda called: called.insns,
) -> None:
    """The programs that ``program``'s arrays hold, in the kernel and in these; they are closed with ``stack``. An array
    holds what it holds as long as somebody has it open. ``code``: of a program what is loaded. Raises Refused."""
    loaded: dict[str, KernelProgram] = {}
    for item in obj.maps:
        for index, name in (item.programs or {}).items():
            if name not in loaded:
                insns = code(obj.program(name))
                loaded[name] = stack.enter_context(KernelProgram(kind, insns, maps, obj.license, name))
            maps[item.name][index.to_bytes(4, sys.byteorder)] = loaded[name].fd.to_bytes(4, sys.byteorder)


def _filled(stack: ExitStack, item: MapDef, elements: Mapping[bytes, bytes]) -> KernelMap:
    made = stack.enter_context(KernelMap(item))
    for key, value in elements.items():
        made[key] = value
    return made


class _Loaded:
    """A program and its maps in the kernel, until ``stack`` is closed."""

    def __init__(
        self, stack: ExitStack, obj: BpfObject, program: BpfProgram, hook: str, tables: Tables,
        around: World | None = None,
    ) -> None:  # fmt: skip
        self.stack, self.hook, self.tables = stack, hook, tables
        called = {name for item in obj.maps for name in (item.programs or {}).values()}
        codes = [program.insns, *(p.insns for p in obj.programs if p.name in called)]
        self.named = {insn.map for insns in codes for insn in insns}
        typed = any(f.kind for item in obj.maps for f in item.value_fields or ())
        types = stack.enter_context(KernelTypes(described(obj, program))) if typed else None
        self.open_arrays = _open_arrays(obj) if around is not None else {}
        others = set(self.open_arrays.values())
        self.handed = {name: elements for name, elements in tables.items() if name in others}
        tables = {name: elements for name, elements in tables.items() if name not in others}
        self.maps = load_maps(obj, tables, stack, types)
        self.notes = stack.enter_context(KernelMap(NOTES_MAP))
        spies = [*redirections(hook, _REDIRECT_PORT)]
        told: dict[str, KernelMap] = {}
        if around is not None:
            more, told = self._told(obj, around)
            spies += more
        code = wrapped(program, hook, _STACK_PORT, spies)
        kind = _kind_of(hook)
        maps = self.maps | {NOTES: self.notes} | told
        self._hand_over(kind, obj.license)
        try:
            load_called(obj, program, kind, maps, stack, lambda called: spied(called.insns, spies))
            types = None
            if called or self.open_arrays or any(i.wide and i.src == PSEUDO_FUNC for i in program.insns):
                types = stack.enter_context(KernelTypes(described(obj, with_functions(program, code, spies))))
            self.program = stack.enter_context(KernelProgram(kind, code, maps, obj.license, types=types))
        except Refused as error:
            raise InputError.at(Span(obj.name, 0, 0), f"the kernel refuses program {program.name}: {error}") from None

    def _hand_over(self, kind: str, license: str) -> None:
        """Put programs of our own into arrays that somebody else fills, where there is one by the tables."""
        for place, name in self.open_arrays.items():
            for key, value in self.handed.get(name, ()):
                code = taking_over(self.hook, _REDIRECT_PORT, HANDED + place, int.from_bytes(value, "big"))
                program = self.stack.enter_context(KernelProgram(kind, code, {NOTES: self.notes}, license))
                self.maps[name][key] = program.fd.to_bytes(4, sys.byteorder)

    def _told(self, obj: BpfObject, around: World) -> tuple[list[Spy], dict[str, KernelMap]]:
        """Functions for a run in a world that is given, with their maps; what it writes into perf buffers is kept, if
        there may be such, and one array of them, for a record does not say which it was written through."""
        maps = {item.name: _filled(self.stack, item, held) for item, held in world.filled(around).items()}
        spies = world.spies(around)
        arrays = [item for item in obj.maps if item.type == "perf_event_array"]
        watched = perf.watched(arrays[0]) if len(arrays) == 1 else None
        if watched is not None:
            self.stack.enter_context(watched)
            self.maps[arrays[0].name] = watched
            maps[perf.NOTED.name] = watched.noted
            spies.append(perf.spy())
        return spies, maps

    def one_by_one(self, network: Network, packets: Sequence[tuple[int, bytes]], inspect: Inspect) -> list[Observation]:
        """What happens to each of ``packets``, with the maps filled as at first before each of them."""
        out: list[Observation] = []
        for port in {port for port, _ in packets}:
            network.attach(self.stack, self.hook, port, self.program)
        changing = {
            n: m for n, m in self.maps.items()
            if n in self.named and not m.item.flags & F_RDONLY_PROG and m.item.programs is None and m.item.inner is None
        }  # fmt: skip
        for number, (port, frame) in enumerate(packets):
            for name, item in changing.items() if number else ():
                item.refill(self.tables.get(name, ()))
            out.append(self._observe(network, port, frame))
            inspect(self.maps)
        return out

    def observe(self, network: Network, packets: Sequence[tuple[int, bytes]]) -> list[Observation]:
        """What happens to each of ``packets``."""
        for port in {port for port, _ in packets}:
            network.attach(self.stack, self.hook, port, self.program)
        return [self._observe(network, port, frame) for port, frame in packets]

    def _observe(self, network: Network, port: int, frame: bytes) -> Observation:
        self.notes[_NO_KEY] = EMPTY
        sent = network.pass_through(port, frame)
        said = Notes.of(self.notes[_NO_KEY])
        outputs = []
        for ifindex, out in sent:
            if ifindex == _STACK_PORT:
                outputs.append(("stack", 0, out))
            elif ifindex == _REDIRECT_PORT:
                outputs.append((LEFT_TO.get(said.way, "program"), said.target, out))
            else:
                outputs.append(("port", ifindex, out))
        metadata = {"ran": int(said.ran), "result": said.result}
        metadata |= said.in_front if self.hook == "xdp" else said.left
        events = {
            f"program.{name}": (said.found(self.hook),) if said.way == HANDED + place else ()
            for place, name in self.open_arrays.items()
        }
        return Observation(tuple(sorted(outputs)), metadata, events)


def _open_arrays(obj: BpfObject) -> dict[int, str]:
    """Arrays of programs that somebody else fills: their place among the maps → name."""
    return {i: item.name for i, item in enumerate(obj.maps) if item.type == "prog_array" and item.programs is None}
