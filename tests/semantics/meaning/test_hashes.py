"""Hash algorithms by name: custom CRCs and those that nobody knows."""

from p4verify.semantics import bits as b
from p4verify.semantics.meaning.checksums import CRC16, crc_bytes
from p4verify.semantics.meaning.program import meaning, run
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.build import program_rules

PROGRAM = """
#include <core.p4>
#include <v1model.p4>
header h_t { bit<16> x; bit<16> y; }
struct headers { h_t h; }
struct metadata { }
parser P(packet_in p, out headers h, inout metadata m, inout standard_metadata_t s) {
    state start { p.extract(h.h); transition accept; }
}
control C(inout headers h, inout metadata m) { apply { } }
control I(inout headers h, inout metadata m, inout standard_metadata_t s) {
    apply {
        s.egress_spec = 1;
        hash(h.h.y, HashAlgorithm.crc16_custom, 16w0, { h.h.x }, 32w65536);
    }
}
control E(inout headers h, inout metadata m, inout standard_metadata_t s) { apply { } }
control D(packet_out p, in headers h) { apply { p.emit(h.h); } }
V1Switch(P(), C(), I(), E(), C(), D()) main;
"""


def test_a_custom_crc_is_the_standards_until_the_control_plane_says_otherwise() -> None:
    program = load_text(PROGRAM).program
    ran = run(program, None, bytes.fromhex("12345678"), 0)
    crc = crc_bytes(CRC16, bytes.fromhex("1234"))
    assert ran.outputs == (("port", 1, bytes.fromhex("1234") + crc.to_bytes(2, "big")),)
    with_rules = meaning(program, program_rules(program))
    assert not functions(with_rules.cases[-1])


def functions(case: object) -> set[str]:
    packets = [o.packet for o in case.outputs]  # type: ignore[attr-defined]
    return {t.name for p in packets for t in b.applications(*p.prefix)}


def test_with_rules_unknown_its_parameters_are_unknown() -> None:
    behaviour = meaning(load_text(PROGRAM).program)
    assert {name for case in behaviour.cases for name in functions(case)} == {"hash.crc16_custom.16"}
    assert any("crc16_custom" in note for note in behaviour.notes)
