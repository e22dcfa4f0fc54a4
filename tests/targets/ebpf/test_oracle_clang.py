"""Programs that clang made: the meaning says what the kernel does with them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from p4verify.running.ethernet import frame
from p4verify.targets.ebpf.artifact import BpfObject, read_elf
from p4verify.targets.ebpf.meaning import meaning
from p4verify.targets.ebpf.oracle import KernelOracle
from tests.support.bpf_compare import Tables, difference, evaluated
from tests.support.bpf_objects import compiled

pytestmark = pytest.mark.oracle

SOURCE = Path(__file__).parents[2] / "support" / "router.bpf.c"


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> BpfObject:
    made = compiled(tmp_path_factory.mktemp("clang"), SOURCE.read_text())
    if made is None:
        pytest.skip("no clang with libbpf's headers")
    return read_elf(made, "router.o")


def tables(rng: random.Random) -> Tables:
    """Some routes, the default one often among them."""
    lengths = [0, 8, 16, 32][rng.randrange(4) :]
    routes = [(n.to_bytes(4, "little") + (b"\x0a" * (n // 8)).ljust(4, b"\0"), rng.randbytes(16)) for n in lengths]
    return {"routes": routes}


@pytest.mark.long
@pytest.mark.parametrize("name", ["route", "forward", "loop"])
def test_meaning_and_kernel_agree(kernel_oracle: KernelOracle, router: BpfObject, name: str) -> None:
    behaviour = meaning(router, name)
    assert behaviour.faults == ()
    assert len(behaviour.cases) < 20
    rng, sent = random.Random(6), 0
    for _ in range(12):
        content = tables(rng)
        packets = [(5, frame(rng, (0x0A0A0A0A, 5, 0xFF))) for _ in range(12)]
        for (port, data), seen in zip(
            packets, kernel_oracle.observe(router, packets, content, program=name), strict=True
        ):
            assert difference(evaluated(behaviour, router, content, port, data), seen) is None, data.hex()
            sent += bool(seen.outputs)
    assert sent > 50
