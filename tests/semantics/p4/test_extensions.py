"""What is read beyond the specification (docs/language.md): a warning that names the section, and the meaning."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from p4verify.semantics import ir
from p4verify.semantics.ir.printer import to_p4
from p4verify.semantics.ir.verify import verify
from p4verify.semantics.meaning.program import meaning
from p4verify.semantics.p4.frontend import Loaded, load_text
from p4verify.semantics.source import InputError, Unsupported
from tests.support.ir_alike import difference
from tests.support.p4_text import out, v1model

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "language.md"


def warned(text: str) -> tuple[ir.Program, str]:
    """The program, which survives being printed, and its warnings."""
    loaded = load_text(text, "test.p4")
    verify(loaded.program)
    assert difference(loaded.program, load_text(to_p4(loaded.program)).program) == ""
    return loaded.program, messages(loaded)


def messages(loaded: Loaded) -> str:
    return "\n".join(w.message for w in loaded.warnings)


def refusal(text: str) -> str:
    with pytest.raises(InputError) as caught:
        load_text(text, "test.p4")
    return caught.value.diagnostics[0].message


SECTIONS = {
    "const int a = (1 | 6) & ~(2 ^ 0);": "8.8",
    "const int a = 8w5;": "8.11.2",
    "const tuple<bit<8>, bool> t = { 5, true }; const int a = t[0];": "8.11.2",
    "header H { } control c(out bit<32> v) { apply { H[0] h; v = h[0].minSizeInBits(); } }": "7.2.3",
    "extern E { E(bit<8> n); void go(); } control c() { E[2](3) e; apply { e[1].go(); } }"
    " control p(); package top(p x); top(c()) main;": "7.2.10",
    "control p(); package top(p x); package top(p x, p y); control c() { apply { } } top(c(), c()) main;": "7.2.10",
    "match_kind { exact } struct s { match_kind m; }": "7.2.8",
    "bit<8> f(bit<8> x) { tuple<int, int> t = { x, 300 }; return t[0] + t[1]; }": "7.1.6.5",
    "extern W { } extern W make<T>(T n); parser P(); parser p()(W w) { state start { transition accept; } }"
    " package top(P p); top(p(make(8w1))) main;": "18.1",
}


@pytest.mark.parametrize("text", SECTIONS)
def test_a_warning_names_the_section(text: str) -> None:
    assert SECTIONS[text] in warned(text)[1]


def test_every_section_is_in_the_document() -> None:
    text = DOCUMENT.read_text()
    for section in {*SECTIONS.values(), "14.2.1.4", "18.3.3", "7.2.9"}:
        assert re.search(rf"\| [^|]*{re.escape(section)}", text), section


def test_bitwise_operators_on_int() -> None:
    program = v1model("hdr.h.a = (1 | 6) ^ ~12; hdr.h.b = (bit<8>) ((-1) & 0x1F);")
    assert out(program, "00000000") == f"{(7 ^ ~12) & 0xFF:02x}1f0000"


def test_numbers_in_a_tuple_keep_their_values() -> None:
    program = v1model("tuple<int, int> t = { hdr.h.a, 300 }; hdr.h.a = 0; hdr.h.b = t[0] + t[1]; hdr.h.c = t[0];")
    assert out(program, "05000000") == f"00{(5 + 300) & 0xFF:02x}0500"
    assert refusal("void f(bit<8> x) { tuple<int> t = { x }; t = { 2 }; }") == "this cannot be assigned to"
    assert "expected tuple<int>" in refusal("void f(bool x) { tuple<int> t = { x }; }")


def test_masks_for_exact_and_range_keys_are_sets() -> None:
    table = """action f(bit<8> x) { hdr.h.b = x; }
        table t { key = { hdr.h.a : %s; } actions = { f; NoAction; }
            const entries = { 0x10 &&& 0xF0 : f(1); 7 : f(2); 0x31 &&& 0x0F : f(3); } }"""
    for kind in ("exact", "range"):
        program = v1model("t.apply();", locals=table % kind)
        sent = [out(program, f"{a:02x}000000")[2:4] for a in (0x10, 0x1F, 7, 0x21, 0x11, 0x22)]
        assert sent == ["01", "01", "02", "03", "01", "00"]


def test_a_name_as_a_width() -> None:
    assert warned("const int n = 4; struct S { bit<n> x; int<n> y; } const S s = { 3, 4 };")[1] == ""
    assert "must be a compile-time known value" in refusal("void f(bit<8> n) { bit<n> x; }")


def test_an_empty_array_has_no_elements() -> None:
    text = "header H { bit<8> a; } control c(out bit<8> v) { apply { H[0] h; v = h[0].a; } } control p(out bit<8> v);"
    assert "has none to read or write" in refusal(text + " package top(p x); top(c()) main;")
    assert "index 1 is outside" in refusal(text.replace("h[0].a", "h[1].a"))
    assert "at least 0, not -1" in refusal("header H { } typedef H[-1] T;")


def test_packages_of_one_name_differ_in_the_number_of_parameters() -> None:
    text = "control p(); package top(p x); package top(p y); "
    assert "declared already" in refusal(text)


FACTORY = """
    extern W<T> { W(); T get(); }
    extern W<T> make<T, U>(U n, T like);
    @pure extern bit<8> pick(bit<8> of);
    extern H<T> { H(T seed); T run(in T x); }
    control inner(inout bit<8> x)(W<bit<8>> w) { apply { x = w.get(); } }
    control middle(inout bit<8> x)(W<bit<8>> w) {
        inner(w) i; H<bit<8>>(pick(3)) h; apply { i.apply(x); x = h.run(x); } }
    control proto(inout bit<8> x);
    package top(proto p);
    top(middle(make(16w0, 8w0))) main;
"""


def test_objects_that_the_machine_makes() -> None:
    program, text = warned(FACTORY)
    assert "18.1" in text
    made, hashed = program.instances
    assert (made.extern, made.made_by, made.type_args) == ("W", "make", (ir.bits(8),))
    assert [name for name, _ in made.args] == ["n", "like"]
    assert made.name in str(program.controls)
    assert isinstance(hashed.args[0][1], ir.ExternCall)
    with pytest.raises(Unsupported):
        meaning(program)
    by_value = FACTORY.replace("(W<bit<8>> w) { apply { x = w.get()", "(bit<8> w) { apply { x = w")
    assert "must be a compile-time known value" in refusal(by_value.replace("inner(w)", "inner(pick(1))"))


COPIES = """
#include <core.p4>
#include <v1model.p4>
struct H { } struct M { bit<8> x; }
parser P(packet_in p, out H h, inout M m, inout standard_metadata_t s) { state start { transition accept; } }
control V(inout H h, inout M m) { apply { } }
control I(inout H h, inout M m, inout standard_metadata_t s) {
    @name(".nop") action nop_1(%s) { }
    @name("I.t") table t_0 { key = { m.x : exact; } actions = { nop_1(); @defaultonly NoAction(); }
        default_action = NoAction(); }
    apply { t_0.apply(); } }
control E(inout H h, inout M m, inout standard_metadata_t s) {
    @name(".nop") action %s() { }
    @name("E.t") table t_1 { key = { m.x : exact; } actions = { %s(); @defaultonly NoAction(); }
        default_action = NoAction(); }
    apply { t_1.apply(); } }
control D(packet_out p, in H h) { apply { } }
V1Switch(P(), V(), I(), E(), V(), D()) main;
"""


def test_copies_of_an_action_in_two_controls() -> None:
    _, text = warned(COPIES % ("", "nop_2", "nop_2"))
    assert "has the control-plane name 'nop' of another one" in text
    assert "has the control-plane name" in refusal(COPIES % ("", "other", "other"))
    assert "has the control-plane name" in refusal(COPIES % ("", "nop_1", "nop_1"))


NEW_TYPES = """
#include <core.p4>
#include <pna.p4>
struct H { } struct M { }
parser P(packet_in p, out H h, inout M m, in pna_main_parser_input_metadata_t i) { state start { transition accept; } }
control Pre(in H h, inout M m, in pna_pre_input_metadata_t i, inout pna_pre_output_metadata_t o) { apply { } }
control C(inout H h, inout M m, in pna_main_input_metadata_t i, inout pna_main_output_metadata_t o) {
    apply { send_to_port(%s); if (i.pass == 3w4) { send_to_port(i.input_port + 1); } } }
control D(packet_out p, in H h, in M m, in pna_main_output_metadata_t o) { apply { } }
PNA_NIC(P(), Pre(), C(), D()) main;
"""


def test_base_types_in_the_place_of_the_architectures_new_types() -> None:
    text = NEW_TYPES % "32w5"
    program, said = warned(text)
    assert "7.2.9" in said
    assert not any(isinstance(node, ir.NewType) for node in program.types)
    assert "expected PortId_t, found bit<32>" in refusal(text.replace("struct M { }", "struct M { PortId_t p; }"))
    assert "unknown name" in refusal(text.replace("32w5", "nothing"))
