"""Queues and stacks, sockets, SYN cookies, congestion marks: what the meaning says, and what this kernel does."""

from __future__ import annotations

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics.source import Unsupported
from p4verify.targets.ebpf.artifact import BpfObject, BpfProgram, Insn, MapDef, asm
from p4verify.targets.ebpf.artifact.asm import FP, R0, R1, R2, R3, R6, R7
from p4verify.targets.ebpf.meaning import meaning
from p4verify.targets.ebpf.oracle import KernelMap, KernelOracle, KernelProgram
from p4verify.targets.ebpf.target import TARGET
from tests.support import bpf_suite
from tests.support.bpf_compare import difference, evaluated
from tests.support.machines import needs_clang

ADDRESSES = bytes(range(12))
PASS = (asm.mov(R0, 0), asm.exit_())
PUSH, POP, PEEK, ECN_SET_CE, ADJUST_TAIL = 87, 88, 89, 97, 65


def tc(*insns: Insn, maps: tuple[MapDef, ...] = (), section: str = "tc") -> BpfObject:
    return BpfObject((BpfProgram("test", section, insns),), maps, name="test.o")


# --- queues and stacks --------------------------------------------------------------------------------------------


def queue(kind: str = "queue") -> MapDef:
    return MapDef("waiting", kind, 0, 4, 1)


def on_queue(helper: int, flags: int = 0) -> tuple[Insn, ...]:
    """An operation with the four bytes at the stack's top."""
    return asm.load_map(R1, "waiting"), asm.mov(R2, FP), asm.alu("add", R2, -4), asm.mov(R3, flags), asm.call(helper)


OPERATIONS = {
    "none to take": ((POP, 0),),
    "none to read": ((PEEK, 0),),
    "no room": ((PUSH, 0), (PUSH, 0)),
    "room made": ((PUSH, 0), (PUSH, 2)),
    "flags that there are not": ((PUSH, 1),),
    "more of them": ((PUSH, 6),),
}


@pytest.mark.oracle
@pytest.mark.parametrize("kind", ["queue", "stack"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_what_a_queue_answers(name: str, kind: str, kernel_oracle: KernelOracle) -> None:
    """The mark: the last answer's low byte, and the lower half of the bytes that were given above it."""
    done = tuple(insn for operation in OPERATIONS[name] for insn in on_queue(*operation))
    code = (
        asm.mov(R6, R1), asm.store(4, FP, -4, 0x1234), *done, asm.load(4, R7, FP, -4),
        asm.alu("lsh", R7, 8), asm.alu("and", R0, 0xFF), asm.alu("or", R7, R0), asm.store(4, R6, 8, R7), *PASS,
    )  # fmt: skip
    frame = ADDRESSES + bytes(40)
    with KernelMap(queue(kind)) as held, KernelProgram("tc", code, {"waiting": held}) as program:
        seen = int.from_bytes(program.test_run(frame, bytes(192), 192).context[8:12], "little")
    told = tc(*code, maps=(queue(kind),))
    assert evaluated(meaning(told), told, {}, 3, frame).metadata.get("mark", 0) == seen


QUEUE = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct { __uint(type, BPF_MAP_TYPE_%s); __uint(max_entries, 8); __type(value, __u32); } waiting SEC(".maps");
SEC("tc") int program(struct __sk_buff *skb) {
  __u32 value = skb->len, found = 0;
  %s
}
"""
KEEP = """if (!bpf_map_pop_elem(&waiting, &found)) skb->mark = found;
return bpf_map_push_elem(&waiting, &value, 0) ? 2 : 0;"""
ALIKE = """if (bpf_map_pop_elem(&waiting, &found) == 0) { skb->mark = found; }
if (bpf_map_push_elem(&waiting, &value, 0)) return 2;
return 0;"""
OTHERS = (
    KEEP.replace("pop", "peek"),
    KEEP.replace("&value, 0", "&value, BPF_EXIST"),
    KEEP.replace("&value, 0", "&found, 0"),
    KEEP.replace("? 2 : 0", "? 0 : 2"),
    "bpf_map_push_elem(&waiting, &value, 0); if (!bpf_map_pop_elem(&waiting, &found)) skb->mark = found; return 0;",
    KEEP.replace("return bpf", "if (skb->len > 99) bpf_map_pop_elem(&waiting, &found); return bpf"),
)


def verdict(first: BpfObject, second: BpfObject) -> Verdict:
    return Checker(None).check_two((TARGET, first, "a"), (TARGET, second, "b")).verdict


@needs_clang
@pytest.mark.parametrize("kind", ["QUEUE", "STACK"])
def test_queues_are_left_alike(kind: str) -> None:
    kept = bpf_suite.read_text(QUEUE % (kind, KEEP))
    assert verdict(kept, bpf_suite.read_text(QUEUE % (kind, ALIKE), "-O1", "v1")) is Verdict.ACCEPT
    for other in OTHERS:
        assert verdict(kept, bpf_suite.read_text(QUEUE % (kind, other))) is Verdict.REJECT, other


# --- sockets ------------------------------------------------------------------------------------------------------

SOCKETS = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct {
  __uint(type, BPF_MAP_TYPE_SOCKMAP); __uint(max_entries, 8); __type(key, __u32); __type(value, __u64);
} servers SEC(".maps");
SEC("tc") int program(struct __sk_buff *skb) {
  struct bpf_sock_tuple tuple = {}; __u32 key = 1; long done;
  struct bpf_sock *sock; struct bpf_tcp_sock *tcp;
  void *data = (void *)(long)skb->data;
  if (data + 54 > (void *)(long)skb->data_end) return 0;
  __builtin_memcpy(&tuple.ipv4, data + 26, 12);
  %s
}
"""
ASSIGN = """sock = bpf_map_lookup_elem(&servers, &key);
if (!sock) return 2;
done = sock->state == BPF_TCP_LISTEN ? bpf_sk_assign(skb, sock, 0) : 1;
bpf_sk_release(sock);
return done ? 2 : 0;"""
ASKED = """sock = bpf_sk_lookup_tcp(skb, &tuple, 12, -1, 0);
if (!sock) return 0;
done = bpf_tcp_check_syncookie(sock, data + 14, 20, data + 34, 20);
skb->mark = bpf_tcp_gen_syncookie(sock, data + 14, 20, data + 34, 20);
bpf_sk_release(sock);
return done ? 2 : 0;"""
TOLD = """sock = bpf_sk_lookup_tcp(skb, &tuple, 12, -1, 0);
if (!sock) return 0;
struct bpf_sock *full = bpf_sk_fullsock(sock);
if (full && (tcp = bpf_tcp_sock(full))) skb->mark = tcp->snd_cwnd;
struct bpf_sock *listener = bpf_get_listener_sock(sock);
if (listener) skb->priority = listener->mark;
bpf_sk_release(sock);
return 0;"""


@needs_clang
@pytest.mark.parametrize(
    ("body", "changes"),
    [
        (ASSIGN, [("&key", "&tuple"), ("== BPF_TCP_LISTEN", "!= BPF_TCP_LISTEN"),
                  ("if (!sock) return 2", "if (!sock) return 0"), ("sock, 0) : 1", "sock, 0), 1 : 1")]),
        (ASKED, [("data + 34, 20)", "data + 34, 24)"), ("data + 14, 20", "data + 10, 20"), ("lookup_tcp", "lookup_udp"),
                 ("bpf_tcp_gen_syncookie(sock", "bpf_tcp_check_syncookie(sock")]),
        (TOLD, [("snd_cwnd", "snd_ssthresh"), ("full && (tcp = bpf_tcp_sock(full))", "(tcp = bpf_tcp_sock(sock))"),
                ("_sk_lookup", "_skc_lookup"), ("listener->mark", "sock->mark")]),
    ],
)  # fmt: skip
def test_what_is_done_with_sockets_is_compared(body: str, changes: list[tuple[str, str]]) -> None:
    first, alike = bpf_suite.read_text(SOCKETS % body), bpf_suite.read_text(SOCKETS % body, "-O1", "v1")
    assert verdict(first, alike) is Verdict.ACCEPT
    for old, new in changes:
        assert old in body
        assert verdict(first, bpf_suite.read_text(SOCKETS % body.replace(old, new))) is Verdict.REJECT, (old, new)


LOOKED_UP = """sock = bpf_sk_lookup_tcp(skb, &tuple, 12, %s, 0);
if (!sock) return 0;
bpf_sk_release(sock);
return 2;"""


@needs_clang
def test_the_own_network_namespace_has_many_numbers() -> None:
    """Those whose lower half is negative; compilers leave 32 bits of BPF_F_CURRENT_NETNS. Others have 31 bits."""
    own = bpf_suite.read_text(SOCKETS % LOOKED_UP % "BPF_F_CURRENT_NETNS")
    for number in ("0xffffffffULL", "0x780000000ULL"):
        assert verdict(own, bpf_suite.read_text(SOCKETS % LOOKED_UP % number)) is Verdict.ACCEPT, number
    for number in ("0", "0x7fffffff", "0x100000000ULL"):
        assert verdict(own, bpf_suite.read_text(SOCKETS % LOOKED_UP % number)) is Verdict.REJECT, number
    none = bpf_suite.read_text(SOCKETS % LOOKED_UP % "0x100000007ULL")
    assert verdict(none, bpf_suite.read_text(SOCKETS % LOOKED_UP % "0x200000000ULL")) is Verdict.ACCEPT


COOKIES = """
#include <linux/bpf.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <bpf/bpf_helpers.h>
SEC("xdp") int program(struct xdp_md *ctx) {
  void *data = (void *)(long)ctx->data;
  if (data + 80 > (void *)(long)ctx->data_end) return 1;
  %s
}
"""


@needs_clang
def test_cookies_without_sockets() -> None:
    four = "long c = bpf_tcp_raw_gen_syncookie_ipv4(data + 14, data + 34, 20); *(int *)data = c; "
    four += "return bpf_tcp_raw_check_syncookie_ipv4(data + 14, data + 34) ? 1 : 3;"
    first = bpf_suite.read_text(COOKIES % four)
    assert verdict(first, bpf_suite.read_text(COOKIES % four, "-O1", "v1")) is Verdict.ACCEPT
    for old, new in ((", 20)", ", 24)"), ("gen_syncookie_ipv4(data + 14", "gen_syncookie_ipv6((void *)data + 14"),
                     ("data + 34)", "data + 36)")):  # fmt: skip
        assert verdict(first, bpf_suite.read_text(COOKIES % four.replace(old, new))) is Verdict.REJECT, new
    wrong = bpf_suite.read_text(COOKIES % four.replace("data + 34, 20", "data + 34, 61"))
    with pytest.raises(Unsupported, match="a header of 61 bytes"):
        meaning(wrong)


# --- congestion marks ---------------------------------------------------------------------------------------------


def marking() -> BpfObject:
    """Marks a packet with what ``bpf_skb_ecn_set_ce`` answers."""
    return tc(asm.mov(R6, R1), asm.call(ECN_SET_CE), asm.alu("add", R0, 7), asm.store(4, R6, 8, R0), *PASS)


def ipv4(tos: int, checksum: int, more: int = 30) -> bytes:
    return b"\x08\x00\x45" + bytes([tos]) + bytes(8) + checksum.to_bytes(2, "big") + bytes(8 + more)


def ipv6(traffic_class: int) -> bytes:
    return b"\x86\xdd" + (0x6 << 28 | traffic_class << 20 | 0xABCDE).to_bytes(4, "big") + bytes(46)


FRAMES = [
    *(ADDRESSES + ipv4(tos, checksum) for tos in (*range(8), 0xFD) for checksum in (0, 1, 2, 0xFFFE, 0xFFFF, 0x1234)),
    *(ADDRESSES + ipv6(value) for value in (*range(5), 0xFE, 0xFC)),
    *(ADDRESSES + b"\x81\x00\x00\x05" + ipv4(tos, 0xABCD) for tos in range(4)),
    *(ADDRESSES + ipv4(1, 5, more)[: 2 + 20 + more] for more in (0, 1)),
    ADDRESSES + ipv4(2, 5, 0)[:-1], ADDRESSES + ipv6(2)[:41], ADDRESSES + b"\x88\xcc" + bytes(50),
    *(ADDRESSES + b"\x81\x00\x00\x05" * count + ipv4(2, 0xABCD, 60) for count in (2, 3, 7, 8, 9)),
    *(ADDRESSES + (b"\x81\x00\x00\x06" * 3 + ipv4(2, 0xABCD))[:size] for size in (16, 17, 18, 34, 60)),
]  # fmt: skip


@pytest.mark.oracle
def test_congestion_is_marked_as_on_the_kernel(kernel_oracle: KernelOracle) -> None:
    program = marking()
    found = meaning(program)
    seen = kernel_oracle.run(program, [(3, frame) for frame in FRAMES])
    for frame, observation in zip(FRAMES, seen, strict=True):
        assert difference(evaluated(found, program, {}, 3, frame), observation) is None, frame.hex()


# --- a packet's end ------------------------------------------------------------------------------------------------


def at_its_end(first: int, second: int) -> BpfObject:
    """At XDP: ``first`` bytes more where the first byte is 1, or else ``second``; goes back with what it is told."""
    return tc(
        asm.mov(R6, R1), asm.load(4, R2, R1, 0), asm.load(4, R3, R1, 4), asm.mov(R0, R2), asm.alu("add", R0, 14),
        asm.jump("jle", R0, R3, 2), *PASS, asm.load(1, R0, R2, 0), asm.mov(R2, second), asm.jump("jne", R0, 1, 1),
        asm.mov(R2, first), asm.mov(R1, R6), asm.call(ADJUST_TAIL), asm.jump("jeq", R0, 0, 2), asm.mov(R0, 3),
        asm.exit_(), asm.mov(R0, 2), asm.exit_(), section="xdp",
    )  # fmt: skip


@pytest.mark.oracle
@pytest.mark.parametrize(("first", "second"), [(8, -20), (70_000, -20), (70_000, 8), (-90, -20), (-(1 << 31), 4)])
def test_an_end_that_moves_either_way(first: int, second: int, kernel_oracle: KernelOracle) -> None:
    """None of the numbers is taken for one that it cannot be on a path, whatever its sign."""
    program = at_its_end(first, second)
    found = meaning(program)
    frames = [bytes([number]) + bytes(range(1, 80)) for number in (1, 2)]
    for frame, seen in zip(frames, kernel_oracle.run(program, [(3, frame) for frame in frames]), strict=True):
        assert difference(evaluated(found, program, {}, 3, frame), seen) is None, frame.hex()
