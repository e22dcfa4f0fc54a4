"""``lower --install`` and ``--remove``, on devices of a private network namespace, seen by tc, ip and real frames."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from p4verify.targets.ebpf import pins
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.oracle.network import Network
from tests.support import bpftool
from tests.support.machines import require

from .conftest import Command, Ended

pytestmark = pytest.mark.oracle

IN, OUT = 5, 6
ARCHITECTURES = Path(__file__).resolve().parents[2] / "examples" / "architectures"
FLOW = "ff" * 6 + "0a" * 6 + "0800" + "4500002800000000401100000a0000010a000002" + "04d20035" + "00" * 24
"""UDP from 10.0.0.1 to 10.0.0.2, port 53."""


class Namespace:
    """A private network namespace with two taps, and commands run inside."""

    def __init__(self, p4verify: Command) -> None:
        self._network = Network()
        self._command = p4verify
        for port in (IN, OUT):
            self._network.tap(port)
            self.sh(f"tc qdisc del dev t{port} clsact")

    def inside(self, work: Callable[[], Ended]) -> Ended:
        """Run ``work`` in the namespace."""
        out: list[Ended] = []
        self._network.inside(lambda: out.append(work()))
        return out[0]

    def lower(self, *arguments: object) -> Ended:
        """``p4verify lower ARGUMENTS``, as a caller in the namespace."""
        return self.inside(lambda: self._command("lower", *arguments))

    def sh(self, command: str) -> str:
        """What a command prints."""

        def work() -> Ended:
            done = subprocess.run(command.split(), capture_output=True, text=True, timeout=30, check=False)
            return Ended(done.returncode, done.stdout, done.stderr)

        ended = self.inside(work)
        assert ended.code == 0, ended
        return ended.out

    def state(self) -> str:
        """All that is attached to the device."""
        return "".join(
            self.sh(command)
            for command in (f"tc qdisc show dev t{IN}", f"tc filter show dev t{IN} ingress", f"ip link show t{IN}")
        )

    def passed(self, frame: str) -> bool:
        """Whether the host's stack sees the frame (it counts it)."""
        before = self._dropped()
        self._network.pass_through(IN, bytes.fromhex(frame))
        return self._dropped() == before

    def sent(self, frame: bytes) -> list[tuple[int, bytes]]:
        """What leaves, and by which port, when a frame comes in."""
        return self._network.pass_through(IN, frame)

    def _dropped(self) -> int:
        """Frames that tc ingress or XDP dropped."""
        shown = self.sh(f"tc -s qdisc show dev t{IN}") + self.sh(f"ip -s link show t{IN}")
        words = shown.replace("(", " ").replace(",", " ").split()
        return sum(int(words[i + 1]) for i, word in enumerate(words) if word == "dropped" and words[i + 1].isdigit())

    def close(self) -> None:
        """Everything goes."""
        self._network.close()


@pytest.fixture
def namespace(p4verify: Command) -> Iterator[Namespace]:
    """A namespace, for one test."""
    with KernelOracle() as oracle:
        require(oracle)
    made = Namespace(p4verify)
    yield made
    made.close()


@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_it_runs_on_the_device_with_the_rules_and_is_taken_back(
    namespace: Namespace, example: Callable[[str], Path], hook: str
) -> None:
    before = namespace.state()
    rules, target = ("--rules", example("acl.rules.cli")), ("--target", f"ebpf:hook={hook}")
    ended = namespace.lower(example("acl.p4"), *target, *rules, "--install", f"t{IN}")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    shown = namespace.state()
    assert ("p4verify" in shown) if hook == "tc" else ("prog/xdp" in shown)
    assert namespace.lower(*target, "--remove", f"t{IN}").code == 0
    assert namespace.state() == before


@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_bpftool_shows_the_source_of_what_is_installed(
    namespace: Namespace, example: Callable[[str], Path], hook: str
) -> None:
    bpftool.needed()
    program = example("router.p4")
    target, rules = ("--target", f"ebpf:hook={hook}"), ("--rules", example("router.rules.cli"))
    assert namespace.lower(program, *target, *rules, "--install", f"t{IN}").code == 0
    number = re.findall(r"\b(?:xdp )?id (\d+)", namespace.state())[-1]
    source = program.read_text().splitlines()
    shown = re.findall(
        r"^; (.*) \[file:(.*) line_num:(\d+) line_col:(\d+)\]$",
        namespace.sh(f"bpftool prog dump xlated id {number} linum"),
        re.M,
    )
    assert len(shown) > 20
    assert all((text, file) == (source[int(line) - 1].strip(), str(program)) for text, file, line, _ in shown)
    maps = re.findall(r"map_ids ([\d,]+)", namespace.sh(f"bpftool prog show id {number}"))[0].split(",")
    kinds = {one: namespace.sh(f"bpftool map show id {one}") for one in maps}
    trie = next(one for one, shown in kinds.items() if "lpm_trie  name RouterIngress_r " in shown)
    assert '"prefixlen": 24' in namespace.sh(f"bpftool map dump id {trie}")


def test_the_maps_hold_the_rules(namespace: Namespace, tmp_path: Path) -> None:
    program, rules = tmp_path / "macs.p4", tmp_path / "rules.txt"
    program.write_text(MACS)
    rules.write_text("table_add t ok 0x0a0a0a0a0a0a =>\n")
    installed = namespace.lower(program, "--target", "ebpf", "--rules", rules, "--install", f"t{IN}")
    assert installed.code == 0, installed
    assert namespace.passed(FLOW)
    assert not namespace.passed(FLOW.replace("0a" * 6, "0b" * 6, 1))
    assert namespace.lower("--target", "ebpf", "--remove", f"t{IN}").code == 0
    assert namespace.passed(FLOW.replace("0a" * 6, "0b" * 6, 1))


MACS = """
#include <core.p4>
#include <ebpf_model.p4>
header eth_t { bit<48> dst; bit<48> src; bit<16> type; }
struct headers { eth_t eth; }
parser P(packet_in p, out headers h) { state start { p.extract(h.eth); transition accept; } }
control C(inout headers h, out bool pass) {
    action ok() { pass = true; }
    action no() { pass = false; }
    table t { key = { h.eth.src: exact; } actions = { ok; no; } default_action = no(); }
    apply { t.apply(); }
}
ebpfFilter(P(), C()) main;
"""


@pytest.fixture
def bpf_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A BPF file system of this test's own, the only one that it sees."""
    place, mounts = tmp_path / "bpf", tmp_path / "mountinfo"
    place.mkdir()
    subprocess.run(["mount", "-t", "bpf", "bpf", place], check=True, timeout=30)
    own = [line for line in Path(pins.MOUNTS).read_text().splitlines() if f" {place} " in line]
    mounts.write_text("\n".join(own))
    monkeypatch.setattr(pins, "MOUNTS", str(mounts))
    yield place
    subprocess.run(["umount", place], check=True, timeout=30)


AGAIN = """
add Switch.senders src:0x020000000002 Switch.classify(class:7)
add Switch.receivers class:7 dst:0x020000000005 Switch.forward(port:6)
"""


@pytest.mark.parametrize("target", ["ebpf:hook=tc,untagged=1", "ebpf:hook=xdp"])
def test_packets_come_back_on_the_device(namespace: Namespace, bpf_files: Path, tmp_path: Path, target: str) -> None:
    program, rules = ARCHITECTURES / "again_v1model.p4", tmp_path / "again.stf"
    rules.write_text(AGAIN)
    frame = bytes.fromhex("020000000005 020000000002 0800") + bytes(46)
    before = namespace.state()
    command = (program, "--target", target, "--rules", rules, "--install", f"t{IN}")
    for _ in range(2):
        assert namespace.lower(*command) == Ended(0, "", "")
        assert len(list(bpf_files.glob("p4verify-*"))) == 1
        assert (OUT, frame) in namespace.sent(frame)
        namespace.lower(*command).one_error("already")
        assert (OUT, frame) in namespace.sent(frame)
        assert namespace.lower("--target", target, "--remove", f"t{IN}").code == 0
        assert (list(bpf_files.glob("p4verify-*")), namespace.state()) == ([], before)


def test_bpftool_shows_the_source_of_what_does_a_pass(namespace: Namespace, bpf_files: Path) -> None:
    bpftool.needed()
    program = ARCHITECTURES / "again_v1model.p4"
    assert namespace.lower(program, "--target", "ebpf:untagged=1", "--install", f"t{IN}").code == 0
    numbers = re.findall(r"^(\d+): sched_cls  name p4_pass ", namespace.sh("bpftool prog show"), re.M)
    shown = [namespace.sh(f"bpftool prog dump xlated id {number} linum") for number in numbers]
    assert any(str(program) in each for each in shown)
    assert namespace.lower("--target", "ebpf", "--remove", f"t{IN}").code == 0


def test_a_program_whose_packets_come_back_needs_a_bpf_file_system(
    namespace: Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = tmp_path / "mountinfo"
    others.write_text("22 21 0:20 / /proc rw,relatime shared:5 - proc proc rw\n")
    monkeypatch.setattr(pins, "MOUNTS", str(others))
    before = namespace.state()
    command = (ARCHITECTURES / "again_v1model.p4", "--target", "ebpf:untagged=1", "--install", f"t{IN}")
    namespace.lower(*command).one_error(f"t{IN}", "no BPF file system is mounted", "mount -t bpf bpf")
    assert namespace.state() == before


@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_what_is_attached_already_stays(namespace: Namespace, example: Callable[[str], Path], hook: str) -> None:
    command = (example("acl.p4"), "--target", f"ebpf:hook={hook}", "--install", f"t{IN}")
    assert namespace.lower(*command).code == 0
    before = namespace.state()
    namespace.lower(*command).one_error(f"t{IN}", "already", "--remove")
    assert namespace.state() == before


def test_filters_and_qdiscs_of_others_stay(namespace: Namespace, example: Callable[[str], Path]) -> None:
    namespace.sh(f"tc qdisc add dev t{IN} clsact")
    namespace.sh(f"tc filter add dev t{IN} ingress pref 7 protocol ip u32 match u32 0 0 flowid 1:1")
    before = namespace.state()
    namespace.lower("--target", "ebpf", "--remove", f"t{IN}").one_error("no tc program of p4verify")
    assert namespace.lower(example("acl.p4"), "--target", "ebpf", "--install", f"t{IN}").code == 0
    assert namespace.state() != before
    assert namespace.lower("--target", "ebpf", "--remove", f"t{IN}").code == 0
    assert namespace.state() == before
    namespace.sh(f"tc filter add dev t{IN} ingress pref 1 protocol ip u32 match u32 0 0 flowid 1:1")
    before = namespace.state()
    namespace.lower(example("acl.p4"), "--target", "ebpf", "--install", f"t{IN}").one_error("priority 1")
    assert namespace.state() == before


def test_nothing_is_left_behind_by_what_fails(
    namespace: Namespace, example: Callable[[str], Path], tmp_path: Path
) -> None:
    before = namespace.state()
    namespace.lower(example("acl.p4"), "--target", "ebpf", "--install", "nosuch0").one_error(
        "nosuch0", "no such network"
    )
    namespace.lower("--target", "ebpf", "--remove", "nosuch0").one_error("nosuch0", "no such network")
    namespace.lower("--target", "ebpf:hook=xdp", "--remove", f"t{IN}").one_error("no XDP program of p4verify")
    bad = tmp_path / "bad.txt"
    bad.write_text("table_add nowhere ok 1 =>\n")
    ended = namespace.lower(example("acl.p4"), "--target", "ebpf", "--rules", bad, "--install", f"t{IN}")
    ended.one_error("bad.txt")
    ended = namespace.lower(example("acl.p4"), "--target", "ebpf", "--install", f"t{IN}", "-o", tmp_path)
    ended.one_error("is a directory")
    assert namespace.state() == before


def test_without_rights_it_says_so(namespace: Namespace, example: Callable[[str], Path]) -> None:
    """As a user without capabilities, in a thread of its own (setresuid(2) itself is per thread)."""
    before = namespace.state()

    def work() -> Ended:
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.syscall(117, -1, 65534, -1) == 0
        return namespace._command("lower", example("acl.p4"), "--target", "ebpf", "--install", f"t{IN}")

    if os.uname().machine != "x86_64":
        pytest.skip("the number of setresuid(2) is known for x86_64 only")
    namespace.inside(work).one_error(f"t{IN}", "not permitted")
    assert namespace.state() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--target", "ebpf"), "give the PROGRAM"),
        (("acl.p4", "--target", "ebpf"), "say where the artifact goes"),
        (("acl.p4", "--target", "ebpf", "--remove", "x"), "--remove DEV takes"),
        (("--target", "u32", "--remove", "no such"), "device no such"),
    ],
)
def test_arguments_that_do_not_go_together(p4verify: Command, arguments: tuple[str, ...], message: str) -> None:
    p4verify("lower", *arguments).one_error(message)
