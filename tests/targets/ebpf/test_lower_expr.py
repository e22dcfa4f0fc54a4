"""Expressions of every kind and width: what the kernel computes is what the specification says."""

from __future__ import annotations

import random

import pytest

from p4verify.semantics.p4.frontend import load_text
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelProgram, unusable
from tests.targets.ebpf.expressions import FIELDS, Maker, Sample, Typed, numbers
from tests.targets.ebpf.programs import v1_program

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(unusable() is not None, reason="no eBPF on this machine"),
]

RESULTS = 4
SEEDS = 120
XDP_REDIRECT = 4


def source(samples: list[Sample]) -> str:
    """A program that writes each sample into a field of its own."""
    inputs = "".join(f"{type_} {name};\n" for name, type_ in FIELDS.items())
    outputs = "".join(f"bit<{_padded(s.type)}> r{i};\n" for i, s in enumerate(samples))
    pad = -sum(type_.width for type_ in FIELDS.values()) % 8
    types = f"header in_t {{ {inputs} bit<{pad}> pad; }}\nheader out_t {{ {outputs} }}\n"
    types += "struct headers { in_t h; out_t o; }"
    states = "state start { p.extract(hdr.h); p.extract(hdr.o); transition accept; }"
    body = "".join(f"hdr.o.r{i} = {_as_bits(s)};\n" for i, s in enumerate(samples))
    return v1_program(types, states, f"apply {{ std.egress_spec = 1; {body} }}", "p.emit(hdr.h); p.emit(hdr.o);")


def _padded(type_: Typed) -> int:
    return (type_.width + 7) // 8 * 8


def _as_bits(sample: Sample) -> str:
    plain = f"(bit<{sample.type.width}>)({sample.text})"
    return f"(bit<{_padded(sample.type)}>)({plain})"


def packed(fields: dict[str, int], size: int) -> bytes:
    """The frame: the fields side by side, then room for the results."""
    whole, width = 0, 0
    for name, type_ in FIELDS.items():
        whole, width = whole << type_.width | fields[name], width + type_.width
    pad = -width % 8
    return (whole << pad).to_bytes((width + pad) // 8, "big") + bytes(size)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_kernel_computes_what_the_specification_says(seed: int) -> None:
    rng = random.Random(seed)
    maker = Maker(rng)
    samples = [maker.expr(maker.type(), rng.choice((1, 2, 3))) for _ in range(RESULTS)]
    program = load_text(source(samples), "random.p4").program
    try:
        made = lower(program, None, {"hook": "xdp"})
    except CannotOffload as refusal:
        pytest.fail(f"{refusal}\n{[s.text for s in samples]}")
    sizes = [_padded(s.type) // 8 for s in samples]
    with KernelProgram("xdp", made.program().insns) as loaded:
        for _ in range(12):
            fields = numbers(rng)
            frame = packed(fields, sum(sizes))
            ran = loaded.test_run(frame)
            assert ran.result == XDP_REDIRECT
            at = len(frame) - sum(sizes)
            assert ran.packet[:at] == frame[:at]
            for sample, size in zip(samples, sizes, strict=True):
                got = int.from_bytes(ran.packet[at : at + size], "big")
                assert got == sample.bits(fields), (sample.text, fields)
                at += size
