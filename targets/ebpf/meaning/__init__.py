"""What an eBPF program does to any frame, from RFC 9669 and the kernel's source.

Not modelled, and refused with the place: programs at other hooks than tc and XDP (at tc egress, and behind a redirect
through a map, for two objects that are compared with each other only), tail calls through arrays whose contents the
object does not give, kernel functions, loops whose end does not fold (but for those that add up the packet,
:mod:`.induction`), helpers that are not in :data:`.hooks.HOOKS`, stores into the packet at more than a few possible
offsets.
"""

from __future__ import annotations

from typing import Final

from ....semantics import bits as b
from ....semantics.meaning.behaviour import Assumption, Behaviour, Case
from ....semantics.source import InputError, Span, Unsupported
from ..artifact import BpfObject, BpfProgram, untagged
from ..artifact.insn import called_helper
from ..artifact.passes import ARRAY, carried_by
from ..artifact.ports import port0
from ..artifact.shortest import ETH_HLEN, declared
from ..artifact.write import TEXT
from .egress import WHERE_HEADERS_LIE
from .elements import initial_memory
from .hooks import EGRESS, HOOKS, METADATA_LENGTH, XDPS, HookName, Start, changed_metadata, finish, start, without_tag
from .loops import with_loop
from .machine import Machine
from .memory import MixedRead, Restart, initial_stores
from .packet_sums import left
from .passes import Passes, came_back, first_time
from .renumbered import renumbered
from .state import shorter_than
from .store import NamedStores
from .tail import with_tail_calls

__all__ = ["HookName", "NamedStores", "meaning"]

_LINEAR: Final = "the frame lies in one piece of memory (data_end is its end), and helpers find the memory they need"
_WHOLE_TAG: Final = "a frame's outer VLAN tag is whole: tc ingress drops all others"
_TAGS: Final = "the device leaves VLAN tags in the frames that it hands to XDP (its receive offload is off)"
_NO_METADATA: Final = "frames come in without metadata in front"
_SUMS: Final = (
    "no device has summed up the frame or is to do so (CHECKSUM_NONE): BPF_F_PSEUDO_HDR of bpf_l4_csum_replace,"
    " which is for these alone, is not compared"
)
_L4_CSUM_REPLACE: Final = 11
_CSUM_DIFF: Final = 28
_FOLDED: Final = (
    "bpf_csum_diff gives sums of 16 bits, as it does since Linux 6.13; before, they had more to be added up"
)
_OFFLOADS: Final = (
    "what helpers tell the kernel beside the frame's bytes (whether a device's checksum still holds, where a tunnel's"
    " inner headers are) is not compared"
)
_TELL_OFFLOADS: Final = (9, 10, 11, 50)
"""``bpf_skb_store_bytes``, ``bpf_l3_csum_replace``, ``bpf_l4_csum_replace``, ``bpf_skb_adjust_room``."""
_WOKEN: Final = "when readers of ring buffers are woken is not compared"
_WAKE: Final = (130, 132, 133)
"""``bpf_ringbuf_output``, ``bpf_ringbuf_submit``, ``bpf_ringbuf_discard``."""
_CONSTANTS: Final = "constants (section .rodata) are as the object has them; a loader could set them first"
_ALONE: Final = "no other filter or program follows at the hook: frames that are left to it go to the stack"
_BEHIND: Final = (
    "programs of somebody else that tail calls lead to do not meet the end of the 33 tail calls that the kernel follows"
)
_STARTS_LOW: Final = "no packet begins at a multiple of 4 GiB in memory, where the lower half of its address is 0"
_PORTS: Final = "port numbers are interface indices; every interface that a frame is sent to exists and is up"


def meaning(
    obj: BpfObject, program: str | None = None, hook: HookName | None = None, written: frozenset[str] = frozenset(),
    *, open_ended: bool = False, named: NamedStores | None = None, in_part: bool = False,
) -> Behaviour:  # fmt: skip
    """What ``program`` of ``obj`` does to any frame on the wire.

    Args:
        obj: an object file.
        program: the program's name, or its section; needed if there are several.
        hook: where it is attached; by default what its section's name says.
        written: maps (and :data:`.memory.PRESENT` of maps) that are told as state even if this program does not write
            them: those that another program writes, with which it is compared.
        open_ended: tail calls may lead to programs that nobody knows, which is then where the packet goes.
        named: where what arrays hold gets names, which the result speaks of; what they stand for is put in here.
        in_part: what is not modelled is a fault of the frames that come to it, in place of an error.

    Raises:
        InputError: there is no such program.
        Unsupported: something that is not modelled, with its place; with ``in_part`` only what is so of all frames.
    """
    chosen = _choose(obj, program)
    where = hook or _hook(chosen, obj.name, anywhere=open_ended)
    mix = True
    while True:  # ends: each round adds a map, or gives up mixing
        try:
            return _run(obj, chosen, where, written, mix=mix, open_ended=open_ended, named=named, in_part=in_part)
        except Restart as restart:
            written |= {restart.name}
        except MixedRead:
            mix = False


def _check_held_apart(obj: BpfObject, program: BpfProgram) -> None:
    """Raises Unsupported for a map that is used by itself and is in a map of maps, too: both ways lead to one memory,
    but are told as two."""
    referred = {insn.map for insn in program.insns if insn.map is not None}
    for item in obj.maps:
        both = sorted(referred & set((item.held or {}).values())) if item.name in referred else []
        if both:
            text = f"map {both[0]} is used by itself and is in map {item.name}, which is used, too"
            raise Unsupported(text, program.place(0, obj.name))


def _choose(obj: BpfObject, name: str | None) -> BpfProgram:
    try:
        return obj.program(name)
    except KeyError as error:
        raise InputError.at(Span(obj.name, 0, 0), str(error.args[0])) from None


def _hook(program: BpfProgram, file: str, *, anywhere: bool) -> HookName:
    """Where it runs; if that is asked for also where what comes is not what comes in by an interface."""
    if program.hook == "xdp":
        return "xdp"
    extended = program.section.lstrip("?").startswith("tcx")
    if program.hook == "tc":
        return "tcx" if extended else "tc"
    if program.hook == "tc_egress" and anywhere:
        return "tcx_egress" if extended else "tc_egress"
    if program.hook in ("xdp_devmap", "xdp_cpumap") and anywhere:
        return program.hook
    text = f"program {program.name} in section {program.section}: a hook that is not modelled (tc ingress and XDP are)"
    if program.section == TEXT:
        text += "; p4c's ubpf back end makes such programs for machines outside of the kernel, whose helpers are others"
    raise Unsupported(text, program.place(0, file))


def _run(
    obj: BpfObject,
    program: BpfProgram,
    hook: HookName,
    written: frozenset[str],
    *,
    mix: bool,
    open_ended: bool,
    named: NamedStores | None,
    in_part: bool,
) -> Behaviour:
    if named is not None:
        named.stores.clear()
        named.port0 = port0(obj)
    linked, entries = with_tail_calls(obj, program)
    linked, loop = with_loop(linked)
    _check_held_apart(obj, linked)
    shortest, tagless = declared(obj) or ETH_HLEN, untagged.declared(obj)
    passes = _passes(obj, program, hook, shortest, tagless=tagless)
    if passes is not None:
        written |= {passes.carried.name}
    machine = Machine(
        linked,
        obj.maps,
        HOOKS[hook],
        written=written,
        mix=mix,
        file=obj.name,
        entries=entries,
        passes=passes,
        open_ended=open_ended,
        loop=loop,
        named=named,
        in_part=in_part,
    )
    begin = start(hook, shortest, tagless=tagless)
    if passes is not None:
        begin = first_time(begin)
    cases = _cases(machine, begin, hook)
    unwritten = machine.depending(term for case in cases for term in case.terms())
    faults = (*machine.faults, *(fault for _, fault in unwritten))
    if left((*(term for case in cases for term in case.terms()), *(fault.guard for fault in faults))):
        raise Unsupported("a sum over the packet that is not folded to 16 bits", program.place(0, obj.name))
    names = {name for case in cases for name in (*case.metadata, *case.state)}
    told = ("events",) if any(case.events for case in cases) else ()
    behind = any(output.to == "program" for case in cases for output in case.outputs)
    arrays = tuple(f"program array {item.name} holds what the object puts there" for item in obj.maps if item.programs)
    comes_in_untagged = without_tag() if passes is None else b.or_(came_back(), without_tag())
    found = Behaviour(
        tuple(cases),
        domain=(
            Assumption(f"frames have at least {shortest} bytes", b.not_(shorter_than(shortest))),
            *((Assumption("frames come in without a VLAN tag", comes_in_untagged),) if tagless else ()),
            *((Assumption(_NO_METADATA, b.eq(METADATA_LENGTH, b.bv(0, 32))),) if "meta_len" in names else ()),
        ),
        reaching=tuple(Assumption(_WHOLE_TAG, b.not_(case.guard)) for case in begin.cases),
        choices=(*machine.unknowns(), *(choice for choice, _ in unwritten)),
        observables=("outputs", *told, *sorted(names)),
        notes=(
            *_notes(linked, hook, arrays if entries else ()),
            *((_STARTS_LOW,) if machine.starts_low else ()),
            *((_ALONE,) if open_ended and hook not in XDPS else ()),
            *((_BEHIND,) if behind else ()),
        ),
        faults=faults,
    )
    return renumbered(found, port0(obj))


def _cases(machine: Machine, begin: Start, hook: HookName) -> list[Case]:
    """What becomes of every frame that begins there, and of those that come back."""
    passes, maps, written = machine.passes, machine.maps, machine.written
    later = passes.starts(machine) if passes is not None else []
    for state in (*begin.states, *later):
        state.stores, state.memory = initial_stores(maps, written), initial_memory(maps, written)
    if passes is not None:
        for state in later:
            passes.fill(state)
    ends = machine.run([*begin.states, *later])
    changed = changed_metadata(ends)
    finished = [finish(hook, state, written, maps, changed, hashes=machine.open_ended) for state in ends]
    if passes is not None:
        finished = [passes.told(state, case) for state, case in zip(ends, finished, strict=True)]
    return [*begin.cases, *finished]


def _notes(program: BpfProgram, hook: HookName, arrays: tuple[str, ...]) -> tuple[str, ...]:
    """What a reader has to know of the machine that is meant."""
    helpers = {called_helper(insn) for insn in program.insns}
    where = "XDP" if hook in XDPS else "tc ingress"
    free = f"section {program.section} names no hook: program {program.name} is taken for one at {where}"
    constants = any((insn.map or "").startswith(".rodata") for insn in program.insns)
    told = {
        _TAGS: hook in XDPS,
        WHERE_HEADERS_LIE: hook in EGRESS,
        _SUMS: _L4_CSUM_REPLACE in helpers,
        _FOLDED: _CSUM_DIFF in helpers,
        _OFFLOADS: not helpers.isdisjoint(_TELL_OFFLOADS),
        _WOKEN: not helpers.isdisjoint(_WAKE),
        _CONSTANTS: constants,
        **dict.fromkeys(arrays, True),
        free: program.names_no_hook,
    }
    return (_LINEAR, _PORTS, *(note for note, holds in told.items() if holds))


def _passes(obj: BpfObject, program: BpfProgram, hook: HookName, shortest: int, *, tagless: bool) -> Passes | None:
    """What is known of an object whose packets come back."""
    item = carried_by(obj, program)
    if item is None:
        return None
    if hook not in ("tc", "tcx", "xdp"):
        raise Unsupported("packets that come back where they did not come in", program.place(0, obj.name))
    called = (obj.map(ARRAY).programs or {})[0]
    return Passes(hook, called, item, shortest, tagless)
