"""The evaluator against a second, plain interpreter that shares no code with it, on random programs and packets."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from p4verify.running.entries import random_rules
from p4verify.semantics.meaning.program import run
from p4verify.semantics.p4.frontend import load_text
from tests.support.agreement import Packet
from tests.support.p4_random import DEFINED, Settings, programs
from tests.support.p4_random.chance import Chance
from tests.support.p4_random.expressions import expression
from tests.support.p4_random.scope import Place, Scope
from tests.support.p4_random.types import BOOL, Bits
from tests.support.p4_text import v1model
from tests.support.plain import run_plain
from tests.support.plain.machine import MACHINES
from tests.support.plain_agreement import Judged, judge, one_packet
from tests.support.random_campaign import generated

SETTINGS = {"defined": DEFINED, "undefined": Settings(paths=False)}


def judged(arch: str, seeds: range, given_settings: Settings) -> int:
    """How many packets did the same in both; a difference names the program."""
    count = 0
    for seed in seeds:
        try:
            count += judge(generated(arch, seed, given_settings), seed).compared
        except Exception as problem:
            problem.add_note(f"program {seed} of {arch}, undefined={given_settings.undefined}")
            raise
    return count


@pytest.mark.long
@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.parametrize("arch", MACHINES)
def test_both_interpreters_agree_on_a_sample(arch: str, kind: str) -> None:
    assert judged(arch, range(50, 56 if kind == "defined" else 62), SETTINGS[kind]) >= 5


@pytest.mark.campaign
@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.parametrize("arch", MACHINES)
def test_both_interpreters_agree_in_the_campaign(arch: str, kind: str) -> None:
    assert judged(arch, range(200_000, 201_250), SETTINGS[kind]) > 1_250 * 2


WIDTHS = (1, 2, 7, 8, 13, 31, 32, 33, 64, 65, 120, 128)
EXPRESSIONS = """#include <core.p4>
#include <ubpf_model.p4>
header h_t {{ {fields} bit<{missing}> rest; }}
struct headers {{ h_t i; h_t o; }}
struct meta {{ bool p; bool q; }}
parser P(packet_in pkt, out headers hdr, inout meta m, inout standard_metadata std) {{
    state start {{ pkt.extract(hdr.i); transition accept; }} }}
control C(inout headers hdr, inout meta m, inout standard_metadata std) {{ apply {{
    m.p = hdr.i.b0 == 1; m.q = hdr.i.i1 < 0; hdr.o = hdr.i;
    {body}
}} }}
control D(packet_out pkt, in headers hdr) {{ apply {{ pkt.emit(hdr.o); }} }}
ubpf(P(), C(), D()) main;
"""


def expressions_agree(rng: random.Random, packets: int) -> None:
    """Every field of a header becomes an expression of all the fields, of every width and sign."""
    kinds = [Bits(w, signed) for w in WIDTHS for signed in (False, True)]
    names = [f"{'i' if k.signed else 'b'}{i // 2}" for i, k in enumerate(kinds)]
    missing = -sum(k.width for k in kinds) % 8 or 8
    g = Chance(rng, Settings(expression=4, undefined=False))
    places = [Place(f"hdr.i.{n}", k, False) for n, k in zip(names, kinds, strict=True)]
    scope = Scope("apply", [*places, Place("m.p", BOOL, False), Place("m.q", BOOL, False)], fixed=True)
    lines = [f"hdr.o.{n} = {expression(g, scope, k)};" for n, k in zip(names, kinds, strict=True)]
    fields = " ".join(f"{k} {n};" for n, k in zip(names, kinds, strict=True))
    text = EXPRESSIONS.format(fields=fields, missing=missing, body="\n    ".join(lines))
    program = load_text(text, "random.p4").program
    judged = Judged()
    for salt in range(packets):
        data = rng.randbytes(sum(k.width for k in kinds) // 8 + 1 + rng.randrange(3))
        data = bytes(rng.choice([octet, 0, 255, 128, 127, 1]) for octet in data)
        one_packet(program, random_rules(program, 0, []), Packet(data, 0, salt), judged)
    assert judged.compared == packets


@settings(max_examples=4, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_expressions_of_all_operators_widths_and_signs(rng: random.Random) -> None:
    expressions_agree(rng, 5)


@pytest.mark.campaign
def test_expressions_in_the_campaign() -> None:
    for seed in range(3_000):
        expressions_agree(random.Random(seed), 10)


@settings(max_examples=4, suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink])
@given(st.sampled_from(list(MACHINES)), st.data())
def test_both_interpreters_agree_on_programs_that_shrink(arch: str, data: st.DataObject) -> None:
    judge(data.draw(programs(arch, DEFINED)), 0, packets=4)


def test_the_plain_interpreter_tells_what_is_undefined() -> None:
    program = v1model("bit<8> x; hdr.h.a = x; hdr.h.b = 7;")
    (sent,) = run_plain(program, random_rules(program, 0, []), bytes(4), 0, lambda _n, _i: 0).outputs
    assert sent == ("port", 1, "?" * 8 + "00000111" + "0" * 16)


@pytest.mark.parametrize(
    ("body", "wrong"), [("hdr.h.a = hdr.h.a |+| 200;", "hdr.h.a = hdr.h.a + 200;"), ("", "hdr.h.setInvalid();")]
)
def test_a_difference_would_be_seen(body: str, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right, other = v1model(body), v1model(wrong)
    rules = random_rules(right, 0, [])
    one_packet(right, rules, Packet(b"\xc8\1\2\3", 0, 0), Judged(0, Counter()))
    monkeypatch.setattr("tests.support.plain_agreement.run", lambda _p, *rest, **more: run(other, *rest, **more))
    with pytest.raises(AssertionError, match="plainly"):
        one_packet(right, rules, Packet(b"\xc8\1\2\3", 0, 0), Judged(0, Counter()))


def test_what_a_rejecting_sub_parser_hands_over_is_left_open() -> None:
    top = "parser Sub(packet_in p, out h_t h) { state start { p.extract(h); transition reject; } }"
    program = v1model(
        "", top=top, parser="state start { pkt.extract(hdr.h); sub.apply(pkt, hdr.h); transition accept; }",
        parser_locals="Sub() sub;", deparser="pkt.emit(hdr.w);",
    )  # fmt: skip
    judged = Judged()
    for salt in range(4):
        one_packet(program, random_rules(program, 0, []), Packet(bytes(range(8)), 0, salt), judged)
    assert judged.compared == 4
