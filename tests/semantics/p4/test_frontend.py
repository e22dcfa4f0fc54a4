"""The door: whatever it is given, it opens or says why not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4verify.semantics.p4.frontend import load, load_program, load_text
from p4verify.semantics.source import InputError, Unsupported

PROGRAM = """
#include <core.p4>
#include <v1model.p4>
header h_t { bit<8> a; bit<16> b; }
struct headers { h_t h; h_t[2] s; }
struct meta { bit<8> m; }
parser P(packet_in b, out headers h, inout meta m, inout standard_metadata_t sm) {
    state start { b.extract(h.h); transition select(h.h.a) { 1 &&& 3: more; 8 .. 9: accept; default: reject; } }
    state more { b.extract(h.s.next); m.m = h.s.last.a; transition accept; }
}
control V(inout headers h, inout meta m) { apply { } }
control I(inout headers h, inout meta m, inout standard_metadata_t sm) {
    register<bit<8>>(4) r;
    action set(bit<9> port) { sm.egress_spec = port; h.h.b = h.h.b + (bit<16>)m.m; }
    table t { key = { h.h.a: exact; h.h.b: lpm; } actions = { set; NoAction; }
        default_action = NoAction(); const entries = { (1, 2): set(3); } size = 8; }
    apply {
        if (h.h.isValid() && m.m != 0) { switch (t.apply().action_run) { set: { r.write(0, m.m); } } }
        else { mark_to_drop(sm); }
    }
}
control E(inout headers h, inout meta m, inout standard_metadata_t sm) { apply { } }
control C(inout headers h, inout meta m) { apply { } }
control D(packet_out b, in headers h) { apply { b.emit(h); } }
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""


def test_load_program(tmp_path: Path) -> None:
    path = tmp_path / "x.p4"
    path.write_text(PROGRAM)
    program = load_program(str(path))
    assert program.arch == "v1model"
    assert program.file == str(path)
    assert [c.name for c in program.controls] == ["V", "I", "E", "C", "D"]
    assert load_program(str(path)) == program
    assert load_program(str(path), arch="other").arch == "other"


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(InputError, match="nowhere"):
        load("/nowhere/x.p4")


@given(st.data())
def test_broken_programs_are_refused_cleanly(data: st.DataObject) -> None:
    """A word is left out, doubled, or replaced by another: an answer comes, and never a traceback."""
    words = PROGRAM.split(" ")
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(30, len(words) - 1))
        match data.draw(st.integers(0, 2)):
            case 0:
                del words[at]
            case 1:
                words.insert(at, words[at])
            case 2:
                words[at] = words[data.draw(st.integers(30, len(words) - 1))]
    answer(" ".join(words))


def answer(text: str) -> None:
    """Load a text; only the two errors that say something may come of it."""
    try:
        load_text(text, "x.p4")
    except (InputError, Unsupported) as error:
        said = str(error)
    else:
        said = "fine"
    assert said


@pytest.mark.corpus
@pytest.mark.campaign
def test_broken_programs_of_the_corpus(corpus: Path) -> None:
    """Names and numbers of one place are put in another, all over the corpus."""
    rng = random.Random(7)
    for path in rng.sample(sorted((corpus / "p4c" / "p4_16_samples").glob("*.p4")), 300):
        words = path.read_text().split(" ")
        for _ in range(20):
            changed = list(words)
            changed[rng.randrange(len(words))] = rng.choice(words)
            answer(" ".join(changed))


HUGE = {
    "tuples": "typedef bit<8> t0; " + "".join(f"typedef tuple<t{i}, t{i}> t{i + 1}; " for i in range(40)),
    "structs": "struct t0 { bit<8> a; } " + "".join(f"struct t{i + 1} {{ t{i} a; t{i} b; }} " for i in range(40)),
    "generics": "struct p<T> { T a; T b; } typedef bit<8> t0; "
    + "".join(f"typedef p<t{i}> t{i + 1}; " for i in range(40)),
    "stacks": "header h { bit<8> a; } struct s { h[1000000] a; }",
    "products": "const int a0 = 3; " + "".join(f"const int a{i + 1} = a{i} * a{i}; " for i in range(40)),
    "shifts": "const int a0 = 1; " + "".join(f"const int a{i + 1} = a{i} << 60000; " for i in range(40)),
    "strings": 'const string a0 = "abc"; ' + "".join(f"const string a{i + 1} = a{i} ++ a{i}; " for i in range(40)),
    "widths": "const bit<2000000000> a = 1;",
    "constants": "const bit<8> a = (1 << 60000) / 0;",
    "indices": "const tuple<bit<8>> a = { 1 }; const bit<8> b = a[1 << 60000];",
    "slices": "const bit<8> b = (8w1)[(1 << 60000) : 0];",
    "negative widths": "const bit<(0 - (1 << 60000))> a = 1;",
}


@pytest.mark.parametrize("text", HUGE.values(), ids=list(HUGE))
def test_what_grows_without_bound_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        load_text(text, "x.p4")


def test_messages_can_be_given_of_huge_numbers() -> None:
    (warning,) = load_text("const bit<8> a = 1 << 60000;", "x.p4").warnings
    assert "60001 bits" in warning.message


_PROGRAM = b'#include <core.p4>\nconst bit<8> a = 1;\nconst string s = "x";\n'


@pytest.mark.parametrize(
    "content",
    [
        _PROGRAM.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + _PROGRAM,
        _PROGRAM + b"// caf\xe9\n",
        _PROGRAM + b"const bit<8> b = 1" + b" + 1" * 200 + b";\n" + b" " * 200_000 + b"const bit<8> c = 1;\n",
        _PROGRAM + b"const bit<65000> d = " + b"9" * 4_000 + b";\n",
    ],
    ids=["CRLF", "UTF-8 BOM", "no UTF-8 in a comment", "long lines", "a number of 4,000 digits"],
)
def test_unusual_files_are_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "main.p4"
    path.write_bytes(content)
    assert load(str(path)).warnings == ()


@pytest.mark.long
@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"\nconst bit<8> caf\xe9 = 1;\n", 2, "caf|character|UTF-8"),
        (b"\nconst int a = " + b"9" * 1_000_000 + b";\n", 2, "digits|number|large|long"),
        (b'\n#include "main.p4"\n', 2, "include"),
        (b"\n#include <gone.p4>\n", 2, "gone.p4"),
        (b"\n" + b"(" * 300_000 + b"\n", 2, "expected|nested"),
    ],
    ids=["no UTF-8", "a number of a million digits", "an include loop", "a missing include", "a long line"],
)
def test_unusual_files_are_one_clear_error(tmp_path: Path, content: bytes, line: int, message: str) -> None:
    path = tmp_path / "main.p4"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        load(str(path))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.span.line == line
    assert len(diagnostic.render()) < 5_000


def test_arrays_of_nothing_are_not_endless() -> None:
    """Elements without fields count as well."""
    with pytest.raises(InputError, match="at most"):
        load_text("header h { }\nstruct s { h[1048576] a; }", "x.p4")
    with pytest.raises(InputError, match="fields in it"):
        load_text("header h { }\nstruct s { h[60000] a; h[60000] b; }", "x.p4")


def test_a_parameter_of_a_type_with_a_hole_is_unsupported() -> None:
    text = "extern reg<T> { reg(bit<32> n); } control d(reg<_> r) { apply { } }"
    with pytest.raises(Unsupported, match="another with each argument"):
        load_text(text + "control e() { reg<bit<8>>(1) r; d() q; apply { q.apply(r); } }"
                  "control K(); package S(K k); S(e()) main;", "x.p4")  # fmt: skip
