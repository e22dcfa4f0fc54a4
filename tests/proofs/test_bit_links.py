"""How bits of numbers hang together: what is learned holds, and one wrong example changes nothing."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from p4verify.proofs.bit_links import Link, holds, links_of, together
from p4verify.semantics import bits as b


def test_an_address_and_a_port_in_registers() -> None:
    """48 bits in two registers, 9 bits behind them, and a constant."""
    chance = random.Random(1)
    examples = []
    for _ in range(50):
        mac, port = chance.getrandbits(48), chance.getrandbits(9)
        first = together((mac, port), (48, 9))
        examples.append((first, together((5, mac & 0xFFFFFFFF, mac >> 32 | port << 16), (8, 32, 32))))
    examples[7] = (examples[7][0], chance.getrandbits(72))
    found = sorted(links_of(examples, (48, 9), (8, 32, 32)))
    assert found == [
        Link(0, 8, -1, 5),
        Link(8, 32, 0),
        Link(40, 16, 32),
        Link(56, 9, 48),
        Link(65, 7, -1),
    ]
    assert [i for i, example in enumerate(examples) if not all(holds(link, *example) for link in found)] == [7]


def test_numbers_that_repeat_themselves_are_linked_as_a_whole() -> None:
    examples = [(hop * 0x10203, hop * 0x10203) for hop in range(60)]
    assert Link(0, 24, 0) in links_of(examples, (24,), (24,)) or Link(0, 23, 0) in links_of(examples, (24,), (24,))


def test_what_is_nearly_equal_by_chance_is_not_linked() -> None:
    """A port that is 1 + hop % 48 looks like the hop, of which the address is made, for most hops."""
    examples = []
    for hop in (2, 3, 5, 6, 8, 9, 11, 13, 15, 17, 20, 21, 24, 26, 28, 30, 33, 34, 36, 40, 41, 44, 47, 49, 55, 60, 63):
        numbers = 0x020000000000 | hop * 0x10203, 1 + hop % 48
        examples.append((together(numbers, (48, 9)), together(numbers, (48, 16))))
    found = links_of(examples, (48, 9), (48, 16))
    assert Link(0, 48, 0) in found
    assert Link(48, 9, 48) in found


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)), min_size=1, max_size=4))
def test_links_are_conditions(examples: list[tuple[int, int]]) -> None:
    x, y = b.var("x", 8), b.var("y", 8)
    for link in links_of(examples, (5, 3), (2, 6)):
        for first, second in examples:
            said = b.evaluate([link.condition(x, y)], {"x": first, "y": second})[0]
            assert bool(said) == holds(link, first, second)
            assert said  # of so few examples a link holds of all
