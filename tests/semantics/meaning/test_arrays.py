"""Arrays of what are no headers: indexed at compile time and at run time, copied, compared, on the wire."""

import pytest

from p4verify.semantics.meaning.program import meaning
from p4verify.semantics.source import InputError
from tests.semantics.meaning.test_undefined import outcomes
from tests.support.p4_text import out, v1model

TOP = """
struct pair_t { bit<8> x; bit<8> y; }
struct nest_t { pair_t[2] p; h_t[2] s; }
header a_t { bit<8>[4] b; }
header q_t { pair_t[2] q; bit<8>[2][2] m; }
"""

BODIES = {
    "constant indices": ("bit<8>[4] t; t[0] = hdr.h.d; t[3] = hdr.h.a; hdr.h.b = t[0]; hdr.h.c = t[3];", "01040104"),
    "an index at run time": ("bit<8>[4] t = { 9, 8, 7, 6 }; hdr.h.d = t[hdr.h.a]; t[hdr.h.b] = 5; hdr.h.c = t[2];",
                             "01020508"),
    "a write beyond the end": ("bit<8>[2] t = { 9, 8 }; t[hdr.h.d] = 1; hdr.h.a = t[0]; hdr.h.b = t[1];", "09080304"),
    "copies": ("bit<8>[2] t = { 1, 2 }; bit<8>[2] u = t; t[0] = 7; hdr.h.a = u[0]; hdr.h.b = t[0];", "01070304"),
    "comparison": (("bit<8>[2] t = { 1, 2 }; bit<8>[2] u = t; if (t == u) { hdr.h.a = 9; } u[1] = 3;"
                    " if (t != u) { hdr.h.b = 9; }"), "09090304"),
    "structs": (("pair_t[2] t = { { 1, 2 }, { x = 3, y = 4 } }; hdr.h.a = t[1].x; t[hdr.h.a - 2].y = 6;"
                 " hdr.h.b = t[1].y;"), "03060304"),
    "nested": (("nest_t[2] n; n = ...; n[1].p[0].x = 8; n[0] = n[1]; hdr.h.a = n[0].p[hdr.h.b - 2].x;"
                " if (n[1].s[0].isValid()) { hdr.h.b = 0; }"), "08020304"),
    "matrices": ("bit<8>[2][3] t = { { 1, 2 }, { 3, 4 }, { 5, 6 } }; hdr.h.a = t[2][0]; hdr.h.b = t[hdr.h.b][1];",
                 "05060304"),
    "loops": ("bit<8>[3] t = { 1, 2, 3 }; hdr.h.a = 0; for (bit<8> x in t) { hdr.h.a = hdr.h.a + x; }", "06020304"),
    "booleans and enums": ("bool[2] t = { false, true }; if (t[hdr.h.a]) { hdr.h.b = (bit<8>) t.size; }", "01020304"),
    "default values": ("bit<8>[3] t = { 7, ... }; hdr.h.a = t[0]; hdr.h.b = t[2];", "07000304"),
    "C declarators": ("bit<8> t[3]; t[1] = 5; hdr.h.a = t[1];", "05020304"),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_arrays_of_values(name: str) -> None:
    body, expected = BODIES[name]
    assert out(v1model(body, top=TOP), "01020304") == expected


def test_an_element_beyond_the_end_is_undefined() -> None:
    body = "bit<8>[2] t = { 9, 9 }; hdr.h.a = t[hdr.h.d];"
    assert len(outcomes(meaning(v1model(body, top=TOP)))) > 1
    assert outcomes(meaning(v1model(body, top=TOP)), bytes.fromhex("01020301")) == {"09020301"}


def test_headers_in_an_element_beyond_the_end_may_be_valid_or_not() -> None:
    body = "nest_t[2] n; n = ...; if (n[hdr.h.d].s[0].isValid()) { hdr.h.a = 0; }"
    assert outcomes(meaning(v1model(body, top=TOP))) == {"00020304", "01020304"}


def test_arrays_in_headers_are_read_and_written_in_order() -> None:
    top = TOP + "struct more_t { a_t a; q_t q; }"
    parser = "state start { pkt.extract(hdr.h); pkt.extract(m.a); pkt.extract(m.q); transition accept; }"
    program = v1model(
        "",
        top=top,
        parser_locals="more_t m;",
        parser=parser.replace(
            "transition accept;",
            "hdr.h.a = m.a.b[3]; hdr.h.b = m.q.q[1].x; hdr.h.c = m.q.m[1][0]; hdr.h.d = m.a.b[0]; transition accept;",
        ),
    )
    assert out(program, "00000000" + "a0a1a2a3" + "b0b1b2b3" + "c0c1c2c3").startswith("a3b2c2a0")
    emitted = v1model("", top=top, parser_locals="", deparser="a_t a; a.setValid(); a.b = { 1, 2, 3, 4 }; pkt.emit(a);")
    assert out(emitted, "00000000") == "01020304"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("bit<8>[2] t; t.push_front(1);", "has no method 'push_front'"),
        ("bit<8>[2] t = { 1 };", "expected bit<8>[2]"),
        ("bit<8>[2] t; hdr.h.a = t[2];", "outside of an array of 2"),
        ("bit<8>[2] t; bit<8>[3] u = t;", "expected bit<8>[3], found bit<8>[2]"),
        ("packet_in[2] t;", "an array cannot be of values of type packet_in"),
        ("string[2] t;", "an array cannot be of values of type string"),
        ("bit<8>[2] t; t[true] = 1;", "an index must be an integer"),
    ],
)
def test_what_arrays_cannot_do(body: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        v1model(body)
    assert message in caught.value.diagnostics[0].message


def test_next_and_last_are_of_header_stacks_only() -> None:
    with pytest.raises(InputError, match="only header stacks have a member 'next'"):
        v1model("", parser_locals="bit<8>[2] t;", parser="state start { t.next = 1; transition accept; }")


def test_a_header_cannot_have_an_array_of_varbits() -> None:
    with pytest.raises(InputError, match="a field of a header cannot be of type"):
        v1model("", top="header v_t { varbit<8>[2] v; }")
