"""What an eBPF object file holds: programs, maps, a licence, and sections that are nobody's business but the user's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from ....semantics.source import NOWHERE, Span
from .insn import Insn, slots

MAP_TYPES: Final = {
    "hash": 1, "array": 2, "prog_array": 3, "perf_event_array": 4, "percpu_hash": 5, "percpu_array": 6,
    "stack_trace": 7, "cgroup_array": 8, "lru_hash": 9, "lru_percpu_hash": 10, "lpm_trie": 11, "array_of_maps": 12,
    "hash_of_maps": 13, "devmap": 14, "sockmap": 15, "cpumap": 16, "xskmap": 17, "sockhash": 18,
    "cgroup_storage": 19, "reuseport_sockarray": 20, "percpu_cgroup_storage": 21, "queue": 22, "stack": 23,
    "sk_storage": 24, "devmap_hash": 25, "struct_ops": 26, "ringbuf": 27, "inode_storage": 28, "task_storage": 29,
    "bloom_filter": 30, "user_ringbuf": 31, "cgrp_storage": 32, "arena": 33,
}  # fmt: skip
"""Map type → number (``enum bpf_map_type`` in the kernel's uapi bpf.h)."""

ENTRIES: Final = ("devmap", "cpumap", "xskmap")
"""Arrays whose elements somebody has to put in."""
ARRAYS: Final = ("array", "percpu_array", *ENTRIES)
OF_MAPS: Final = ("array_of_maps", "hash_of_maps")

F_NO_PREALLOC: Final = 1 << 0
"""Map flag that an LPM trie must have."""
F_RDONLY_PROG: Final = 1 << 7
"""Map flag: programs may only read (constant data)."""

INITIALIZERS: Final = ("classifier/map-initializer", "xdp/map-initializer")
"""Sections of programs that run once, to write default actions and constant entries (p4c, backends/ebpf)."""

Hook = Literal["tc", "tc_egress", "xdp", "xdp_devmap", "xdp_cpumap"]


@dataclass(frozen=True, slots=True)
class Field:
    """A member of a key's or value's struct: its name, and where it lies, in bytes."""

    name: str
    offset: int
    size: int
    kind: str = ""
    """The name of its struct, if it is one that the kernel knows (:data:`KERNEL_STRUCTS`)."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of a value: from where on, and how many."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Part:
    """What of a value is told under a name of its own: these pieces one behind the other."""

    name: str
    pieces: tuple[Piece, ...]

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(piece.size for piece in self.pieces)

    def placed(self) -> Iterator[tuple[Piece, int]]:
        """The pieces, each with where it lies in the part."""
        at = 0
        for piece in self.pieces:
            yield piece, at
            at += piece.size


KERNEL_STRUCTS: Final = {"bpf_spin_lock": 4}
"""Structs in values of maps that the kernel looks for by name (kernel/bpf/btf.c), and the bytes of the number in it."""
INNER: Final = ".inner"
"""What all the maps in a map of maps together are called, behind its name."""
PERF_BLOCK: Final = 64
"""Bytes of a perf buffer's record that one event tells."""
NUMBER_BYTES: Final = 4
"""Bytes of the number that tells the maps in a map of maps apart, in front of the key."""


@dataclass(frozen=True, slots=True)
class MapDef:
    """A map: its type (a name of :data:`MAP_TYPES`), sizes in bytes, and how its key and value are made up.

    ``data`` is the content of the only value of a global data section (``.rodata``, ``.data``, ``.bss``), which is an
    array map with one element; None for a map that somebody else fills. ``pinning`` is libbpf's ``LIBBPF_PIN_*``.
    """

    name: str
    type: str
    key_size: int
    value_size: int
    max_entries: int
    flags: int = 0
    key_fields: tuple[Field, ...] | None = None
    value_fields: tuple[Field, ...] | None = None
    data: bytes | None = None
    pinning: int = 0
    programs: Mapping[int, str] | None = None
    """Of an array of programs whose contents the object gives: index → program's name."""
    inner: MapDef | None = None
    """Of a map of maps: what the maps in it are like."""
    held: Mapping[int, str] | None = None
    """Of a map of maps which maps it holds at first: index → map's name."""
    key_leaves: tuple[Field, ...] = field(default=(), compare=False)
    """What BTF says of the key in full, with members of members, as ``u.forward.port``; "" is the key itself."""
    value_leaves: tuple[Field, ...] = field(default=(), compare=False)
    """The same of the value."""
    enumerators: Mapping[str, int] = field(default_factory=dict, compare=False)
    """Names of numbers, of the enums in key and value."""
    variables: tuple[Field, ...] = field(default=(), compare=False)
    """Of global data the variables, in ascending order; () where the object does not say where each one lies."""
    parts: tuple[Part, ...] = field(default=(), compare=False)
    """Of global data that is told in parts (:mod:`..variables`): together they are the whole value."""


@dataclass(frozen=True, slots=True)
class Line:
    """Which source line the instructions from ``slot`` on came from."""

    slot: int
    file: str
    line: int
    column: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Function:
    """A function behind the program's own code, called by BPF-to-BPF calls: its name and first slot."""

    name: str
    slot: int


_SECTIONS: Final = {
    "socket", "sk_reuseport", "kprobe", "kretprobe", "uprobe", "uretprobe", "ksyscall", "kretsyscall", "usdt", "tc",
    "tcx", "classifier", "action", "netkit", "tracepoint", "tp", "raw_tracepoint", "raw_tp", "tp_btf", "fentry",
    "fmod_ret", "fexit", "fsession", "freplace", "lsm", "lsm_cgroup", "iter", "syscall", "xdp", "perf_event",
    "lwt_in", "lwt_out", "lwt_xmit", "lwt_seg6local", "sockops", "sk_skb", "sk_msg", "lirc_mode2", "flow_dissector",
    "cgroup_skb", "cgroup", "sk_lookup", "netfilter", "struct_ops",
}  # fmt: skip
"""What a section's name begins with, if it tells libbpf where a program runs (``section_defs``, libbpf.c)."""
_OTHERS: Final = ("ingress", "egress", "cls_main", "prog", ".text")
"""Those that say it to iproute2, and where functions are."""
_OF_MAPS: Final[dict[str, Hook]] = {"devmap": "xdp_devmap", "cpumap": "xdp_cpumap"}
"""XDP programs that run for frames which were redirected through a map."""
_BY_CONTEXT: Final[dict[str, Hook]] = {"xdp_md": "xdp", "__sk_buff": "tc"}


@dataclass(frozen=True, slots=True)
class BpfProgram:
    """A program as the kernel gets it: its own code, then that of each function that it calls.

    ``functions`` are in the order in which their code stands, which is the order in which calls first reach them
    (depth first), as libbpf lays them out. ``lines`` are in ascending order of slots. ``context`` is the struct that
    the program says it is given.
    """

    name: str
    section: str
    insns: tuple[Insn, ...]
    functions: tuple[Function, ...] = ()
    lines: tuple[Line, ...] = field(default=())
    context: str = field(default="", compare=False)

    @property
    def hook(self) -> Hook | None:
        """Where the section name says the program runs (libbpf's and iproute2's names).

        A name that libbpf does not know is free: who loads such a program (with iproute2, say) tells the kernel what
        it is. ``struct xdp_md`` then makes it one for XDP, and ``struct __sk_buff`` one for tc, ingress. None if
        neither says it.
        """
        head = self.section.lstrip("?")
        base = head.split("/")[0]
        if self.names_no_hook:
            return _BY_CONTEXT.get(self.context)
        if head in ("tc/egress", "tcx/egress", "classifier/egress", "egress", "classifier/tc-egress"):
            return "tc_egress"
        if base in ("tc", "tcx", "classifier", "ingress", "cls_main", "prog"):
            return "tc"
        if base not in ("xdp", "xdp.frags"):
            return None
        return _OF_MAPS.get(head.partition("/")[2], "xdp")

    @property
    def names_no_hook(self) -> bool:
        """Whether the section's name is none that tells loaders where the program runs."""
        base = self.section.lstrip("?").split("/")[0]
        return base.split(".")[0] not in _SECTIONS and base not in _OTHERS

    def place(self, slot: int, file: str = "") -> Span:
        """The source line that ``slot`` came from, if the object says so."""
        best: Line | None = None
        for line in self.lines:
            if line.slot > slot:
                break
            best = line
        return Span(best.file, best.line, best.column) if best is not None else (Span(file, 0, 0) if file else NOWHERE)

    def slots(self) -> list[int]:
        """The slot of each instruction, and behind them the number of slots in all."""
        return slots(self.insns)


@dataclass(frozen=True, slots=True)
class BpfObject:
    """An object file: programs, maps, licence, and other sections' bytes by name.

    A file keeps the programs of one section together and global data behind the maps, so only objects in that order
    are the same after writing and reading. ``name`` says where it was read from; it is not part of its content.
    """

    programs: tuple[BpfProgram, ...]
    maps: tuple[MapDef, ...] = ()
    license: str = "GPL"
    sections: Mapping[str, bytes] = field(default_factory=dict)
    name: str = field(default="", compare=False)

    def program(self, name: str | None = None) -> BpfProgram:
        """The program with this name, or section; without one, the only program that no other calls (tail calls) and
        that does not only fill maps when it is loaded (:data:`INITIALIZERS`).

        Raises:
            KeyError: there is none, or without a name there are several.
        """
        found = [p for p in self.programs if name is None or name in (p.name, p.section)]
        if name is None and len(found) > 1:
            found = [p for p in found if p.section not in INITIALIZERS] or found
            called = {program for item in self.maps for program in (item.programs or {}).values()}
            found = [p for p in found if p.name not in called] or found
        if len(found) != 1:
            have = ", ".join(p.name for p in self.programs) or "none"
            raise KeyError(f"{'no' if not found else 'more than one'} program {name or ''} (there: {have})")
        return found[0]

    def apart(self) -> dict[str, BpfObject]:
        """By the name of each program that :meth:`program` may choose among the object without the others that it
        would; programs that are called (tail calls) stay."""
        called = {program for item in self.maps for program in (item.programs or {}).values()}
        entries = [p for p in self.programs if p.section not in INITIALIZERS and p.name not in called]
        others = tuple(p for p in self.programs if p.name in called)
        return {p.name: replace(self, programs=(p, *others)) for p in entries}

    def map(self, name: str) -> MapDef:
        """The map with this name. Raises KeyError."""
        for item in self.maps:
            if item.name == name:
                return item
        raise KeyError(name)
