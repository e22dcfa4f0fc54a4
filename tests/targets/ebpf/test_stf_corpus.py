"""The reference compiler's STF tests on the kernel: every program passes there that passes on the reference, except
those listed with what stops them. A listed program that starts to pass fails here, so the list stays true."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from p4verify.targets.ebpf.oracle import KernelOracle
from tests.conftest import corpus_root
from tests.support.stf_programs import WAYS, Reached, best, programs

SHORT: Final = "bytes came, expected"
"""The test needs frames shorter than Ethernet carries (padding them is seen)."""
ARCHITECTURES: Final = ("ebpf_model", "pna", "psa", "ubpf_model", "v1model", "xdp_model")
STOPPED: Final = {
    "advance_ubpf.p4": "byte 1 differs",  # the frame's end is padded
    "forloop-bmv2.p4": "a loop whose number of turns",
    "gauntlet_enum_assign-bmv2.p4": "a frame has at least",  # and multicast only at tc, where frames are not padded
    "issue1768-bmv2.p4": SHORT,
    "lookahead_ubpf.p4": "different ways through them",
    "parser_error-bmv2.p4": SHORT,
    "psa-e2e-cloning-basic-bmv2.p4": "cloned",
    "truncate_ubpf.p4": "truncate",
    "v1model-special-ops-bmv2.p4": "a packet is cloned",
}
"""Program → part of what stops it."""
MOST: Final = 0.1
"""Part of the v1model programs that may be stopped."""


@pytest.mark.campaign
@pytest.mark.corpus
@pytest.mark.oracle
def test_stf_tests_pass_on_the_kernel(kernel_oracle: KernelOracle) -> None:
    found: dict[str, Reached] = {}
    counts: Counter[str] = Counter()
    for item in programs([corpus_root() / "p4c" / name for name in ("p4_16_samples", "p4tc_samples_stf")]):
        if item.program.arch in ARCHITECTURES:
            found[item.path.name] = best(item, kernel_oracle)
            counts[item.program.arch] += 1
            counts[f"{item.program.arch} stopped"] += found[item.path.name].stage != "passed"
    print(dict(counts))
    assert counts["v1model"]
    stopped = {name: reached.reason for name, reached in found.items() if reached.stage != "passed"}
    known = {name: part for name, part in STOPPED.items() if name in found}
    assert sorted(stopped) == sorted(known), stopped
    assert {name: reason for name, reason in stopped.items() if known[name] not in reason} == {}
    assert counts["v1model stopped"] <= MOST * counts["v1model"]


@pytest.mark.oracle
def test_a_test_that_is_wrong_does_not_pass(kernel_oracle: KernelOracle, tmp_path: Path) -> None:
    """The comparison can fail, whatever way is tried."""
    source = Path(__file__).resolve().parents[3] / "examples" / "acl.p4"
    (tmp_path / "acl.p4").write_text(source.read_text())
    arp = "ffffffffffff0200000000010806" + "00" * 46
    (tmp_path / "acl.stf").write_text(f"packet 5 {arp}\nexpect 5 {arp}\n")
    [item] = programs([tmp_path])
    assert best(item, kernel_oracle).stage == "passed"
    (tmp_path / "acl.stf").write_text(f"packet 5 {arp}\nexpect 5 {arp[:-2]}01\n")
    assert list(programs([tmp_path])) == []
    assert best(item, kernel_oracle).stage == "loaded"
    assert len(WAYS) == 4
