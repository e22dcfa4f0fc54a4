"""p4ast to eBPF bytecode, without a C compiler in between.

One pass generates the whole program in line; passes are repeated until it is known which fields are read, so that only
those are extracted and kept on the stack (:mod:`.frame`). Tables lie in maps that :mod:`..fillup` lays out.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final

from ....semantics import ir
from ....semantics.rules.ruleset import RuleSet
from ....semantics.source import NOWHERE, InputError
from ...base import CannotOffload
from ..artifact import Assembler, BpfObject, BpfProgram, passes, ports, untagged
from ..artifact.shortest import ETH_HLEN, ETH_ZLEN, section
from ..layout import layouts
from ..scratch import scratch_map
from . import externs as externs  # first: its tables name what others define, which have to be complete by then

# isort: split
from . import again, bpf_models, pna, psa, v1model
from .frame import STACK_BYTES, Frame, Full, Usage
from .gen import Forgets, Gen
from .hooks import Hook, TcHook, XdpHook
from .lines import source_lines
from .parse import UnboundedLoop
from .tidy import tidy

MAX_INSNS: Final = 1_000_000
"""Instructions that the kernel's verifier is willing to look at (BPF_COMPLEXITY_LIMIT_INSNS)."""

LIMITS: Final = (
    "architectures: ebpf_model, ubpf_model, xdp_model, v1model, PSA, PNA and P4TC's",
    "hooks: tc ingress (hook=tc), XDP (hook=xdp)",
    "PSA: what recirculates goes, without metadata, to the interface that is port 0xfffffffa (port0=7: the loopback)",
    "table keys: exact, lpm, ternary, range, optional; const entries are compiled in",
    "unless all keys are exact, or but one lpm: up to 64 given rules are compiled in, else 4096 words (64 rules, byte)",
    "division up to 64 bits; all other arithmetic, copies, comparisons, slices and concatenation of any width",
    "parser loops over header stacks; others for 64 turns, if 4096 pieces of code are enough for that (seldom proven)",
    "(frames that would go on are dropped); varbits and advances of up to 512 sizes; value sets of exact members",
    "loops of up to 512 turns in all; hashes of fields; of v1model's checksums also over payloads, with csum16",
    "v1model and PSA at tc: multicast and clones, to up to 8 members each, no clones of copies; metadata goes with",
    "v1model's clones (field lists); egress keeps no state for clones from it, or PSA's",
    "packets that come back: resubmitted (v1model, PSA), recirculated (v1model, PNA); up to 32 times, no copies",
    "PNA: packets come from the network; no tc_skb_metadata; mirror copies at tc, in slots that are constant",
    "PNA: add_entry to tables with exact keys, which are applied at one place",
    "meters read their colour from a map; direct ones of tables with exact keys, or but one lpm",
    "action selectors pick members as BMv2 does; of an algorithm that is the device's own, by the keys' first 8 bytes",
    "v1model: nothing waits before egress (queue depths and the time there are 0)",
    "digests of structs of up to 256 bytes, without varbits and stacks, by a ring buffer",
    "direct counters of tables without slots, to which the program adds no entries",
    "a frame that gets shorter keeps 14 bytes; option min_frame=60 takes all frames to have Ethernet's 60 bytes",
    "ports have the numbers of interfaces, or of interfaces from option port0 on",
    "at tc, where frames may go on to the stack (ubpf_model, xdp_model, P4TC): none gets shorter, and one that came",
    "with a VLAN tag keeps its outermost type (untagged=1: there are none)",
    "headers, metadata and locals that are read fit 32 KiB of scratch memory, beyond what fits the stack",
)

_KEPT: Final = (STACK_BYTES, STACK_BYTES // 2, 0)
"""Bytes of the stack that variables may take, in the order in which it is tried."""
_OPTIONS: Final = ("hook", "min_frame", "port0", "untagged")
_HOOKS: Final[dict[str, type[Hook]]] = {"tc": TcHook, "xdp": XdpHook}
_PIPELINES: Final = {
    "ebpf_model": bpf_models.ebpf_model,
    "ubpf_model": bpf_models.ubpf_model,
    "pna": pna.pna,
    "psa": psa.psa,
    "v1model": v1model.v1model,
    "xdp_model": bpf_models.xdp_model,
}


def lower(program: ir.Program, rules: RuleSet | None, options: Mapping[str, str]) -> BpfObject:
    """The object for a program.

    Args:
        program: of one of the architectures in :data:`LIMITS`.
        rules: compiled in where no map holds them (ternary, range and optional keys); the other tables are
            maps, which :func:`..fillup.fill_maps` fills.
        options: ``hook``: "tc" (default) or "xdp"; ``min_frame``: bytes that every frame has, from 14 (default, what
            any driver promises) to 60 (what Ethernet does, :mod:`..artifact.shortest`); ``port0``: the interface that
            is port 0 (default 0: ports have the interfaces' numbers, :mod:`..artifact.ports`); ``untagged``: 1 if no
            frames come in with a VLAN tag (default 0, :mod:`..artifact.untagged`).

    Raises:
        CannotOffload: the program needs what eBPF, or this lowering, cannot do; with the place.
        InputError: an option that does not exist.
    """
    name = checked_hook(options)
    shortest = _number(options, "min_frame", ETH_HLEN, ETH_ZLEN, ETH_HLEN)
    port0 = _number(options, "port0", 0, ports.LARGEST, 0)
    without_tags = bool(_number(options, "untagged", 0, 1, 0))
    pipeline = _PIPELINES.get(program.arch)
    if pipeline is None or program.main is None:
        raise CannotOffload(f"programs of architecture {program.arch} are not lowered to eBPF")
    try:
        g = _bounded(program, rules, _HOOKS[name](untagged=without_tags), pipeline, shortest, port0)
    except RecursionError:
        raise CannotOffload("an expression or statement is nested too deeply") from None
    insns = tidy(g.asm.finish())
    if len(insns) > MAX_INSNS:
        raise CannotOffload(f"{len(insns)} instructions are more than the kernel takes")
    name = passes.PASS if passes.ARRAY in g.maps else "p4_main"
    code = BpfProgram(name, g.hook.section, insns, lines=source_lines(insns))
    before = (again.entry(g.hook, g.maps[passes.CARRIED].value_size),) if name == passes.PASS else ()
    sections = section(shortest) | ports.section(port0) | untagged.section(without_tags)
    return BpfObject((*before, code), tuple(g.maps.values()), "GPL", sections, program.file)


def checked_hook(options: Mapping[str, str]) -> str:
    """The hook that the options name. Raises InputError for an option, or a hook, that does not exist."""
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown:
        raise InputError.at(NOWHERE, f"ebpf has no option {unknown[0]!r} (there are: {', '.join(_OPTIONS)})")
    name = options.get("hook", "tc")
    if name not in _HOOKS:
        raise InputError.at(NOWHERE, f"no hook {name!r} (there are: {', '.join(_HOOKS)})")
    return name


def _number(options: Mapping[str, str], name: str, least: int, most: int, default: int) -> int:
    text = options.get(name, str(default))
    if not text.isdigit() or not least <= int(text[:12]) <= most:
        raise InputError.at(NOWHERE, f"{name} is a number from {least} to {most}, not {text!r}")
    return int(text)


def _bounded(
    program: ir.Program, rules: RuleSet | None, hook: Hook, pipeline: Callable[[Gen], None], shortest: int, port0: int
) -> Gen:
    """The code; with parsers that know less of how they came somewhere where there are too many ways, and loops that
    are followed only so far where nothing else bounds them."""
    generate = partial(_generate, program, rules, hook, pipeline, shortest, port0)
    knowing: tuple[Forgets, ...] = ("nothing", "loops", "all")
    *others, last = itertools.product((False, True), knowing)
    for bounded, forgets in others:
        with suppress(UnboundedLoop):
            return generate(bounded=bounded, forgets=forgets)
    return generate(bounded=last[0], forgets=last[1])


def _generate(
    program: ir.Program,
    rules: RuleSet | None,
    hook: Hook,
    pipeline: Callable[[Gen], None],
    shortest: int,
    port0: int,
    *,
    bounded: bool,
    forgets: Forgets,
) -> Gen:
    """Passes until what is read does not change any more, then one whose stack is real."""
    live: frozenset[str] | None = None
    tables = layouts(program, rules)

    comes_back = True

    def once(unlimited: bool, kept: int = STACK_BYTES) -> Gen:
        code = Assembler()
        g = Gen(program, hook, tables, Usage(live), Frame(unlimited), code.label("drop"), code, shortest, port0)
        g.kept = kept
        g.bounded_loops, g.forgets = bounded, forgets
        g.comes_back = comes_back
        with code.at(program.package(program.main).span if program.main else NOWHERE):
            pipeline(g)
        return g

    while True:
        found = once(unlimited=True)
        read, back = frozenset(found.usage.loads), passes.ARRAY in found.maps
        if (read, back) == (live, comes_back):
            return _placed(lambda kept: once(unlimited=False, kept=kept))
        live, comes_back = read, back


def _placed(once: Callable[[int], Gen]) -> Gen:
    """The code with all variables on the stack, or as many as leave enough of it for all else that must lie there."""
    for kept in _KEPT:
        try:
            g = once(kept)
        except Full:
            if kept == _KEPT[-1]:
                raise
            continue
        if g.spills:
            item = scratch_map(g.scratch.deepest)
            g.maps[item.name] = item
        return g
    raise AssertionError


__all__ = ["LIMITS", "checked_hook", "lower"]
