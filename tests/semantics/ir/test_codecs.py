"""Both codecs: what is written is read back the same, and what nobody wrote is refused with one message."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.semantics import ir
from p4verify.semantics.ir import codec_json, codec_netlink, schema, traverse
from p4verify.semantics.source import InputError, Span
from tests.support.ir_nodes import Nodes, same, seeds

EMPTY = ir.Program("x.p4", "v1model", (), (), (), (), (), (), (), (), (), None)


def with_body(*statements: ir.Stmt, types: tuple[ir.HeaderType, ...] = ()) -> ir.Program:
    control = ir.Control("C", "C", (), (), (), (), ir.Block(statements))
    return ir.Program("x.p4", "v1model", (), (), types, (), (), (), (), (control,), (), None)


def deep_sum(depth: int) -> ir.Program:
    value: ir.Expr = ir.Const(1, ir.bits(8))
    for _ in range(depth):
        value = ir.Binary("+", value, ir.Const(1, ir.bits(8)), ir.bits(8))
    return with_body(ir.Assign(ir.Var("x", ir.bits(8)), value))


def through_json(program: ir.Program) -> ir.Program:
    return codec_json.from_json(codec_json.to_json(program))


def through_netlink(program: ir.Program) -> ir.Program:
    return codec_netlink.from_netlink(codec_netlink.to_netlink(program))


ROUND_TRIPS = pytest.mark.parametrize("trip", [through_json, through_netlink], ids=["json", "netlink"])
Trip = Callable[[ir.Program], ir.Program]


@pytest.mark.long
@ROUND_TRIPS
@settings(deadline=None, max_examples=60)
@given(seed=seeds)
def test_round_trip(trip: Trip, seed: int) -> None:
    program = Nodes(seed).program()
    back = trip(program)
    assert back == program
    assert same(back, program)


@given(seeds)
@settings(deadline=None, max_examples=30)
def test_the_tree_is_plain(seed: int) -> None:
    program = Nodes(seed).program()
    tree = codec_json.to_tree(program)
    assert json.loads(json.dumps(tree)) == tree
    assert same(codec_json.from_tree(tree), program)
    assert same(codec_json.from_json(codec_json.to_json(program, indent=1)), program)


def test_every_class_and_field_has_a_number() -> None:
    assert {c.__name__ for c in schema.all_classes()} == set(schema.BY_NAME)
    assert len(schema.BY_NUMBER) == len(schema.BY_NAME)


@ROUND_TRIPS
def test_all_kinds_are_covered(trip: Trip) -> None:
    """Each class of nodes, in a place where it may stand."""
    missing = set(schema.all_classes())
    for seed in range(400):
        program = Nodes(seed, depth=6).program()
        found = _classes(program) & missing
        if found:
            missing -= found
            assert same(trip(program), program)
        if not missing:
            break
    assert not missing, f"no random program has a {missing}"


def _classes(program: ir.Program) -> set[type]:
    found: set[type] = set()
    traverse.fold(program, lambda _: None, lambda _: None, lambda value, _fields, _parts: found.add(type(value)))
    return found


@pytest.mark.long
@ROUND_TRIPS
def test_deep_and_wide(trip: Trip) -> None:
    assert same(trip(deep_sum(4000)), deep_sum(4000))
    wide = with_body(*(ir.Assign(ir.Var(f"x{i}", ir.bits(i)), ir.Const(i, ir.bits(i))) for i in range(10_000)))
    assert same(trip(wide), wide)
    text = with_body(ir.Assign(ir.Var("x" * 100_000, ir.bits(8)), ir.Const("é" * 70_000, ir.StringType())))
    assert same(trip(text), text)
    number = with_body(ir.Assign(ir.Var("x", ir.bits(30_000)), ir.Const(-(1 << 29_999), ir.bits(30_000))))
    assert same(trip(number), number)


@ROUND_TRIPS
def test_types_of_one_name_stay_apart(trip: Trip) -> None:
    first = ir.HeaderType("h", (ir.Field("a", ir.bits(8)),))
    second = ir.HeaderType("h", (ir.Field("a", ir.bits(9)),))
    third = ir.HeaderType("h", (ir.Field("a", ir.bits(8), span=Span("a.p4", 3, 4)),))
    program = with_body(*(ir.Declare(f"v{i}", t) for i, t in enumerate((first, second, third, first))))
    assert same(trip(program), program)


def test_named_types_are_written_once() -> None:
    header = ir.HeaderType("ethernet_t", tuple(ir.Field(f"field_number_{i}", ir.bits(8)) for i in range(50)))
    program = with_body(*(ir.Declare(f"v{i}", header) for i in range(200)), types=(header,))
    assert codec_json.to_json(program).count("field_number_7") == 1
    assert codec_netlink.to_netlink(program).count(b"field_number_7") == 1
    assert codec_json.to_json(program).count('{"type": "ethernet_t"}') == 201
    back = through_netlink(program)
    assert back.types[0] is back.controls[0].body.body[7].type  # type: ignore[union-attr]


# --- what nobody wrote ----------------------------------------------------------------------------------------------

NODE = {"node": "BitsType", "width": 8}
BAD_TREES: list[tuple[object, str]] = [
    ([], "p4ast"),
    ({}, "p4ast"),
    ({"p4ast": 2}, "version 2"),
    ({"p4ast": True}, "version True"),
    ({"p4ast": 1}, r"\$.program: must be a node of kind Program"),
    ({"p4ast": 1, "program": NODE}, "kind Program"),
    ({"p4ast": 1, "program": {"node": "Nonsense"}}, "unknown kind 'Nonsense'"),
    ({"p4ast": 1, "program": {"node": ["Program"]}}, "unknown kind"),
    ({"p4ast": 1, "program": {"node": "Program"}}, "Program without file"),
    ({"p4ast": 1, "program": {"node": "BitsType", "width": "8"}}, "BitsType.width must be int, not str 8"),
    ({"p4ast": 1, "program": {"node": "BitsType", "width": True}}, "BitsType.width must be int, not bool"),
    ({"p4ast": 1, "program": {"node": "BitsType", "width": 1.5}}, "float"),
    ({"p4ast": 1, "program": {"node": "BitsType", "width": 1, "x": 2}}, r"\$.program.x: BitsType has no such field"),
    ({"p4ast": 1, "program": {"part": 0}}, "refers to nothing"),
    ({"p4ast": 1, "program": {"part": -1}, "parts": [NODE]}, "refers to nothing"),
    ({"p4ast": 1, "program": {"type": "h"}}, "refers to nothing"),
    ({"p4ast": 1, "program": {"hex": "zz"}}, "refers to nothing"),
    ({"p4ast": 1, "program": {"a": 1, "b": 2}}, "neither a node"),
    ({"p4ast": 1, "types": [NODE], "program": None}, "no named type"),
    ({"p4ast": 1, "types": [3]}, "named type"),
    ({"p4ast": 1, "types": {}}, "must be a list"),
    ({"p4ast": 1, "files": [3]}, "file's name"),
    ({"p4ast": 1, "extra": 3}, "unknown key 'extra'"),
    ({"p4ast": 1, "program": {"node": "AnySet", "span": [0, 1, 1, 1, 1]}}, "no file 0"),
    ({"p4ast": 1, "files": ["a"], "program": {"node": "AnySet", "span": [0, 1, 1, -1, 1]}}, "a place is"),
    ({"p4ast": 1, "program": {"node": "HeaderType", "name": "h", "fields": []}}, 'belongs in "types"'),
    ({"p4ast": 1, "program": "\ud800"}, "surrogate"),
    ({"p4ast": 1, "parts": [{"node": "Var", "name": "x", "type": {"part": 0}}]}, "refers to nothing"),
]


@pytest.mark.parametrize(("tree", "message"), BAD_TREES, ids=range(len(BAD_TREES)))
def test_bad_trees(tree: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        codec_json.from_tree(tree, "bad.json")
    assert len(caught.value.diagnostics) == 1
    assert str(caught.value).startswith("bad.json: error: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1:1: error: not JSON"),
        ('{"p4ast": 1,\n  oops}', "bad.json:2:3: error: not JSON"),
        (b"\xff\xfe\xff", "not a p4ast in JSON"),
        ("[" * 100_000, "nested too deep"),
        ('{"p4ast": 1, "p4ast": 1}', "given twice"),
        ('{"p4ast": NaN}', "no number"),
        ('{"p4ast": 1, "program": ' + "9" * 5000 + "}", "digits"),
        ('{"p4ast": 1, "program": ' + "[" * 300 + "]" * 300 + "}", "nested deeper"),
    ],
)
def test_bad_json(text: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        codec_json.from_json(text, "bad.json")
    assert len(caught.value.diagnostics) == 1


def _laughing(levels: int) -> ir.Program:
    """A small DAG that stands for 2**levels nodes."""
    value: ir.Expr = ir.Const(1, ir.bits(8))
    for _ in range(levels):
        value = ir.Binary("+", value, value, ir.bits(8))
    return with_body(ir.Assign(ir.Var("x", ir.bits(8)), value))


def _laughing_types(levels: int) -> ir.Program:
    type_: ir.Type = ir.bits(8)
    for i in range(levels):
        type_ = ir.StructType(f"s{i}", (ir.Field("a", type_), ir.Field("b", type_)))
    return with_body(ir.Declare("x", type_))


@pytest.mark.long
def test_sharing_does_not_hide_an_endless_tree() -> None:
    start = time.process_time()
    laughing = codec_netlink._Writer()  # as a foreign writer could: equal nodes once
    value = laughing.scalar(1)
    kind_const, kind_sum = schema.BY_NAME["Const"], schema.BY_NAME["Binary"]
    byte = laughing.item(ir.bits(8), [schema.BY_NAME["BitsType"].by_name["width"]], [laughing.scalar(8)])
    value = laughing.item(ir.Const(1, ir.bits(8)), kind_const.fields[:2], [value, byte])
    for _ in range(60):
        plus = laughing.scalar("+")
        laughing.value_of_id.clear()
        value = laughing.item(
            ir.Binary("+", *[ir.Const(0, ir.bits(8))] * 2, ir.bits(8)), kind_sum.fields[:4], [plus, value, value, byte]
        )
    with pytest.raises(InputError, match="more nodes than a program can have"):
        codec_netlink.from_netlink(laughing.messages(value))
    with pytest.raises(InputError, match="more nodes than a program can have"):
        through_netlink(_laughing_types(60))
    with pytest.raises(InputError, match="more nodes than a program can have"):
        through_json(_laughing_types(60))
    with pytest.raises(InputError, match="within each other"):
        through_netlink(deep_sum(30_000))
    with pytest.raises(InputError, match="within each other"):
        through_json(deep_sum(30_000))
    assert time.process_time() - start < 20


def test_a_long_list_that_many_nodes_share_is_refused_in_time() -> None:
    writer = codec_netlink._Writer()
    items = writer.item((), (), [writer.scalar(i) for i in range(20_000)])
    fields = schema.BY_NAME["EnumType"].fields
    members = writer.item((None,), (), [])
    values = [
        writer.item(ir.EnumType("e", ()), [fields[0], fields[1], fields[3]], [writer.scalar(f"e{i}"), members, items])
        for i in range(2_000)
    ]
    start = time.process_time()
    with pytest.raises(InputError, match="counted as often"):
        codec_netlink.from_netlink(writer.messages(values[-1]))
    assert time.process_time() - start < 20


def _mutations(data: bytes, chance: random.Random) -> bytes:
    made = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        at = chance.randrange(len(made))
        match chance.randrange(6):
            case 0:
                made[at] = chance.randrange(256)
            case 1:
                made[at] ^= 1 << chance.randrange(8)
            case 2:
                del made[at : at + chance.choice((1, 4, 8, 100))]
            case 3:
                made[at:at] = bytes(chance.randrange(256) for _ in range(chance.choice((1, 4))))
            case 4:
                other = chance.randrange(len(made))
                made[at : at + 4] = made[other : other + 4]
            case 5:
                made = made[:at]
        if not made:
            break
    return bytes(made)


def _attack(read: Callable[[bytes], ir.Program], data: bytes, seed: int) -> bool:
    """Whether a mutation was refused. It is refused with one error, or it is a program, and one that can be written."""
    changed = _mutations(data, random.Random(seed))
    try:
        program = read(changed)
    except InputError as error:
        refused = error
    else:
        refused = None
    if refused is not None:
        assert len(refused.diagnostics) == 1
        assert "\n" not in str(refused)
        return True
    assert same(through_netlink(program), program)
    return False


def _fuzz(seed: int) -> tuple[bool, bool]:
    program = Nodes(seed % 17, depth=5).program()
    return (
        _attack(lambda d: codec_netlink.from_netlink(d, "x"), codec_netlink.to_netlink(program), seed),
        _attack(lambda d: codec_json.from_json(d, "x"), codec_json.to_json(program).encode(), seed),
    )


@settings(deadline=2000, max_examples=60)
@given(st.integers(0, 2**32))
def test_mutations_are_refused_or_programs(seed: int) -> None:
    _fuzz(seed)


@pytest.mark.campaign
def test_many_mutations() -> None:
    refused = [_fuzz(seed) for seed in range(10_000)]
    assert sum(netlink for netlink, _ in refused) > 5_000
