"""``lower --install`` and ``--remove`` with u32 filters, on a device of a private network namespace of this kernel."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from p4verify.targets.ebpf.oracle.network import Network
from p4verify.targets.u32.oracle import KernelU32
from tests.support.machines import require

from .conftest import Command, Ended

pytestmark = pytest.mark.oracle

PROGRAM = """
#include <core.p4>
#include <v1model.p4>
header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
struct headers_t { ethernet_t ethernet; }
struct metadata_t {}
parser P(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    state start { packet.extract(hdr.ethernet); transition accept; }
}
control V(inout headers_t hdr, inout metadata_t meta) { apply {} }
control I(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    apply { standard.egress_spec = 1; if (hdr.ethernet.dst == 7) { standard.egress_spec = 2; } }
}
control E(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) { apply {} }
control C(inout headers_t hdr, inout metadata_t meta) { apply {} }
control D(packet_out packet, in headers_t hdr) { apply { packet.emit(hdr.ethernet); } }
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""


class Inside:
    """Commands in a namespace with the devices port0, port1 and, if asked for, port2."""

    def __init__(self) -> None:
        self.network = Network()
        for device in ("port0", "port1"):
            self.sh(f"ip tuntap add {device} mode tap")

    def run(self, work: Callable[[], Ended]) -> Ended:
        out: list[Ended] = []
        self.network.inside(lambda: out.append(work()))
        return out[0]

    def sh(self, command: str) -> str:
        def work() -> Ended:
            done = subprocess.run(command.split(), capture_output=True, text=True, timeout=30, check=False)
            return Ended(done.returncode, done.stdout, done.stderr)

        ended = self.run(work)
        assert ended.code == 0, ended
        return ended.out

    def state(self) -> str:
        return self.sh("tc qdisc show dev port0") + self.sh("tc filter show dev port0 ingress")


@pytest.fixture
def namespace() -> Iterator[Inside]:
    """A private namespace; skipped without the kernel's u32."""
    with KernelU32() as oracle:
        require(oracle)
    made = Inside()
    yield made
    made.network.close()


def test_u32_filters_are_put_in_and_taken_back(p4verify: Command, tmp_path: Path, namespace: Inside) -> None:
    program = tmp_path / "p.p4"
    program.write_text(PROGRAM)

    def lower(*arguments: Any) -> Ended:
        return namespace.run(lambda: p4verify("lower", *arguments))

    before = namespace.state()
    refused = lower(program, "--target", "u32", "--install", "port0")  # there is no device port2
    assert (refused.code, "refuses this filter" in refused.err) == (2, True)
    assert namespace.state() == before
    namespace.sh("ip tuntap add port2 mode tap")
    done = lower(program, "--target", "u32", "--install", "port0")
    assert (done.code, done.err) == (0, "")
    dump = tmp_path / "dump"
    dump.write_text(
        "".join(line for line in namespace.sh("tc filter show dev port0 ingress").splitlines(keepends=True))
    )
    assert p4verify("check", program, "--against", dump, "--no-machines").code == 0
    again = lower(program, "--target", "u32", "--install", "port0")
    assert (again.code, "p4verify at its ingress already" in again.err) == (2, True)
    assert lower("--target", "u32", "--remove", "port0").code == 0
    assert namespace.state() == before
    nothing = lower("--target", "u32", "--remove", "port0")
    assert (nothing.code, "no filters of p4verify" in nothing.err) == (2, True)
