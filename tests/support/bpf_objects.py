"""eBPF objects for tests: random ones, and ones that clang makes where there is a clang."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from hypothesis import strategies as st

from p4verify.targets.ebpf.artifact import Assembler, BpfObject, BpfProgram, Field, Function, Insn, Line, MapDef, asm
from p4verify.targets.ebpf.artifact.asm import FP, R0, R1, R2, R6

C_SOURCE = r"""
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
struct route { __u32 plen; __u8 ip[4]; };
struct entry { __u16 port; __u16 pad; __u8 mac[6]; };
struct { __uint(type, BPF_MAP_TYPE_LPM_TRIE); __uint(max_entries, 64); __uint(map_flags, BPF_F_NO_PREALLOC);
         __type(key, struct route); __type(value, __u32); } routes SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, __u32); __type(value, __u64); }
    counts SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 64); __type(key, __u32); __type(value, struct entry); }
    hosts SEC(".maps");
const volatile __u32 table[8] = {1, 2, 3, 4, 5, 6, 7, 8};
__u64 total;
int start = 7;
static __attribute__((noinline)) int leaf(int a) { total += a; return a * 3 + start; }
static __attribute__((noinline)) int middle(struct __sk_buff *s, int a) { return leaf(a + 1) ^ s->len; }
__attribute__((noinline)) int global(int x) { return leaf(x) + 5; }
SEC("tc") int classify(struct __sk_buff *skb) {
  void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
  if (data + 34 > end) return TC_ACT_SHOT;
  struct route key = { .plen = 32 };
  __builtin_memcpy(key.ip, data + 30, 4);
  __u32 *mark = bpf_map_lookup_elem(&routes, &key), zero = 0;
  __u64 *count = bpf_map_lookup_elem(&counts, &zero);
  if (count) __sync_fetch_and_add(count, 1);
  if (!mark) return TC_ACT_SHOT;
  skb->mark = *mark;
  ((__u8 *)data)[22]--;
  return TC_ACT_OK;
}
SEC("tc") int calls(struct __sk_buff *s) {
  __u32 key = s->mark;
  struct entry *found = bpf_map_lookup_elem(&hosts, &key);
  if (!found) return TC_ACT_SHOT;
  return middle(s, found->port) + table[s->mark & 7];
}
SEC("tc") int both(struct __sk_buff *s) { return global(s->len) & leaf(4); }
SEC("xdp") int first(struct xdp_md *x) {
  void *data = (void *)(long)x->data, *end = (void *)(long)x->data_end;
  if (data + 14 > end) return XDP_DROP;
  return ((__u8 *)data)[0] & 1 ? XDP_DROP : XDP_PASS;
}
char _license[] SEC("license") = "Dual BSD/GPL";
"""


def compiled(folder: Path, source: str = C_SOURCE) -> bytes | None:
    """What clang makes of ``source``; None where there is no clang (or none with libbpf's headers)."""
    clang = shutil.which("clang")
    headers = next(Path("/usr/include").glob("*-linux-gnu/asm"), None)
    if clang is None or headers is None or not Path("/usr/include/bpf/bpf_helpers.h").exists():
        return None
    made, source_file = folder / "made.o", folder / "made.c"
    source_file.write_text(source)
    command = [clang, "-O2", "-g", "-target", "bpf", f"-I{headers.parent}", "-c", str(source_file), "-o", str(made)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return made.read_bytes()


def small_object() -> BpfObject:
    """An object with everything in it: two sections, functions, maps with fields, global data, lines, a note."""
    main = Assembler()
    first, second = main.label(), main.label()
    main.emit(asm.mov(R6, R1), asm.store(4, FP, -4, 1), asm.load_map(R1, "hosts"), asm.mov(R2, FP))
    main.emit(asm.alu("add", R2, -4), asm.call(1), asm.mov(R1, 3))
    main.call(first)
    main.emit(asm.load_map_value(R1, ".rodata", 4), asm.load(4, R1, R1), asm.alu("and", R0, 0), asm.exit_())
    main.place(first)
    main.emit(asm.mov(R1, 4))
    main.call(second)
    main.emit(asm.exit_())
    main.place(second)
    main.emit(asm.mov(R0, R1), asm.load_imm64(R1, 1 << 40), asm.exit_())
    maps = (
        MapDef("hosts", "hash", 4, 12, 64, 0, None, (Field("port", 0, 2), Field("mac", 4, 6))),
        MapDef("routes", "lpm_trie", 8, 4, 32, 1),
        MapDef("cells", "array", 4, 8, 3),
        MapDef(".rodata", "array", 4, 8, 1, 128, data=b"\1\0\0\0\2\0\0\0"),
    )
    functions = (Function("helper_one", 14), Function("helper_two", 17))
    lines = (Line(0, "prog.p4", 3, 5, "apply {"), Line(14, "prog.p4", 9, 1, "one"), Line(17, "prog.p4", 12, 0, "two"))
    programs = (
        BpfProgram("entry", "tc", main.finish(), functions, lines),
        BpfProgram("other", "xdp", (asm.mov(R0, 2), asm.exit_())),
    )
    return BpfObject(programs, maps, "GPL", {".p4verify": b"note \0\1"}, "small.o")


_NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,11}", fullmatch=True)
_REGISTERS = st.integers(0, 10).map(asm.Reg)
_PLAIN = st.one_of(
    st.builds(asm.mov, _REGISTERS, st.integers(-(1 << 31), (1 << 31) - 1)),
    st.builds(asm.load_imm64, _REGISTERS, st.integers(0, (1 << 64) - 1)),
    st.builds(asm.load, st.sampled_from((1, 2, 4, 8)), _REGISTERS, _REGISTERS, st.integers(-(1 << 15), (1 << 15) - 1)),
    st.builds(asm.call, st.integers(1, 200)),
)
INSNS = st.one_of(
    _PLAIN,
    st.builds(
        Insn,
        st.integers(0, 255).filter(lambda op: op != 0x18),
        st.integers(0, 15),
        st.integers(0, 15),
        st.integers(-(1 << 15), (1 << 15) - 1),
        st.integers(-(1 << 31), (1 << 31) - 1),
    ),
)
"""Any instructions that refer to nothing."""


@st.composite
def _maps(draw: st.DrawFn, name: str) -> MapDef:
    kind = draw(st.sampled_from(("hash", "array", "lpm_trie", "percpu_array", "lru_hash")))
    key = 4 if "array" in kind else draw(st.integers(5, 40))
    value = draw(st.integers(1, 60))
    fields = None
    if draw(st.booleans()):
        at = sorted(draw(st.sets(st.integers(0, value - 1), min_size=1, max_size=4)))
        ends = [*at[1:], value]
        fields = tuple(Field(f"f{i}", a, e - a) for i, (a, e) in enumerate(zip(at, ends, strict=True)))
    return MapDef(name, kind, key, value, draw(st.integers(1, 1 << 20)), draw(st.sampled_from((0, 1))), None, fields)


@st.composite
def objects(draw: st.DrawFn) -> BpfObject:
    """Objects as a file keeps them: programs of one section together, global data behind the maps."""
    names = draw(st.lists(_NAMES, min_size=2, max_size=7, unique=True))
    cut = draw(st.integers(1, len(names) - 1))
    maps = [draw(_maps(name)) for name in names[cut:]]
    if draw(st.booleans()):
        data = draw(st.binary(min_size=1, max_size=20))
        maps.append(MapDef(".data", "array", 4, len(data), 1, data=data))
    loads = [asm.load_map(R1, m.name) if m.data is None else asm.load_map_value(R1, m.name, 0) for m in maps]
    sections = sorted(draw(st.lists(st.sampled_from(("classifier", "tc", "xdp")), min_size=cut, max_size=cut)))
    plain = _PLAIN if not loads else st.one_of(_PLAIN, st.sampled_from(loads))
    programs = [
        BpfProgram(name, section, tuple(draw(st.lists(plain, min_size=1, max_size=8))))
        for name, section in zip(names[:cut], sections, strict=True)
    ]
    extra = draw(st.dictionaries(_NAMES.map(lambda n: ".x" + n), st.binary(max_size=30), max_size=2))
    return BpfObject(tuple(programs), tuple(maps), draw(st.sampled_from(("GPL", "Dual BSD/GPL", ""))), extra)
