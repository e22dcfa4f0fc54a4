"""Object files: written, read, damaged; and compared with what others make of them."""

from __future__ import annotations

import io
import random
from dataclasses import replace
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given, settings

from p4verify.checks import Checker
from p4verify.one_by_one import one_by_one
from p4verify.proofs.verdict import Verdict
from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.ebpf.artifact import BpfObject, BpfProgram, Field, Function, MapDef, asm, read_elf, write_elf
from p4verify.targets.ebpf.artifact.asm import R0
from p4verify.targets.ebpf.artifact.insn import encode
from p4verify.targets.ebpf.meaning import meaning
from p4verify.targets.ebpf.target import TARGET
from tests.support import bpf_suite, bpftool
from tests.support.bpf_objects import C_SOURCE, compiled, objects, small_object
from tests.support.machines import needs_clang


@pytest.fixture(scope="module")
def from_clang(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    made = compiled(tmp_path_factory.mktemp("clang"))
    if made is None:
        pytest.skip("no clang with libbpf's headers")
    return made


@given(objects())
@settings(max_examples=150)
def test_reading_gives_back_what_was_written(obj: BpfObject) -> None:
    data = write_elf(obj)
    assert read_elf(data, "x.o") == obj
    assert write_elf(read_elf(data, "x.o")) == data


def test_everything_in_one_object() -> None:
    obj = small_object()
    again = read_elf(write_elf(obj), "small.o")
    assert again == obj
    assert str(again.program("entry").place(15)) == "prog.p4:9:1"
    assert again.program("xdp").hook == "xdp"


def test_what_clang_made(from_clang: bytes) -> None:
    obj = read_elf(from_clang, "made.o")
    assert [(p.name, p.section) for p in obj.programs] == [
        ("classify", "tc"), ("calls", "tc"), ("both", "tc"), ("first", "xdp"),
    ]  # fmt: skip
    maps = {m.name: m for m in obj.maps}
    assert set(maps) == {"routes", "counts", "hosts", ".rodata", ".data", ".bss"}
    assert maps["routes"].key_fields == (Field("plen", 0, 4), Field("ip", 4, 4))
    assert (maps["routes"].type, maps["routes"].flags, maps["routes"].max_entries) == ("lpm_trie", 1, 64)
    assert maps["hosts"].value_fields == (Field("port", 0, 2), Field("pad", 2, 2), Field("mac", 4, 6))
    assert maps[".rodata"].data == b"".join(n.to_bytes(4, "little") for n in range(1, 9))
    assert [f.name for f in obj.program("calls").functions] == ["middle", "leaf"]
    assert obj.license == "Dual BSD/GPL"
    assert obj.program("classify").lines[0].file.endswith("made.c")
    assert read_elf(write_elf(obj), "again.o") == obj


def test_sections_and_symbols_as_pyelftools_reads_them() -> None:
    file = ELFFile(io.BytesIO(write_elf(small_object())))
    assert (file["e_machine"], file["e_type"], file.elfclass, file.little_endian) == ("EM_BPF", "ET_REL", 64, True)
    names = [s.name for s in file.iter_sections()]
    for name in ("tc", "xdp", ".text", ".maps", ".rodata", "license", ".BTF", ".BTF.ext", ".p4verify", ".reltc"):
        assert names.count(name) == 1
    symbols = {s.name: s for s in file.get_section_by_name(".symtab").iter_symbols() if s.name}
    assert symbols["entry"]["st_info"]["type"] == "STT_FUNC"
    assert symbols["entry"]["st_size"] == 8 * 14
    assert symbols["hosts"]["st_info"]["type"] == "STT_OBJECT"
    assert file.get_section_by_name("license").data() == b"GPL\0"
    relocated = [r["r_offset"] for r in file.get_section_by_name(".reltc").iter_relocations()]
    assert relocated == [8 * 2, 8 * 8, 8 * 9]


def test_every_cut_gives_one_error() -> None:
    data = write_elf(small_object())
    for length in range(0, len(data), 3):
        with pytest.raises(InputError) as caught:
            read_elf(data[:length], "cut.o")
        assert len(caught.value.diagnostics) == 1
        assert caught.value.diagnostics[0].span.file == "cut.o"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"\x7fELF", "ELF header"),
        (b"\x00" * 200, "not an ELF object file"),
        (b"#include <linux/bpf.h>\n" * 9, "not an ELF object file"),
        (b"\x7fELF\x01" + bytes(100), "64-bit"),
        (b"\x7fELF\x02\x02" + bytes(100), "little-endian"),
        (b"\x7fELF\x02\x01" + bytes(12) + b"\x3e\0" + bytes(100), "machine 62"),
    ],
)
def test_other_files_are_named(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_elf(data, "x.o")


def test_damaged_files_never_do_worse_than_an_error() -> None:
    whole, rng = write_elf(small_object()), random.Random(5)
    for _ in range(3000):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 1, 2, 6))):
            data[rng.randrange(len(data))] = rng.choice((0, 1, 255, rng.randrange(256)))
        said = ""
        try:
            read_elf(bytes(data), "bad.o")
        except (InputError, Unsupported) as error:
            said = str(error)
        assert not said or said.startswith("bad.o")


ONE = (asm.mov(R0, 0), asm.exit_())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"programs": (BpfProgram("a.b", "tc", ONE),)}, "no C identifier"),
        ({"programs": (BpfProgram("a", "tc", ONE), BpfProgram("a", "xdp", ONE))}, "occurs twice"),
        ({"programs": (BpfProgram("a", ".text", ONE),)}, "taken by the format"),
        ({"programs": (BpfProgram("a", "tc", (asm.load_map(R0, "m"),)),)}, "no map m"),
        ({"programs": (BpfProgram("a", "tc", (asm.call_local(5), *ONE)),)}, "into the middle"),
        ({"programs": (BpfProgram("a", "tc", ONE, (Function("f", 9),)),)}, "do not start at instructions"),
        ({"maps": (MapDef("m", "array", 4, 4, 1, data=b"\0\0\0\0"),)}, "named after its section"),
        ({"maps": (MapDef("m", "hash", 4, 4, 1, 0, None, (Field("f", 2, 4),)),)}, "reaches past"),
        ({"sections": {".BTF": b""}}, "taken by the format"),
    ],
)
def test_what_a_file_cannot_say(change: dict[str, object], message: str) -> None:
    obj = replace(BpfObject((BpfProgram("a", "tc", ONE),)), **change)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message):
        write_elf(obj)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("__uint(max_entries, 4);", "__uint(max_entries, 4); __uint(map_extra, 1);", "map_extra"),
        ("return leaf(x) + 5;", "return (long)&total + leaf(x) + bpf_ktime_get_ns();", None),
        ("int start = 7;", "int start = 7; extern int nowhere;", None),
        ("int start = 7;", "int start = 7; int *there = &start;", "addresses"),
    ],
)
def test_what_libbpf_offers_and_this_reader_does_not(tmp_path: Path, old: str, new: str, message: str | None) -> None:
    data = compiled(tmp_path, C_SOURCE.replace(old, new))
    if data is None:
        pytest.skip("no clang with libbpf's headers")
    if message is None:
        read_elf(data, "made.o")
    else:
        with pytest.raises(Unsupported, match=message):
            read_elf(data, "made.o")


KERNELS = """
#define SEC(name) __attribute__((section(name), used))
extern int nowhere(int) SEC(".ksyms");
extern int bpf_p4tc_f(int) SEC(".ksyms");
extern const int somewhere SEC(".ksyms");
struct __sk_buff { unsigned len; };
SEC("kprobe/nothing") int watches(void *regs) { return nowhere(1); }
SEC("tc") int calls(struct __sk_buff *skb) { return skb->len > 99 ? nowhere(1) : 0; }
SEC("tc") int asks(struct __sk_buff *skb) { return bpf_p4tc_f(1); }
SEC("tc") int refers(struct __sk_buff *skb) { return *(volatile int *)&somewhere; }
SEC("tc") int drops(struct __sk_buff *skb) { return skb->len > 99 ? 2 : 0; }
SEC("xdp") int lives(void *context) { return %d; }
"""


@needs_clang
def test_what_only_the_kernel_tells_stops_the_programs_that_ask_for_it() -> None:
    """One object often holds programs of several hooks: what one of them needs is nothing to the others."""
    obj = bpf_suite.read_text(KERNELS % 2)
    for name, said in (
        ("calls", r"calls nowhere, which .* \(kfuncs\) are not modelled$"),
        ("asks", "bpf_p4tc_f.*P4TC's tables"),
        ("refers", "refers to somewhere, which the object does not define"),
    ):
        with pytest.raises(Unsupported, match=rf"program {name}, instruction \d+: .*{said}"):
            meaning(obj, name)
    assert meaning(obj, "drops").cases
    in_part = meaning(obj, "calls", in_part=True)
    assert in_part.faults
    assert all(fault.unsaid for fault in in_part.faults)
    for program in obj.programs:
        if any(insn.asks for insn in program.insns):
            with pytest.raises(ValueError, match=r"nowhere|bpf_p4tc_f|somewhere"):
                encode(program.insns)
    with pytest.raises(ValueError, match="nowhere"):
        write_elf(obj)


@needs_clang
def test_an_object_with_kernel_functions_is_compared_program_by_program() -> None:
    one, other = ((TARGET, bpf_suite.read_text(KERNELS % code), f"{code}.o") for code in (2, 1))
    verdicts = {result.target.split()[-1]: result.verdict for result in one_by_one(Checker(None), one, other)}
    assert verdicts == {
        "watches": Verdict.UNSUPPORTED, "calls": Verdict.UNSUPPORTED, "asks": Verdict.UNSUPPORTED,
        "refers": Verdict.UNSUPPORTED, "drops": Verdict.ACCEPT, "lives": Verdict.REJECT,
    }  # fmt: skip


@pytest.mark.oracle
def test_bpftool_loads_what_is_written(tmp_path: Path, kernel_oracle: object, from_clang: bytes) -> None:
    """libbpf and the kernel take our files: with maps, functions, global data and lines."""
    for number, obj in enumerate((small_object(), read_elf(from_clang, "made.o"))):
        path = tmp_path / f"{number}.o"
        path.write_bytes(write_elf(obj))
        assert set(bpftool.loaded(path, tmp_path / f"fs{number}").split()) == {p.name for p in obj.programs}


OLD_MAPS = """
#define SEC(name) __attribute__((section(name), used))
struct map { unsigned type, key, value, entries, flags, id, pinning, inner_id, inner_index, more; };
struct map kept SEC("maps") = { .type = %d, .key = 4, .value = 4, .entries = 8, %s };
static void *(*lookup)(void *, void *) = (void *)1;
SEC("xdp") int program(void *context) { int key = 1; return lookup(&kept, &key) ? 2 : 1; }
"""


@needs_clang
def test_where_an_old_map_is_kept_is_nothing_to_packets() -> None:
    """``struct bpf_elf_map`` says it in three words more; of a map of maps one of them says what is in it."""
    (kept,) = bpf_suite.read_text(OLD_MAPS % (1, ".id = 3, .pinning = 2")).maps
    assert (kept.name, kept.type, kept.key_size, kept.value_size, kept.max_entries) == ("kept", "hash", 4, 4, 8)
    for kind, more in ((12, ".inner_id = 3"), (1, ".more = 1")):
        with pytest.raises(Unsupported, match="map kept has more than type, sizes, entries and flags"):
            bpf_suite.read_text(OLD_MAPS % (kind, more))


@needs_clang
def test_a_type_of_a_map_that_is_only_declared_is_named() -> None:
    """clang leaves out what only an inner map's pointers lead to; libbpf makes no such map, either."""
    text = """
    #include <linux/bpf.h>
    #include <bpf/bpf_helpers.h>
    struct number { __u32 low, high; };
    struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 4); __type(key, __u32);
      __array(values, struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 4); __type(key, struct number);
                               __type(value, __u64); }); } all SEC(".maps");
    SEC("tc") int program(struct __sk_buff *skb) { return bpf_map_lookup_elem(&all, &(int){ 0 }) ? 0 : 2; }
    """
    with pytest.raises(InputError, match=r"a type that is only declared \(number\) has no size"):
        bpf_suite.read_text(text)
