"""Whether the running kernel takes an object."""

from __future__ import annotations

from contextlib import ExitStack

from p4verify.targets.ebpf.artifact import BpfObject
from p4verify.targets.ebpf.oracle import KernelProgram, load_called, load_maps


def taken(made: BpfObject, hook: str) -> None:
    """Raises Refused if the kernel does not take the object."""
    with ExitStack() as stack:
        maps = load_maps(made, {}, stack)
        load_called(made, made.program(), hook, maps, stack)
        stack.enter_context(KernelProgram(hook, made.program().insns, maps))
