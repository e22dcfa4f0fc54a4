"""Actions that several filters share: what has an index is there for all that name it."""

from __future__ import annotations

import pytest

from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.flower.artifact import FilterList, parse_script, read
from p4verify.targets.tc.artifact.actions import PASS, PIPE, Action, Control, Csum, Ct, Gact, Mirred, Police, Vlan
from tests.support.private_tc import Inside

ADD = "filter add dev port0 ingress protocol ip"
SCRIPT = f"""\
qdisc add dev port0 clsact
actions add action police rate 2mbit burst 10k conform-exceed drop/pipe index 8 action vlan pop index 6
{ADD} pref 1 flower action police index 8 action gact pass index 9
{ADD} pref 2 flower action vlan push id 3 index 4 action mirred egress redirect dev port1 index 5
{ADD} pref 3 flower action vlan pop index 4 action drop index 9
{ADD} pref 4 flower action vlan index 6 action mirred index 5
{ADD} pref 5 flower action csum ip4h index 4 action gact index 9
{ADD} pref 6 flower action police index 7 rate 1mbit burst 10k action police rate 9mbit burst 9k index 8
{ADD} pref 7 flower action mirred eg mirr index 12 d port1 pipe action ct commit index 3
{ADD} pref 8 flower action mirred ing redir dev port0 index 12 action ct index 3 pipe action ct index 2 drop
{ADD} pref 9 flower action police rate 1mbit burst 10k conform-exceed goto chain 4 / pipe index 33
{ADD} pref 10 flower action police index 33 action police rate 1mbit burst 10k conform-exceed drop / pass
"""


def acting(filters: FilterList) -> list[list[Action]]:
    """The actions of each filter, in the order of priorities; without rates, which JSON does not tell."""
    some = sorted(filters.filters, key=lambda one: one.pref)
    return [[Police((), a.exceed, a.conform) if isinstance(a, Police) else a for a in one.actions] for one in some]


def test_what_is_there_already_is_taken_whatever_else_is_said() -> None:
    first, second, third, fourth, fifth, sixth, seventh, eighth, ninth, tenth = acting(parse_script(SCRIPT))
    assert isinstance(first[0], Police)
    assert first[0].exceed.kind == "drop"
    assert first[1:] == [Gact(third[1].control)]  # type: ignore[union-attr]
    assert second == [Vlan("push", 3, 0), Mirred(1)]
    assert third == [Vlan("push", 3, 0), first[1]]
    assert fourth == [Vlan("pop"), Mirred(1)]
    assert isinstance(fifth[0], Csum)
    assert fifth[1] == first[1]
    assert sixth[1] == first[0] != sixth[0]
    assert seventh == [Mirred(1, redirect=False, control=PIPE), Ct(commit=True)]
    assert eighth == [*seventh, Ct(control=Control("drop"))]
    assert ninth == [Police((), Control("goto chain", 4), PIPE)] == tenth[:1]
    assert tenth[1] == Police((), Control("drop"), PASS)


@pytest.mark.oracle
def test_the_kernel_takes_the_same(tc: Inside) -> None:
    (tc.kernel.folder / "lines").write_text(SCRIPT)
    try:
        tc.kernel.run("tc -batch /run/io/lines\n")
        shown = [tc.kernel.run(f"tc {form} filter show dev port0 ingress\n") for form in ("", "-j")]
    finally:
        tc.kernel.run("tc qdisc del dev port0 clsact\ntc actions flush action police\ntc actions flush action vlan\n")
    assert [acting(read(text.encode(), "shown")) for text in shown] == [acting(parse_script(SCRIPT))] * 2


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (f"{ADD} flower action police index 8", "no action police with index 8"),
        ("actions replace action drop index 3", "only 'actions add'"),
        ("actions add action drop", "an index that no action has yet"),
        (f"actions add action drop index 3\nactions add action pass index 3\n{ADD} flower", "an index that no action"),
        ("actions add action goto chain 3 index 3", "no goto chain"),
        ("actions add", "no flower filter"),
        (f"{ADD} flower action mirred egress index 2 redirect dev port1 index 3", "a second index"),
        (f"{ADD} flower action police rate 1mbit burst 10k conform-exceed drop / goto chain 1", "goto chain for what"),
        (f"{ADD} flower action police rate 1mbit burst 10k conform-exceed now", "control expected"),
        (f"{ADD} flower action mpls push protocol mpls_uc label 3", "no label 3"),
        ("actions add drop", "action expected"),
    ],
)
def test_what_is_no_shared_action(line: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        parse_script(line + "\n")


AUTO = f"{ADD} pref 1 flower action mirred egress redirect dev port1\n{ADD} pref 2 flower action "


@pytest.mark.parametrize(
    "action", ["mirred egress redirect dev port2 index 1", "mirred egress redirect index 1 dev port2"]
)
def test_an_index_that_the_kernel_may_have_given_is_not_known(action: str) -> None:
    with pytest.raises(Unsupported) as caught:
        parse_script(AUTO + action)
    assert "may have given" in caught.value.reason
    assert caught.value.span.line == 2
    for other in (
        "mirred egress redirect dev port2 index 2",
        "drop index 1",
        "mirred egress redirect dev port2 index 0",
    ):
        assert len(parse_script(AUTO + other).filters) == 2
    taken = parse_script(f"{ADD} pref 1 flower action drop index 1\n{ADD} pref 2 flower action pass index 1")
    assert acting(taken)[0] == acting(taken)[1]


@pytest.mark.oracle
def test_the_kernel_takes_an_action_that_got_its_index_from_it(tc: Inside) -> None:
    """Which index that is depends on what else is there."""
    found = []
    for number in range(1, 17):
        script = AUTO + f"mirred egress redirect dev port2 index {number}\n"
        (tc.kernel.folder / "lines").write_text("qdisc add dev port0 clsact\n" + script)
        tc.kernel.run("tc -batch /run/io/lines\n")
        shown = tc.kernel.run("tc filter show dev port0 ingress\n")
        tc.kernel.run("tc qdisc del dev port0 clsact\n")
        found.append("port2" in shown)
    assert not all(found)
    assert any(found)
