"""The xdp_model architecture: the kernel's actions, checksums, counters."""

import pytest

from p4verify.semantics import ir
from p4verify.semantics.meaning.concrete import evaluate_behaviour
from p4verify.semantics.meaning.program import meaning
from p4verify.semantics.p4.frontend import load_text
from tests.support.p4_text import does, out

_TEXT = """#include <core.p4>
#include <xdp_model.p4>
header h_t {{ bit<8> a; bit<8> b; bit<16> c; }}
struct headers {{ h_t h; }}
parser P(packet_in pkt, out headers hdr) {{ state start {{ pkt.extract(hdr.h); transition accept; }} }}
control C(inout headers hdr, in xdp_input xin, out xdp_output xout) {{
    {locals}
    apply {{ {body} }}
}}
control D(in headers hdr, packet_out pkt) {{ apply {{ pkt.emit(hdr.h); }} }}
xdp(P(), C(), D()) main;
"""


def xdp(body: str, locals: str = "") -> ir.Program:
    """An xdp_model program with this switch; ``hdr.h`` has a, b (8 bits) and c (16 bits)."""
    return load_text(_TEXT.format(body=body, locals=locals), "test.p4").program


@pytest.mark.parametrize(
    ("action", "wanted"),
    [
        ("XDP_PASS", (("stack", 0, "09020304ff"),)),
        ("XDP_TX", (("port", 5, "09020304ff"),)),
        ("XDP_REDIRECT", (("port", 77, "09020304ff"),)),
        ("XDP_DROP", ()),
        ("XDP_ABORTED", ()),
    ],
)
def test_actions(action: str, wanted: tuple[object, ...]) -> None:
    body = f"hdr.h.a = 9; xout.output_action = xdp_action.{action}; xout.output_port = 77;"
    assert does(xdp(body), "01020304ff", port=5) == wanted


def test_a_packet_that_is_rejected_is_dropped() -> None:
    assert does(xdp("xout.output_action = xdp_action.XDP_PASS; xout.output_port = 0;"), "010203") == ()


def test_an_action_that_is_not_set_is_a_choice() -> None:
    behaviour = meaning(xdp("xout.output_port = 3;"))
    found = {evaluate_behaviour(behaviour, bytes(4), 1, choices=c).outputs for c in range(6)}
    packet = bytes(4)
    assert found == {(), (("stack", 0, packet),), (("port", 1, packet),), (("port", 3, packet),)}


def test_the_checksum_of_an_ipv4_header() -> None:
    fields = "4, 5, 0, 0x73, 0, 2, 0, 0x40, 0x11, 0xc0a80001, 0xc0a800c7"
    body = f"hdr.h.c = ebpf_ipv4_checksum({fields}); xout.output_action = xdp_action.XDP_PASS; xout.output_port = 0;"
    assert out(xdp(body), "00000000") == "0000b861"


def test_counters() -> None:
    body = "c.increment(1); xout.output_action = xdp_action.XDP_DROP; xout.output_port = 0;"
    behaviour = meaning(xdp(body, locals="CounterArray(10, true) c;"))
    (name,) = (o for o in behaviour.observables if o != "outputs")
    outcome = evaluate_behaviour(behaviour, bytes(4), 0, functions={f"state.{name}": lambda i: 4}, cells={name: [1]})
    assert outcome.state[name] == {1: 5}
