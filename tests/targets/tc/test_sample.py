"""The action ``sample``: what it is in every form, and what lists mean that offer packets to be sampled."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from p4verify.semantics.meaning.concrete import Outcome, evaluate_behaviour
from p4verify.semantics.source import InputError
from p4verify.targets.flower.artifact import encode, parse_script, print_script, read
from p4verify.targets.flower.meaning import meaning
from p4verify.targets.flower.oracle import UserModeFlower
from p4verify.targets.tc.artifact.actions import DROP, Sample
from p4verify.targets.tc.oracle.kernel import Kernel
from tests.support import psample
from tests.support.small_behaviours import verdict as compared

FRAME = bytes.fromhex("020000000001 020000000002 0800 45000014 00010000 40110000 0a000001 0a000002")
TAGGED = FRAME[:12] + bytes.fromhex("81000005") + FRAME[12:]
LABELLED = FRAME[:12] + bytes.fromhex("8847 00010140") + FRAME[14:]
ALL = "protocol all flower"
WRITES = "action pedit ex munge eth dst set 02:00:00:00:00:09 munge ip ttl set 3 pipe"
TO = "action mirred egress redirect dev port"


def script(*filters: str) -> str:
    return "".join(f"filter add dev port0 ingress {f}\n" for f in filters)


def does(frame: bytes, *filters: str) -> Outcome:
    return evaluate_behaviour(meaning(parse_script(script(*filters))), frame, 0, default=0)


def verdict(*lists: str) -> str:
    first, second = (meaning(parse_script(script(text))) for text in lists)
    return compared(first, second)


FORMS = [
    ("sample rate 5 group 3", Sample(5, 3)),
    ("sample rate 1 group 7 trunc 60 drop", Sample(1, 7, 60, DROP)),
    ("sample group 0 rate 4294967295", Sample(0xFFFFFFFF, 0)),
]


@pytest.mark.parametrize(("words", "action"), FORMS)
def test_words_and_messages(words: str, action: Sample) -> None:
    filters = parse_script(script(f"pref 1 {ALL} action {words}"))
    assert [f.actions for f in filters.filters] == [(action,)]
    assert read(print_script(filters).encode(), "x").filters == filters.filters
    assert read(encode(filters), "x").filters == filters.filters


SHOWN = """filter protocol ip pref 1 flower chain 0
filter protocol ip pref 1 flower chain 0 handle 0x1
  eth_type ipv4
  not_in_hw
\taction order 1: sample rate 1/5 group 3 trunc_size 60 pipe
\t index 1 ref 1 bind 1
\taction order 2: sample rate 1/1 group 4 pipe
\t index 2 ref 1 bind 1
"""
JSON = """[{"protocol":"ip","pref":1,"kind":"flower","chain":0,"options":{"handle":1,"keys":{"eth_type":"ipv4"},
"not_in_hw":true,"actions":[{"order":1,"kind":"sample","rate":5,"group":3,"trunc_size":60,"control_action":{"type":
"pipe"},"index":1,"ref":1,"bind":1},{"order":2,"kind":"sample","rate":1,"group":4,"control_action":{"type":"pipe"},
"index":2,"ref":1,"bind":1}]}}]"""


def test_dumps() -> None:
    """As tc shows them."""
    for text in (SHOWN, JSON):
        assert [f.actions for f in read(text.encode(), "x").filters] == [(Sample(5, 3, 60), Sample(1, 4))]


@pytest.mark.parametrize("words", ["rate 5", "group 5", "rate 0 group 5", "rate 5 group 0x1ffffffff"])
def test_samples_that_there_are_not(words: str) -> None:
    with pytest.raises(InputError):
        parse_script(script(f"pref 1 {ALL} action sample {words}"))


def test_what_is_sampled_has_no_tag_beside_it() -> None:
    line = f"pref 1 {ALL} action sample rate 5 group 3 trunc 20 {TO}1"
    assert sorted(does(TAGGED, line).outputs) == [("port", 1, TAGGED), ("sampler", 3, FRAME)]
    assert does(TAGGED, line).events == (("sample", (5, 3, 1, 20)),)
    pushed = f"pref 1 {ALL} action vlan push id 7 pipe action sample rate 1 group 3 pipe action drop"
    assert does(TAGGED, pushed).outputs == (("sampler", 3, TAGGED),)


LISTS = [
    f"pref 1 {ALL} {TO}1",
    f"pref 1 {ALL} action sample rate 5 group 3 {TO}1",
    f"pref 1 {ALL} action sample rate 5 group 4 {TO}1",
    f"pref 1 {ALL} action sample rate 6 group 3 {TO}1",
    f"pref 1 {ALL} action sample rate 5 group 3 trunc 9 {TO}1",
    f"pref 1 {ALL} action sample rate 5 group 3 pipe action sample rate 5 group 3 {TO}1",
    f"pref 1 {ALL} {WRITES} action sample rate 5 group 3 pipe action drop",
    f"pref 1 {ALL} action sample rate 5 group 3 pipe action drop",
]


@pytest.mark.long
def test_lists_that_sample_otherwise_are_told_apart() -> None:
    assert {verdict(x, y) for x in LISTS for y in LISTS if x != y} == {"differs"}
    assert verdict(LISTS[1], LISTS[1].replace("pref 1", "pref 8")) == "accept"
    tagged = f"pref 1 {ALL} action sample rate 5 group 3 pipe action vlan push id 3 {TO}1"
    later = f"pref 1 protocol all flower action vlan push id 3 pipe action sample rate 5 group 3 {TO}1"
    assert verdict(tagged, later) == "differs"  # of what comes with a tag, which is pushed into the data


@pytest.mark.long
@pytest.mark.oracle
def test_the_kernel_tells_listeners_what_is_said(uml: UserModeFlower) -> None:
    """In a kernel of its own, in which somebody listens."""
    lines = [
        "pref 1 protocol mpls_uc flower action mpls pop protocol ip pipe action sample rate 1 group 1 drop",
        "pref 2 protocol 802.1q flower action vlan push id 7 pipe action sample rate 1 group 2 trunc 30 drop",
        f"pref 3 {ALL} action vlan push id 7 pipe {WRITES} action sample rate 1 group 3 pipe action drop",
    ]
    frames = [FRAME, TAGGED, LABELLED, FRAME]
    kernel = Kernel()
    try:
        (kernel.folder / "psample.py").write_text(Path(psample.__file__).read_text())
        kernel.load([f"filter add dev vec0 ingress {line.replace('pref ', 'pref 1')}" for line in lines])
        python = f"{Path(sys.executable).resolve()} -S"
        kernel.run(f"{python} /run/io/psample.py {len(frames)} /run/io/samples >/dev/null 2>&1 </dev/null &\n")
        samples = kernel.folder / "samples"
        _wait(samples.exists)
        kernel.observe(frames)
        _wait(lambda: bool(samples.read_text()))
        told = [line.split() for line in samples.read_text().splitlines()]
    finally:
        kernel.close()
    for frame, (group, rate, _size, data) in zip(frames, told, strict=True):
        said = does(frame, *lines)
        ((_, (said_rate, said_group, cut, most)),) = said.events
        ((to, output_group, whole),) = said.outputs
        assert (to, output_group, said_rate, said_group) == ("sampler", int(group), int(rate), int(group))
        assert bytes.fromhex(data) == (whole[:most] if cut else whole)


def _wait(until: Callable[[], bool]) -> None:
    ends = time.monotonic() + 20
    while not until():
        assert time.monotonic() < ends
        time.sleep(0.05)
