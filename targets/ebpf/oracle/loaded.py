"""A program and its maps in the kernel, for a while, and what becomes of frames that it is given."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Final

from ....semantics.source import InputError, Span, Unsupported
from ...base import Observation, World
from ..artifact import BpfObject, BpfProgram, Insn, MapDef
from ..artifact.insn import LD, PSEUDO_FUNC
from ..artifact.loading import described
from ..artifact.program import F_RDONLY_PROG, INNER
from ..mapping import OF_DEVICES, MappedObject
from . import cpus, perf, world
from .kernel import KernelMap, KernelProgram, KernelTypes, Refused
from .nested import load_nested
from .network import Network
from .spies import Spy, spied
from .wrap import (
    EMPTY,
    HANDED,
    LEFT_TO,
    NOTES,
    NOTES_MAP,
    REDIRECTS,
    Notes,
    redirections,
    taking_over,
    with_functions,
    wrapped,
)

Tables = Mapping[str, Iterable[tuple[bytes, bytes]]]
"""Map's name → its elements (key, value)."""

Inspect = Callable[[dict[str, KernelMap]], None]

STACK_PORT, REDIRECT_PORT, CLONE_PORT = 0x7FFF0001, 0x7FFF0002, 0x7FFF0003
"""Interfaces where what goes to the stack, what is redirected, and clones into an ingress, are sent to be seen."""
_NO_KEY: Final = bytes(4)
CPU_SECONDS: Final = 0.5
"""How long a CPU may take to send what it was sent."""


def kind_of(hook: str) -> str:
    """The kind of program that the kernel takes at a hook."""
    return "xdp" if hook == "xdp" else "tc"


def load_maps(
    obj: BpfObject,
    tables: Tables,
    stack: ExitStack,
    types: KernelTypes | None = None,
    known: Mapping[str, KernelMap] | None = None,
) -> dict[str, KernelMap]:
    """The object's maps in the kernel, filled, but for those that are ``known``; they are closed with ``stack``. Raises
    InputError, Unsupported."""
    maps = dict(known or {})
    for item in obj.maps:
        if item.name in maps:
            continue
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
    *,
    with_lines: bool = False,
) -> None:
    """The programs that ``program``'s arrays hold, in the kernel and in these; they are closed with ``stack``. An array
    holds what it holds as long as somebody has it open. ``code``: of a program what is loaded; ``with_lines``: with
    what the object says of its source. Raises Refused."""
    loaded: dict[str, KernelProgram] = {}
    for item in obj.maps:
        for index, name in (item.programs or {}).items():
            if name not in loaded:
                called = obj.program(name)
                types = stack.enter_context(KernelTypes(described(obj, called))) if with_lines else None
                made = KernelProgram(kind, code(called), maps, obj.license, name, types)
                loaded[name] = stack.enter_context(made)
            maps[item.name][index.to_bytes(4, sys.byteorder)] = loaded[name].fd.to_bytes(4, sys.byteorder)


def _filled(stack: ExitStack, item: MapDef, elements: Mapping[bytes, bytes]) -> KernelMap:
    made = stack.enter_context(KernelMap(item))
    for key, value in elements.items():
        made[key] = value
    return made


class Loaded:
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
        self.at_numbers = _interfaces_at_their_numbers(obj)
        tables = {**tables, **self.at_numbers}
        self.handed = {name: elements for name, elements in tables.items() if name in others}
        tables = {name: elements for name, elements in tables.items() if name not in others}
        self.notes = stack.enter_context(KernelMap(NOTES_MAP))
        self.of_cpus = self._of_cpus(obj, tables)
        self.maps = load_maps(obj, tables, stack, types, self.of_cpus)
        spies = [*redirections(hook, REDIRECT_PORT, CLONE_PORT)]
        told: dict[str, KernelMap] = {}
        if around is not None:
            more, told = self._told(obj, around)
            spies += more
        code = wrapped(program, hook, STACK_PORT, spies, codes[1:])
        kind = kind_of(hook)
        maps = self.maps | {NOTES: self.notes} | told
        self._hand_over(kind, obj.license)
        try:
            load_called(obj, program, kind, maps, stack, lambda called: spied(called.insns, spies))
            types = None
            if called or self.open_arrays or any(_asks_for_types(insn) for insn in program.insns):
                types = stack.enter_context(KernelTypes(described(obj, with_functions(program, code, spies))))
            self.program = stack.enter_context(KernelProgram(kind, code, maps, obj.license, types=types))
        except Refused as error:
            raise InputError.at(Span(obj.name, 0, 0), f"the kernel refuses program {program.name}: {error}") from None

    def _of_cpus(self, obj: BpfObject, tables: Tables) -> dict[str, KernelMap]:
        """The object's maps of CPUs."""
        made = {}
        for item in obj.maps if self.hook == "xdp" else ():
            if item.type == cpus.TYPE:
                held = tables.get(item.name, ())
                try:
                    made[item.name] = cpus.load_cpus(item, held, self.notes, REDIRECT_PORT, obj.license, self.stack)
                except (OSError, Refused) as error:
                    text = f"the kernel refuses map {item.name} or what is in it: {error}"
                    raise InputError.at(Span(obj.name, 0, 0), text) from None
        return made

    def _hand_over(self, kind: str, license: str) -> None:
        """Put programs of our own into arrays that somebody else fills, where there is one by the tables."""
        for place, name in self.open_arrays.items():
            for key, value in self.handed.get(name, ()):
                code = taking_over(self.hook, REDIRECT_PORT, HANDED + place, int.from_bytes(value, "big"))
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
            if n in self.named and n not in self.of_cpus and not m.item.flags & F_RDONLY_PROG
            and m.item.programs is None and m.item.inner is None
        }  # fmt: skip
        for number, (port, frame) in enumerate(packets):
            for name, item in changing.items() if number else ():
                refill = partial(item.refill, self.tables.get(name, ()))
                network.inside(refill) if item.item.type in OF_DEVICES else refill()
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
        if self.of_cpus and not sent and said.result == REDIRECTS["xdp"]:
            sent = network.sent(CPU_SECONDS)
            said = Notes.of(self.notes[_NO_KEY])
        if self.at_numbers and not sent and said.result == REDIRECTS[self.hook]:
            raise Unsupported("a frame is sent to an interface that is not watched")
        outputs = []
        for ifindex, out in sent:
            if ifindex == STACK_PORT:
                outputs.append(("stack", 0, out))
            elif ifindex == REDIRECT_PORT:
                outputs.append((LEFT_TO.get(said.way, "program"), said.target, out))
            elif ifindex == CLONE_PORT:
                if said.clones > 1:
                    raise Unsupported(f"{said.clones} clones into the ingress of interfaces cannot be told apart")
                outputs.append(("ingress", said.cloned_to, out))
            else:
                outputs.append(("port", ifindex, out))
        metadata = {"ran": int(said.ran), "result": said.result}
        if outputs and said.goes_on(self.hook):
            metadata |= said.in_front if self.hook == "xdp" else said.left
        events = {
            f"program.{name}": (said.found(self.hook),) if said.way == HANDED + place else ()
            for place, name in self.open_arrays.items()
        }
        return Observation(tuple(sorted(outputs)), metadata, events)


def _interfaces_at_their_numbers(obj: BpfObject) -> dict[str, list[tuple[bytes, bytes]]]:
    """What maps of devices hold that are said to hold each interface of this namespace at its number."""
    held = {}
    for item in obj.mapping.ports if isinstance(obj, MappedObject) else ():
        numbers = [number for number, _ in socket.if_nameindex()]
        if item.type == "devmap_hash":
            numbers = numbers[-item.max_entries :]
        else:
            numbers = [number for number in numbers if number < item.max_entries]
        keys = [number.to_bytes(4, sys.byteorder) for number in numbers]
        held[item.name] = [(key, key.ljust(item.value_size, b"\0")) for key in keys]
    return held


def _asks_for_types(insn: Insn) -> bool:
    """Whether the kernel takes this in a function only if the functions' types are told: the address of a function, and
    the packet loads of old, which end a function with 0."""
    return (insn.wide and insn.src == PSEUDO_FUNC) or (insn.cls == LD and not insn.wide)


def _open_arrays(obj: BpfObject) -> dict[int, str]:
    """Arrays of programs that somebody else fills: their place among the maps → name."""
    return {i: item.name for i, item in enumerate(obj.maps) if item.type == "prog_array" and item.programs is None}
