"""Ids: the hash, collisions, and what @id may say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4verify.semantics import ir
from p4verify.semantics.p4info.ids import Kind, assign, field_ids, name_hash
from p4verify.semantics.p4info.names import Aliases
from p4verify.semantics.source import NOWHERE, InputError

NAMES = st.lists(st.text("ab.", min_size=1, max_size=4), unique=True, max_size=12)


def _named(*names: str) -> dict[str, tuple[int | None, object]]:
    return dict.fromkeys(names, (None, NOWHERE))


def test_known_ids() -> None:
    assert assign(Kind.ACTION, _named("NoAction"), set()) == {"NoAction": 21257015}
    assert assign(Kind.TABLE, _named("ingress.t"), set()) == {"ingress.t": 34728461}


def test_colliding_names_are_probed_in_alphabetical_order() -> None:
    at = name_hash("b") & 0xFFFFFF
    taken = {Kind.TABLE << 24 | at}
    assert assign(Kind.TABLE, _named("b"), taken) == {"b": Kind.TABLE << 24 | at + 1}


@given(NAMES)
def test_ids_are_distinct_and_do_not_depend_on_the_order(names: list[str]) -> None:
    ids = assign(Kind.METER, _named(*names), set())
    assert len(set(ids.values())) == len(names)
    assert all(number >> 24 == Kind.METER for number in ids.values())
    assert ids == assign(Kind.METER, _named(*reversed(names)), set())


def test_own_ids_with_and_without_the_high_byte() -> None:
    names = {"a": (5, NOWHERE), "b": (0x02000006, NOWHERE), "c": (None, NOWHERE)}
    ids = assign(Kind.TABLE, names, set())
    assert (ids["a"], ids["b"]) == (0x02000005, 0x02000006)


@pytest.mark.parametrize("numbers", [(5, 5), (5, 0x02000005), (0x01000005, 6), (0, 6), (1 << 32, 6), (-1, 6)])
def test_ids_that_cannot_be(numbers: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="@id"):
        assign(Kind.TABLE, {"a": (numbers[0], NOWHERE), "b": (numbers[1], NOWHERE)}, set())


def _params(*ids: int | None) -> list[ir.Param]:
    return [
        ir.Param(f"p{i}", ir.bits(8), annotations=() if n is None else (ir.Annotation("id", str(n), (n,)),))
        for i, n in enumerate(ids)
    ]


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ((None, None, None), [1, 2, 3]),
        ((7, None, None), [7, 2, 3]),
        ((2, None, None), [2, 3, 4]),
        ((None, 1, None), [2, 1, 3]),
    ],
)
def test_ids_of_parameters(given: tuple[int | None, ...], made: list[int]) -> None:
    assert field_ids(_params(*given)) == made


@pytest.mark.parametrize("given", [(1, 1), (0, None)])
def test_ids_of_parameters_that_cannot_be(given: tuple[int | None, ...]) -> None:
    with pytest.raises(InputError, match="@id"):
        field_ids(_params(*given))


def test_aliases() -> None:
    names = ["s.c1.t", "s.c2.t", "s.c1.u", "t2"]
    aliases = Aliases.of(names)
    assert [aliases.alias(n) for n in names] == ["c1.t", "c2.t", "u", "t2"]
    assert Aliases.of(["t", "a.t"]).alias("t") == "t"


@given(NAMES)
def test_an_alias_is_a_suffix_that_no_other_name_has(names: list[str]) -> None:
    aliases = Aliases.of(names)
    for name in names:
        alias = aliases.alias(name)
        assert name == alias or name.endswith(f".{alias}")
        others = [n for n in names if n != name and f".{n}".endswith(f".{alias}")]
        assert not others or alias == name
