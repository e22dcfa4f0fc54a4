"""The target ``ebpf``: the rooms of this folder as one machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from ...semantics.bits import Term, Value
from ...semantics.ir import Program
from ...semantics.meaning.behaviour import Behaviour
from ...semantics.rules.ruleset import RuleSet
from ..base import Oracle, Relation
from .artifact import BpfObject

P4AST: Final = ".p4ast"
"""The section of an object file that holds the p4ast of the program that its code does; loaders pass it over."""


class EbpfTarget:
    """eBPF bytecode at a tc or XDP hook."""

    name: Final = "ebpf"
    summary: Final = "eBPF bytecode for the kernel's tc (default) or XDP hook (option hook=xdp), tables in maps"
    holds_tables: Final = True

    def limits(self) -> Sequence[str]:
        """What can be expressed and what cannot."""
        from .lower import LIMITS

        return LIMITS

    def lower(self, program: Program, rules: RuleSet | None, options: Mapping[str, str]) -> BpfObject:
        """See :func:`.lower.lower`."""
        from .lower import lower

        return lower(program, rules, options)

    def port0(self, artifact: BpfObject) -> int:
        """See :class:`...base.TellsPortUse`."""
        from .artifact.ports import port0

        return port0(artifact)

    def plainly_ignores_port(self, artifact: BpfObject) -> bool:
        """See :class:`...base.TellsPortUse`."""
        from .artifact.ports import plainly_ignores_port

        return plainly_ignores_port(artifact)

    def returning(self, program: Program) -> tuple[int, ...]:
        """See :func:`.artifact.ports.returning`."""
        from .artifact.ports import returning

        return returning(program.arch)

    def padded_to(self, artifact: BpfObject) -> int | None:
        """See :class:`...base.PadsFrames`."""
        from .artifact.shortest import declared

        return declared(artifact)

    def read(self, data: bytes, name: str) -> BpfObject:
        """A relocatable ELF object."""
        from .artifact import read_elf

        return read_elf(data, name)

    def recognises(self, data: bytes) -> bool:
        """Whether the content is an ELF file."""
        return data[:4] == b"\x7fELF"

    def write(self, artifact: BpfObject, form: str | None = None) -> bytes:
        """A relocatable ELF object as libbpf and bpftool load it. Raises ValueError for any other form."""
        from .artifact import write_elf

        if form not in (None, "elf"):
            raise ValueError(f"ebpf has no form '{form}' (only elf)")
        return write_elf(artifact)

    def meaning(self, artifact: BpfObject) -> Behaviour:
        """See :func:`.meaning.meaning`."""
        from .meaning import meaning

        return meaning(artifact)

    def meaning_in_part(self, artifact: BpfObject) -> Behaviour:
        """See :class:`..base.MeansInPart`."""
        from .meaning import meaning

        return meaning(artifact, in_part=True)

    def apart(self, artifact: BpfObject) -> Mapping[str, BpfObject]:
        """See :meth:`.artifact.BpfObject.apart`."""
        return artifact.apart()

    def behaviours(self, first: BpfObject, second: BpfObject) -> tuple[Behaviour, Behaviour]:
        """See :func:`.pairing.behaviours`."""
        from .pairing import behaviours

        return behaviours(first, second)

    def unlike_at_first(self, first: BpfObject, second: BpfObject) -> str | None:
        """See :func:`.at_first.unlike_at_first`."""
        from .at_first import unlike_at_first

        return unlike_at_first(first, second)

    def as_compared(self, first: BpfObject, second: BpfObject) -> tuple[BpfObject, BpfObject]:
        """See :func:`.pairing.as_compared`."""
        from .pairing import as_compared

        return as_compared(first, second)

    def contents(
        self,
        artifact: BpfObject,
        terms: Sequence[Term],
        values: Mapping[str, Value],
        functions: Mapping[str, Callable[..., int]],
    ) -> Mapping[str, Sequence[tuple[bytes, bytes]]]:
        """See :func:`.pairing.contents`."""
        from .pairing import contents

        return contents(artifact, terms, values, functions)

    def with_program(self, artifact: BpfObject, p4ast: bytes) -> BpfObject:
        """The object with p4ast in section :data:`P4AST`."""
        return replace(artifact, sections={**artifact.sections, P4AST: p4ast})

    def program_in(self, artifact: BpfObject) -> bytes | None:
        """What section :data:`P4AST` holds."""
        return artifact.sections.get(P4AST)

    def with_source(self, artifact: BpfObject, text: Callable[[str, int], str]) -> BpfObject:
        """The object with the text of the lines in its line information, where that has none."""
        programs = tuple(
            replace(p, lines=tuple(replace(i, text=i.text or text(i.file, i.line)) for i in p.lines))
            for p in artifact.programs
        )
        return replace(artifact, programs=programs)

    def with_mapping(self, artifact: BpfObject, program: Program, text: str, file: str) -> BpfObject:
        """See :mod:`.mapping_file`."""
        from .mapping import mapped
        from .mapping_file import read_mapping

        return mapped(artifact, read_mapping(text, file, program, artifact))

    def relate(self, program: Program, artifact: BpfObject, rules: RuleSet | None) -> Relation:
        """By the artifact's mapping or a known compiler's names (:mod:`.mapped`), else :func:`.relate.relate`."""
        from .mapped import mapping_of, relate_mapped
        from .relate import relate

        mapping = mapping_of(program, artifact)
        return relate(program, artifact, rules) if mapping is None else relate_mapped(program, mapping, rules)

    def compiled_in(self, program: Program, artifact: BpfObject, rules: RuleSet) -> frozenset[str]:
        """See :class:`...base.CompilesIn`."""
        from .layout import layouts
        from .mapped import mapping_of

        if mapping_of(program, artifact) is not None:
            return frozenset()
        there = layouts(program, rules, {item.name for item in artifact.maps})
        return frozenset(name for name, one in there.items() if one.baked is not None and not one.table.const_entries)

    def fill(
        self, program: Program, artifact: BpfObject, rules: RuleSet
    ) -> Mapping[str, Sequence[tuple[bytes, bytes]]]:
        """Map name → entries (key, value), as :meth:`.oracle` takes them, for the maps that the object has."""
        from .fillup import fill_maps
        from .fillup_counters import counter_elements
        from .mapped import fill_mapped, mapping_of
        from .replicas import fill_groups

        mapping = mapping_of(program, artifact)
        if mapping is not None:
            return fill_mapped(program, mapping, rules)
        have = {item.name for item in artifact.maps}
        filled = fill_maps(program, rules, have) | counter_elements(program, rules, have) | fill_groups(rules)
        return {name: entries for name, entries in filled.items() if name in have}

    def at_first(self, program: Program, artifact: BpfObject) -> Mapping[str, Sequence[tuple[bytes, bytes]]]:
        """See :class:`..base.StartsState`: as :meth:`fill`, of our own objects."""
        from .fillup_registers import initial_elements
        from .mapped import mapping_of

        if mapping_of(program, artifact) is not None:
            return {}
        return initial_elements(program, {item.name for item in artifact.maps})

    def cell(self, program: Program, artifact: BpfObject, state: Any, name: str, index: int) -> int | None:
        """See :class:`..base.KeepsCells`."""
        from .cells_of_state import cell

        return cell(program, artifact, state or {}, name, index)

    def with_cell(self, program: Program, artifact: BpfObject, state: Any, name: str, index: int, value: int) -> Any:
        """See :class:`..base.KeepsCells`."""
        from .cells_of_state import with_cell

        return with_cell(program, artifact, state or {}, name, index, value)

    def check_room(self, program: Program, artifact: BpfObject, rules: RuleSet) -> None:
        """See :class:`..base.HasRoom`. Of rules that are not put into maps nothing is said here."""
        from ...semantics.source import Unsupported
        from .room import check_room

        try:
            filled = self.fill(program, artifact, rules)
        except Unsupported:
            return
        check_room(artifact, rules, filled)

    def install(self, artifact: BpfObject, tables: Mapping[str, Sequence[tuple[bytes, bytes]]], device: str) -> None:
        """See :func:`.install.install`."""
        from .install import install

        install(artifact, tables, device)

    def remove(self, device: str, options: Mapping[str, str]) -> None:
        """See :func:`.install.remove`; option ``hook`` as for :meth:`lower`."""
        from .install import remove
        from .lower import checked_hook

        remove(device, checked_hook(options))

    def oracle(self) -> Oracle | None:
        """The running kernel."""
        from .oracle import KernelOracle

        return KernelOracle()


TARGET: Final = EbpfTarget()
