"""Counterexamples are ones: nothing undefined would do on the packet that is shown, and the program is not told apart
from itself by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from p4verify.certain import allows, differs_in_all
from p4verify.pairing import Pairing
from p4verify.proofs.choices import IMPL, apart
from p4verify.proofs.counterexample import Input
from p4verify.proofs.engine import Engine, Model
from p4verify.proofs.verdict import Observed
from p4verify.semantics import bits as b
from p4verify.semantics.meaning.behaviour import Behaviour
from p4verify.semantics.meaning.program import meaning
from p4verify.semantics.p4.frontend import load_text
from tests.cli.conftest import Command

PROGRAM = """#include <core.p4>
#include <v1model.p4>
header h_t { bit<8> v; bit<32> o; }
struct H { h_t h; }
struct M { bit<8> z; }
parser P(packet_in b, out H h, inout M m, inout standard_metadata_t s) {
    state start { b.extract(h.h); transition accept; } }
control V(inout H h, inout M m) { apply {} }
control I(inout H h, inout M m, inout standard_metadata_t s) {
    action put(bit<32> n) { h.h.o = n; }
    table t { key = { h.h.o : exact; } actions = { put; NoAction; } default_action = NoAction(); }
    apply { bit<32> x; s.egress_spec = 1; BODY } }
control E(inout H h, inout M m, inout standard_metadata_t s) { apply {} }
control D(packet_out b, in H h) { apply { b.emit(h.h); } }
V1Switch(P(), V(), I(), E(), V(), D()) main;
"""


@pytest.fixture
def compare(p4verify: Command, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Compares two bodies of the control; gives the exit code and the only result."""

    def run(*bodies: str, more: tuple[str, ...] = (), texts: Sequence[str] = (PROGRAM, PROGRAM)):  # type: ignore[no-untyped-def]
        paths = []
        for name, text, body in zip("ab", texts, bodies, strict=True):
            paths.append(tmp_path / f"{name}.p4")
            paths[-1].write_text(text.replace("BODY", body))
        ended = p4verify("check", paths[0], "--against", paths[1], *more, "--format", "json")
        (result,) = ended.json()["results"]
        return ended.code, result

    return run


@pytest.mark.parametrize(
    ("first", "second"),
    [
        # A packet of zeros is simpler, but there the first program allows what the second one does.
        ("if (h.h.v == 0) { h.h.o = x; } else { h.h.o = 5; }",
         "if (h.h.v == 0) { h.h.o = 0x12345; } else { h.h.o = 6; }"),
        # ... also where what is undefined is asked for in a table.
        ("if (h.h.v == 0) { h.h.o = x; t.apply(); } else { h.h.o = 5; }",
         "if (h.h.v == 0) { h.h.o = 0x12345; t.apply(); } else { h.h.o = 6; }"),
    ],
)  # fmt: skip
def test_no_undefined_value_would_do_on_the_packet_that_is_shown(compare, first: str, second: str) -> None:  # type: ignore[no-untyped-def]
    code, result = compare(first, second)
    assert code == 1, result["reason"]
    assert result["counterexample"]["packet"][:2] != "00"


def test_bytes_that_only_one_side_takes_apart_are_those_of_the_packet(compare) -> None:  # type: ignore[no-untyped-def]
    """Of a short packet the first program takes no header, so its behaviour does not tell the byte that the second one
    overwrites; the port is not defined in either."""
    shorter = PROGRAM.replace("s.egress_spec = 1; ", "")
    second = shorter.replace("b.extract(h.h);", "b.extract(h.k); b.extract(h.h);")
    code, result = compare("h.k.v = 0;", "h.k.v = 0;", texts=[
        text.replace("{ h_t h; }", "{ k_t k; h_t h; }").replace("struct H", "header k_t { bit<8> v; }\nstruct H")
        .replace("b.emit(h.h);", "b.emit(h.h); b.emit(h.k);")
        for text in (shorter.replace("b.extract(h.h);", "b.extract(h.h); b.extract(h.k);"), second)
    ])  # fmt: skip
    assert (code, result["verdict"]) == (1, "reject"), result["reason"]
    assert "undefined" not in result["reason"]


def test_a_cell_that_one_side_writes_at_an_undefined_index_may_be_as_it_was() -> None:
    """What it held before is what it holds on the side that writes none, whichever cell is looked at."""
    text = PROGRAM.replace("action put", "register<bit<8>>(64) r; action put").replace("bit<32> x;", "")
    bodies = "bit<32> x; if (h.h.v == 7) { r.write(x, 9); }", "if (h.h.v == 7) { h.h.v = 7; }"
    first, second = (meaning(load_text(text.replace("BODY", body), "a.p4").program) for body in bodies)
    given = Input(bytes([7, 0, 0, 0, 0]), 1, Model({"at.I.r": 3}), {"I.r": (3,)})
    held = {"state.I.r": lambda *cell: 2 if cell == (3,) else 5}
    assert allows(first, apart(second, IMPL), given, held, Engine()) == "yes"
    other = meaning(load_text(text.replace("BODY", "h.h.v = 8;"), "a.p4").program)
    assert allows(first, apart(other, IMPL), given, held, Engine()) == "no"


def test_no_undefined_value_would_do_on_the_packet_that_a_machine_does_wrong(p4verify: Command, tmp_path: Path) -> None:
    program, other, lowered = (tmp_path / name for name in ("a.p4", "b.p4", "b.o"))
    program.write_text(PROGRAM.replace("BODY", "if (h.h.v == 0) { h.h.o = x; } else { h.h.o = 5; }"))
    other.write_text(PROGRAM.replace("BODY", "if (h.h.v == 0) { h.h.o = 0x12345; } else { h.h.o = 6; }"))
    assert p4verify("lower", other, "--target", "ebpf", "-o", lowered).code == 0
    ended = p4verify("check", program, "--against", lowered, "--no-machines", "--format", "json")
    (result,) = ended.json()["results"]
    assert ended.code == 1, result["reason"]
    assert result["counterexample"]["packet"][:2] != "00"


@pytest.mark.long
@pytest.mark.parametrize(
    ("body", "more"),
    [
        ("t.apply();", ("--exactly",)),
        pytest.param("t.apply();", (), marks=pytest.mark.campaign),
        pytest.param("h.h.o = x; t.apply();", ("--exactly",), marks=pytest.mark.campaign),
        pytest.param("h.h.o = x; t.apply();", (), marks=pytest.mark.campaign),
    ],
)
def test_a_difference_that_shows_between_a_program_and_itself_is_none(  # type: ignore[no-untyped-def]
    compare, monkeypatch: pytest.MonkeyPatch, body: str, more: tuple[str, ...]
) -> None:
    right = Pairing.in_first_words

    def wrong(pairing: Pairing, behaviour: Behaviour) -> Behaviour:
        """Every frame of the second goes out of the port beside."""
        cases = []
        for case in right(pairing, behaviour).cases:
            outputs = tuple(replace(o, port=b.add(o.port, b.bv(1, 32))) for o in case.outputs)
            cases.append(replace(case, outputs=outputs))
        return replace(right(pairing, behaviour), cases=tuple(cases))

    monkeypatch.setattr(Pairing, "in_first_words", wrong)
    code, result = compare(body, f"{body} m.z = 1;", more=more)
    assert code == 4
    assert "told apart from itself" in result["reason"]


COPIED = """#include <core.p4>
#include <v1model.p4>
header bits_t { bit<56> low; bit<8> told; bit<56> mid; bit<8> flag; bit<32> rest; }
struct H { bits_t b; }
struct M { }
parser P(packet_in p, out H h, inout M m, inout standard_metadata_t s) {
    state start { p.extract(h.b); transition accept; } }
control V(inout H h, inout M m) { apply {} }
control I(inout H h, inout M m, inout standard_metadata_t s) {
    bits_t none;
    apply { h.b.flag = 0; h.b.told = none.told; clone(CloneType.I2E, 1); } }
control E(inout H h, inout M m, inout standard_metadata_t s) { apply {} }
control D(packet_out p, in H h) { apply { p.emit(h.b); } }
V1Switch(P(), V(), I(), E(), V(), D()) main;
"""


@pytest.mark.long
def test_the_order_of_a_frame_and_its_copies_tells_nothing_apart(p4verify: Command, tmp_path: Path) -> None:
    """The machine sends copies one by one, the frame behind them; what is undefined in the frame may be anything."""
    (tmp_path / "copied.p4").write_text(COPIED)
    (result,) = p4verify("check", tmp_path / "copied.p4", "--target", "ebpf", "--format", "json").json()["results"]
    assert (result["verdict"], result["counterexample"]) == ("unsupported", None), result["reason"]
    assert "not sent alike to all members" in result["reason"]


FRAME, COPY, OTHER = ("port", 1, b"frame"), ("port", 2, b"copy"), ("port", 2, b"other")
ITSELF, COPIED_TO = (0, (), (), ()), (0, ("clone",), (), ((2, 0),))


def test_frames_are_compared_kind_by_kind_or_whatever_their_order() -> None:
    told = Observed((FRAME, COPY), kinds=(ITSELF, COPIED_TO))
    assert not told.differs(Observed((COPY, FRAME), kinds=(COPIED_TO, ITSELF)))
    assert told.differs(Observed((FRAME, COPY), kinds=(COPIED_TO, ITSELF)))
    plain = Observed((COPY, FRAME), kinds=(ITSELF, ITSELF))
    assert not told.differs(plain)
    assert told.differs(Observed((OTHER, FRAME), kinds=(ITSELF, ITSELF)))
    assert told.differs(Observed((FRAME,), kinds=(ITSELF,)))
    assert plain.differs(Observed((FRAME, COPY), kinds=(ITSELF, ITSELF)))  # of one kind, the order counts
    assert Observed((FRAME, COPY)).differs(Observed((COPY, FRAME)))  # nothing is known of them


def seen(*frames: tuple[str, int, bytes]) -> Observed:
    """The first is the frame, others are its copies."""
    return Observed(frames, kinds=(ITSELF, *(COPIED_TO for _ in frames[1:])))


@pytest.mark.parametrize(
    ("guessed", "shown", "certain"),
    [
        ([FRAME, ("port", 1, b"fRame")], ("port", 1, b"frAme"), True),  # one frame is left, and in it one byte
        ([FRAME, ("port", 1, b"fRame")], ("port", 1, b"f?ame"), False),
        ([FRAME, ("port", 3, b"frame")], ("port", 4, b"frame"), False),  # that is sorted elsewhere
        ([FRAME, FRAME], OTHER, True),
    ],
)
def test_what_differs_for_certain_beside_copies(
    guessed: list[tuple[str, int, bytes]], shown: tuple[str, int, bytes], certain: bool
) -> None:
    machine = Observed((COPY, COPY, shown), kinds=(ITSELF,) * 3)
    assert differs_in_all([seen(frame, COPY, COPY) for frame in guessed], machine) is certain
    lost = Observed((COPY, shown), kinds=(ITSELF,) * 2)
    assert differs_in_all([seen(frame, COPY, COPY) for frame in guessed], lost)  # a copy is missing for certain
