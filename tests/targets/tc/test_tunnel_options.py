"""Options of tunnels: in every form, and what lists mean that ask for them or set them."""

from __future__ import annotations

import pytest

from p4verify.semantics.meaning.concrete import Outcome, evaluate_behaviour
from p4verify.semantics.source import InputError
from p4verify.targets.flower.artifact import encode, parse_script, print_script, read
from p4verify.targets.flower.meaning import meaning
from p4verify.targets.flower.oracle import UserModeFlower
from tests.support.compiled import inside
from tests.support.small_behaviours import verdict as compared

FRAME = bytes.fromhex("020000000001 020000000002 0800 45000014 00010000 40110000 0a000001 0a000002")
ALL = "protocol all flower"
SET = "action tunnel_key set src_ip 1.1.1.1 dst_ip 2.2.2.2 id 7"
TO = "action mirred egress redirect dev port"
ONE, TWO = "0102:80:00800022", "0102:80:00800022,0103:0f:1122334455667788"
WIRE = {ONE: "0102800100800022", TWO: "01028001008000220103" + "0f021122334455667788"}


def script(*filters: str) -> str:
    return "".join(f"filter add dev port0 ingress {f}\n" for f in filters)


def given(options: str, flags: int = 0x0800) -> dict[str, int]:
    """Options as they go over the wire."""
    data = bytes.fromhex(options)
    numbers = {"options": int.from_bytes(data.ljust(255, b"\0"), "big"), "options_len": len(data), "flags": flags}
    return {"in.tunnel": 1, "in.tunnel.mode": 1, **{f"in.tunnel.{name}": number for name, number in numbers.items()}}


def does(*filters: str, given: dict[str, int] | None = None) -> Outcome:
    return evaluate_behaviour(meaning(parse_script(script(*filters))), FRAME, 0, inputs=given or {}, default=0)


def verdict(*lists: str) -> str:
    first, second = (meaning(parse_script(text)) for text in lists)
    return compared(first, second)


LINES = [
    f"pref 1 {ALL} geneve_opts {ONE} action drop",
    f"pref 1 {ALL} geneve_opts 0102:80:00800022/ff00:0f:00ff00ff,0103:0f:1122334455667788/ffff:ff:ffffffff00000000",
    f"pref 1 {ALL} enc_key_id 5 vxlan_opts 5/255 {SET} geneve_opts {TWO} nocsum {TO}1",
    f"pref 1 {ALL} {SET} vxlan_opts 0x80007 {TO}1",
]


@pytest.mark.parametrize("line", LINES)
def test_words_and_messages(line: str) -> None:
    filters = parse_script(script(line))
    assert read(print_script(filters).encode(), "x").filters == filters.filters
    assert read(encode(filters), "x").filters == filters.filters


SHOWN = """filter protocol ip pref 1 flower chain 0
filter protocol ip pref 1 flower chain 0 handle 0x1
  eth_type ipv4
  geneve_opts 0102:80:00800022/ff00:0f:00ff00ff,0103:0f:11223344/ffff:ff:ffffffff
  not_in_hw
\taction order 1: tunnel_key  set
\tsrc_ip 1.1.1.1
\tdst_ip 2.2.2.2
\tkey_id 3
\tdst_port 6081
\tgeneve_opts 0102:80:00800022,0103:01:1122334455667788
\tnocsum
\tttl 3 pipe
\t index 1 ref 1 bind 1
"""
JSON = """[{"protocol":"ip","pref":1,"kind":"flower","chain":0},{"protocol":"ip","pref":1,"kind":"flower","chain":0,
"options":{"handle":1,"keys":{"eth_type":"ipv4","geneve_opt_key":[{"class":258,"type":128,"data":[0,128,0,34]},
{"class":259,"type":15,"data":[17,34,51,68]}],"geneve_opt_mask":[{"class":65280,"type":15,"data":[0,255,0,255]},
{"class":65535,"type":255,"data":[255,255,255,255]}]},"not_in_hw":true,"actions":[{"order":1,"kind":"tunnel_key",
"mode":"set","src_ip":"1.1.1.1","dst_ip":"2.2.2.2","key_id":3,"dst_port":6081,"geneve_opts":[{"class":258,"type":128,
"data":[0,128,0,34]},{"class":259,"type":1,"data":[17,34,51,68,85,102,119,136]}],"flag":"nocsum","ttl":3,
"control_action":{"type":"pipe"},"index":1,"ref":1,"bind":1}]}}]"""


def test_dumps() -> None:
    """As tc shows them."""
    words = (
        "handle 1 flower geneve_opts 0102:80:00800022/ff00:0f:00ff00ff,0103:0f:11223344 action tunnel_key set src_ip"
        " 1.1.1.1 dst_ip 2.2.2.2 id 3 dst_port 6081 geneve_opts 102:80:00800022,0103:1:1122334455667788 nocsum ttl 3"
    )
    (one,) = parse_script(script(f"pref 1 protocol ip {words}")).filters
    for text in (SHOWN, JSON):
        (found,) = read(text.encode(), "x").filters
        assert (found.keys, found.actions) == (one.keys, one.actions)


@pytest.mark.parametrize(
    "words",
    [
        "0102:80:008000",
        "0102:80",
        "0102:80:00800022/ffff:ff:ffffffffffffffff",
        "10102:80:00800022",
        "0102:80:00800022,",
    ],
)
def test_options_that_there_are_not(words: str) -> None:
    with pytest.raises(InputError):
        parse_script(script(f"pref 1 {ALL} geneve_opts {words} {TO}1"))


def test_options_that_are_set_go_with_the_frame() -> None:
    for words, wire in WIRE.items():
        (beside,) = does(f"pref 1 {ALL} {SET} geneve_opts {words} {TO}1").carried
        expected = given(wire, 0x0805)
        assert {name: beside[name] for name in ("tunnel.options", "tunnel.options_len", "tunnel.flags")} == {
            name.removeprefix("in."): number for name, number in expected.items() if "opt" in name or "flags" in name
        }


KEYS = [
    (ONE, True, True),
    (TWO, False, True),
    ("0102:80:00800023", False, False),
    ("0102:80:00800023/ffff:ff:fffffffe", True, True),
    ("0102:00:00800022/ffff:0f:ffffffff", True, True),
    ("0102:80:0080002200000000", False, False),
]
"""Keys, and whether what comes with the one option and with both has them. The kernel takes the number of bytes for
its own mask: 24 & 8 is 8."""
BOTH = "010280010080002201030f021122334455667788"
LONGER = "010280010080002201030f031122334455667788" + "00000000"


@pytest.mark.parametrize(("key", "one", "two"), KEYS)
def test_what_options_are_asked_for(key: str, one: bool, two: bool) -> None:
    line = f"pref 1 {ALL} geneve_opts {key} {TO}1"
    expected = [one, two and key == TWO, two and key != TWO]
    comes = (WIRE[ONE], BOTH, LONGER)
    assert [does(line, given=given(wire)).outputs[0][0] == "port" for wire in comes] == expected
    assert does(line).outputs[0][0] == "stack"


def test_options_of_another_tunnel_are_others() -> None:
    line = f"pref 1 {ALL} geneve_opts {ONE} {TO}1"
    assert does(line, given=given(WIRE[ONE], 0x1000)).outputs[0][0] == "stack"
    covers = inside(meaning(parse_script(script(line))))
    comes = given(WIRE[ONE])
    assert covers(FRAME, 0, comes)
    assert not covers(FRAME, 0, {**comes, "in.tunnel.options_len": 4})


def test_lists_whose_options_differ_are_told_apart() -> None:
    lists = [
        script(f"pref 1 {ALL} {SET} {options} {TO}1") for options in ("", f"geneve_opts {ONE}", f"geneve_opts {TWO}")
    ]
    lists.append(lists[1].replace("00800022", "00800021"))
    assert {verdict(x, y) for x in lists for y in lists if x != y} == {"differs"}
    assert verdict(lists[1], lists[1].replace("pref 1", "pref 9").replace("0102:", "102:")) == "accept"
    asks = [script(f"pref 1 {ALL} geneve_opts {ONE} action drop", f"pref 2 {ALL} {TO}1"), script(f"pref 2 {ALL} {TO}1")]
    assert verdict(*asks) == "differs"


@pytest.mark.oracle
def test_the_kernel_asks_for_the_same_and_sets_the_same(kernel: UserModeFlower) -> None:
    lines = [
        f"pref {i} {ALL} geneve_opts {key} action mirred egress mirror dev port{i} continue"
        for i, (key, *_) in enumerate(KEYS, 1)
    ]
    lines.append(f"pref 20 {ALL} geneve_opts {ONE} {SET} geneve_opts {TWO} {TO}20")
    lines.append(f"pref 21 {ALL} {SET} geneve_opts {ONE} {TO}21")
    filters = parse_script(script(*lines))
    behaviour = meaning(filters)
    for wire in (WIRE[ONE], BOTH, LONGER, ""):
        comes = given(wire)
        (seen,) = kernel.run_given(filters, [(0, FRAME)], comes)
        said = evaluate_behaviour(behaviour, FRAME, 0, inputs=comes, default=0)
        assert list(seen.outputs) == sorted(said.outputs)
        told = dict(zip(said.outputs, said.carried, strict=True))
        for output, beside in zip(seen.outputs, seen.beside, strict=True):
            assert {name: told[output][name] for name in beside if name in told[output]} == {
                name: value for name, value in beside.items() if name in told[output]
            }
            assert "tunnel.options" in beside
