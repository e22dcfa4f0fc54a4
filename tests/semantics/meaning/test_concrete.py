"""Replaying one packet on a behaviour."""

import pytest

from p4verify.semantics import bits as b
from p4verify.semantics.meaning.behaviour import (
    INPUT_PACKET,
    LENGTH,
    PORT,
    Assumption,
    Behaviour,
    Case,
    Choice,
    Fault,
    Output,
    Packet,
    byte,
)
from p4verify.semantics.meaning.concrete import BadBehaviour, Faulted, evaluate_behaviour

LONG = b.uge(LENGTH, b.bv(2, 16))
ANY = b.var("any.0", 8)


def swapper(**changes: object) -> Behaviour:
    """Swaps the first two bytes of a frame that has them and counts it; short frames go on unchanged."""
    count = b.apply("state.seen", 32, b.var("at.seen", 8))
    seen = b.ite(b.eq(b.var("at.seen", 8), byte(0)), b.add(count, b.bv(1, 32)), count)
    cases = (
        Case(
            LONG,
            (Output(b.TRUE, "port", PORT, Packet((byte(1), byte(0)), 2)),),
            {"mark": b.zext(ANY, 32)},
            {"seen": seen},
        ),
        Case(b.not_(LONG), (Output(b.TRUE, "stack", b.bv(0, 32), INPUT_PACKET),)),
    )
    fields: dict[str, object] = {"cases": cases, "choices": (Choice(ANY, "test"),), **changes}
    return Behaviour(**fields)  # type: ignore[arg-type]


def test_the_case_whose_guard_holds_makes_the_output() -> None:
    result = evaluate_behaviour(swapper(), b"\x01\x02\x03", 7, choices=-1)
    assert result.case == 0
    assert result.outputs == (("port", 7, b"\x02\x01\x03"),)
    assert result.metadata == {"mark": 255}
    assert result.choices == {"any.0": 255}
    short = evaluate_behaviour(swapper(), b"\x01", 7)
    assert short.outputs == (("stack", 0, b"\x01"),)
    assert short.choices == {}


def test_choices_can_be_given_one_by_one() -> None:
    result = evaluate_behaviour(swapper(), b"ab", 0, choices={"any.0": 3})
    assert result.metadata == {"mark": 3}


def test_state_is_told_for_the_cells_asked_for() -> None:
    functions = {"state.seen": lambda i: 10 * i}
    cells = {"seen": [1, 2], "other": [5]}
    with pytest.raises(KeyError):
        evaluate_behaviour(swapper(), b"\x01\x02", 0, functions=functions, cells=cells)
    functions["state.other"] = lambda i: i
    result = evaluate_behaviour(swapper(), b"\x01\x02", 0, functions=functions, cells=cells)
    assert result.state == {"seen": {1: 11, 2: 20}, "other": {5: 5}}
    assert evaluate_behaviour(swapper(), b"\x01", 0, functions=functions, cells=cells).state["seen"] == {1: 10, 2: 20}
    assert result.to_json()["outputs"] == [{"to": "port", "port": 0, "packet": "0201"}]


def test_a_choice_that_is_not_declared_is_our_mistake() -> None:
    with pytest.raises(BadBehaviour, match=r"any\.0"):
        evaluate_behaviour(swapper(choices=()), b"ab", 0)


@pytest.mark.parametrize("cases", [(), (Case(b.TRUE, ()), Case(LONG, ()))])
def test_cases_must_cover_and_exclude(cases: tuple[Case, ...]) -> None:
    with pytest.raises(BadBehaviour, match="cases apply"):
        evaluate_behaviour(swapper(cases=cases), b"abc", 0)


def test_a_packet_cut_beyond_its_end_is_our_mistake() -> None:
    cut = Case(b.TRUE, (Output(b.TRUE, "port", PORT, Packet((), 5)),))
    with pytest.raises(BadBehaviour, match="first 5 bytes"):
        evaluate_behaviour(swapper(cases=(cut,)), b"abc", 0)


def test_the_first_assumption_that_fails_is_named_whatever_the_others_ask_for() -> None:
    small = Assumption("small port", b.ult(PORT, b.bv(4, 32)))
    mark = Assumption("a mark", b.eq(b.var("in.mark", 32), b.bv(1, 32)))
    with pytest.raises(ValueError, match="small port"):
        evaluate_behaviour(swapper(domain=(small, mark)), b"\x01\x02", 5)
    with pytest.raises(ValueError, match="a mark"):
        evaluate_behaviour(swapper(domain=(mark, small)), b"\x01\x02", 5, inputs={"in.mark": 2})
    with pytest.raises(KeyError, match="mark"):
        evaluate_behaviour(swapper(domain=(mark, small)), b"\x01\x02", 5)


def test_inputs_outside_of_the_domain_are_refused() -> None:
    limited = swapper(domain=(Assumption("small port", b.ult(PORT, b.bv(4, 32))),))
    assert evaluate_behaviour(limited, b"abc", 3).outputs
    with pytest.raises(ValueError, match="small port"):
        evaluate_behaviour(limited, b"abc", 4)
    with pytest.raises(ValueError, match="65535"):
        evaluate_behaviour(limited, bytes(65536), 0)


def test_a_missing_value_is_an_error_unless_there_is_a_default() -> None:
    asks = swapper(
        cases=(Case(b.eq(b.var("in.mark", 32), b.bv(0, 32)), ()), Case(b.ne(b.var("in.mark", 32), b.bv(0, 32)), ()))
    )
    with pytest.raises(KeyError):
        evaluate_behaviour(asks, b"", 0)
    assert evaluate_behaviour(asks, b"", 0, default=0).case == 0
    assert evaluate_behaviour(asks, b"", 0, inputs={"in.mark": 4}).case == 1


def test_a_fault_has_no_outcome() -> None:
    faulty = swapper(faults=(Fault(b.eq(PORT, b.bv(9, 32)), "reads past the packet"),))
    assert evaluate_behaviour(faulty, b"abc", 8).outputs
    with pytest.raises(Faulted, match="reads past the packet"):
        evaluate_behaviour(faulty, b"abc", 9)
