"""Large pairs that are told apart by whole pipelines on single frames."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from p4verify import by_frames, pairs
from p4verify.frames import fitting, frames, of_parameters, ways
from p4verify.pair_blocks import as_found
from p4verify.proofs.engine import Engine
from p4verify.proofs.refine import told
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.replay import confirm_pair
from p4verify.semantics import bits as b
from p4verify.semantics import ir
from p4verify.semantics.meaning.behaviour import Behaviour, distinct_terms
from p4verify.semantics.meaning.bounds import Bounds
from p4verify.semantics.meaning.concrete import evaluate_behaviour
from p4verify.semantics.meaning.program import meaning, run
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.build import program_rules
from p4verify.semantics.rules.ruleset import ActionCall
from p4verify.semantics.source import OutOfTime, Unsupported
from tests.support.pair_campaign import load

TEXT = """#include <core.p4>
#include <v1model.p4>
header tag_t {{ bit<8> kind; bit<8> number; }}
struct headers_t {{ tag_t a; tag_t b; tag_t c; }}
struct meta_t {{ bit<8> seen; }}
parser p(packet_in pk, out headers_t h, inout meta_t m, inout standard_metadata_t s) {{
    state start {{ pk.extract(h.a); transition select(h.a.kind) {{ 1: more; 2: last; default: accept; }} }}
    state more {{ pk.extract(h.b); transition select(h.b.kind) {{ {two}: last; default: reject; }} }}
    state last {{ pk.extract(h.c); m.seen = h.c.number; transition accept; }}
}}
control v(inout headers_t h, inout meta_t m) {{ apply {{ }} }}
control i(inout headers_t h, inout meta_t m, inout standard_metadata_t s) {{
    bit<8> unset;
    action to(bit<9> port) {{ s.egress_spec = port; }}
    action drop() {{ mark_to_drop(s); }}
    action keep() {{ h.a.number = unset; }}
    table t {{
        key = {{ m.seen: exact; h.b.isValid(): exact; }}
        actions = {{ to; drop; keep; }}
        default_action = drop();
    }}
    apply {{
        s.egress_spec = 3;
        t.apply();
        if (h.b.isValid() && h.c.isValid() && h.c.number == {number}) {{ h.c.number = {value}; }}
        {more}
    }}
}}
control e(inout headers_t h, inout meta_t m, inout standard_metadata_t s) {{ apply {{ }} }}
control c(inout headers_t h, inout meta_t m) {{ apply {{ }} }}
control d(packet_out pk, in headers_t h) {{ apply {{ pk.emit(h); }} }}
V1Switch(p(), v(), i(), e(), c(), d()) main;
"""


def made(*, two: int = 2, number: int = 77, value: int = 1, more: str = "") -> ir.Program:
    return load_text(TEXT.format(two=two, number=number, value=value, more=more), "test.p4").program


def judged(second: ir.Program) -> Proof:
    return pairs.check_pair(pairs.ProgramPair(made(), second), Engine(timeout=20), time.monotonic())


@pytest.fixture
def _large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every pair is so large that it is tried on frames first."""
    monkeypatch.setattr(by_frames, "NODES", 0)
    monkeypatch.setattr(by_frames, "LARGE", 0)


@pytest.fixture
def _frames_alone(_large: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def proven(*_: object) -> Proof:
        raise AssertionError("frames show nothing")

    monkeypatch.setattr(pairs, "compare_whole", proven)


@pytest.mark.usefixtures("_frames_alone")
@pytest.mark.parametrize("changed", [{"value": 2}, {"number": 78}, {"two": 5}])
def test_a_difference_is_seen_on_a_frame(changed: dict[str, int]) -> None:
    """One that takes two headers and a number in one of them, whether a control differs or the parser."""
    proof = judged(made(**changed))
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert proof.counterexample is not None
    assert "interpreter of both programs" in proof.counterexample.confirmed_by
    assert len(proof.counterexample.packet) >= 6


@pytest.mark.usefixtures("_large")
def test_what_only_undefined_values_show_is_no_difference() -> None:
    """The first program may have left there what the second one writes."""
    assert judged(made(more="")).verdict is Verdict.ACCEPT
    first, second = (made(more=f"if (h.c.isValid()) {{ h.a.number = {value}; }}") for value in ("unset", "8w5"))
    proof = pairs.check_pair(pairs.ProgramPair(first, second), Engine(timeout=20), time.monotonic())
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    proof = pairs.check_pair(pairs.ProgramPair(second, first), Engine(timeout=20), time.monotonic())
    assert proof.verdict is Verdict.REJECT, proof.reason


@pytest.mark.usefixtures("_large")
def test_frames_that_become_too_many_are_left_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one says so, and no other is tried; the verdict is the same."""
    tried: list[bytes] = []
    on_frame = pairs.ProgramPair.on_frame

    def counted(self: pairs.ProgramPair, frame: bytes | None) -> tuple[Behaviour, Behaviour, Behaviour]:
        tried.extend([frame] if frame is not None else [])
        return on_frame(self, frame)

    monkeypatch.setattr(pairs.ProgramPair, "on_frame", counted)
    monkeypatch.setattr(pairs, "MOST_OUTPUTS_OF_A_FRAME", 0)
    assert judged(made(value=2)).verdict is Verdict.REJECT
    assert len(tried) == 1


def test_whole_pipelines_are_given_up_when_there_is_no_time_left() -> None:
    pair = pairs.ProgramPair(made(), made(value=2))
    proof = pairs.check_pair(pair, Engine(timeout=20, deadline=time.monotonic() - 1), time.monotonic())
    assert proof.verdict is Verdict.UNDECIDED
    assert "time limit" in proof.reason
    assert "pipelines" not in vars(pair)


def test_a_block_that_differs_is_named_where_no_packet_is_found_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: object) -> Proof:
        raise OutOfTime

    monkeypatch.setattr(pairs.ProgramPair, "on_frame", late)
    proof = judged(made(value=2))
    assert proof.verdict is Verdict.UNDECIDED
    assert "time limit" in proof.reason
    assert "block ig differs in metadata h." in proof.reason
    assert proof.tally.compared > 0


def test_what_a_packet_becomes_is_bounded() -> None:
    with pytest.raises(OutOfTime):
        meaning(made(), bounds=Bounds(until=time.monotonic() - 1))
    with pytest.raises(Unsupported, match="more than 2 layouts"):
        meaning(made(), bounds=Bounds(outputs=2))
    assert meaning(made(), bounds=Bounds(1000, time.monotonic() + 60)) == meaning(made())


def test_frames_go_every_way_through_the_parser() -> None:
    """Without a second header; with two of them, or the last one too, that way or at once; and cut short."""
    program = made()
    seen = set()
    for frame in frames(ways(program, None), Engine(timeout=5)):
        steps = run(program, program_rules(program), frame, 1).trace.steps
        seen.add("".join(step["header"][-1] for step in steps if step["step"] == "extract"))
    assert seen == {"", "a", "ab", "ac", "abc"}


def test_frames_are_as_a_block_found_them_first() -> None:
    wanted = of_parameters(
        {"in.h.a.isValid()": 1, "in.h.b.isValid()": 1, "in.h.c.isValid()": 1, "in.h.c.number": 77, "pkt.len": 9}
    )
    first = next(fitting(ways(made(), None), wanted, Engine(timeout=5)))
    assert first[0] == 1
    assert first[2] == 2
    assert first[5] == 77


def test_on_one_frame_a_program_means_what_it_does_to_it() -> None:
    program = made(value=200)
    rules = replace(program_rules(program), defaults={"i.t": ActionCall("to", (5,))})
    for frame in (*frames(ways(program, None), Engine(timeout=5)), bytes([1, 0, 2, 0, 77, 77])):
        behaviour = meaning(program, rules, frame=frame)
        assert not [v for v in b.variables(*distinct_terms(behaviour.cases)) if v.name.startswith("pkt")]
        outputs = evaluate_behaviour(behaviour, frame, 1, default=0).outputs
        assert outputs == run(program, rules, frame, 1).outputs
        assert outputs or len(frame) < 6


UNDEFINED = (
    "9aeab7bd5132b3020f84148d0800967f6995ab7f2c99f8115149f562e365fa56fa56e391086805a192e124ffaebe4c9face2513e4185011a"
    "adff"
)
"""A frame on which a large program asks tables with undefined values."""


@pytest.mark.corpus
@pytest.mark.campaign
def test_what_tables_answer_to_keys_that_no_model_speaks_of_makes_no_difference(corpus: Path) -> None:
    """A compiler's output is told from its source by a model whose answers are legal only where it was asked; with the
    rules that it becomes, undefined values of the source do what the output does."""
    names = ("p4_16_samples/omec/up4.p4", "p4_16_samples_outputs/omec/up4-frontend.p4")
    pair = pairs.ProgramPair(*(load(corpus / "p4c" / name) for name in names))
    engine, frame = Engine.within(200), bytes.fromhex(UNDEFINED)
    spec, impl, theirs = pair.on_frame(frame)
    outcome = told(spec, impl, engine)
    assert outcome.difference is not None
    model = outcome.difference.model
    values = {**model.values, **{f"pkt[{i}]": octet for i, octet in enumerate(frame)}, "pkt.len": len(frame)}
    difference = replace(outcome.difference, model=replace(model, values=values))
    found = as_found(pair, replace(outcome, difference=difference), spec, theirs, "the pipeline")
    assert found.difference is not None
    proof = confirm_pair(replace(found.difference, guessed=True), found.tally, time.monotonic(), engine)
    assert proof.verdict is Verdict.UNDECIDED
