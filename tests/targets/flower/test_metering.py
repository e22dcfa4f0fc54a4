"""Programs with meters as flower filters that police: what is above the rate is dropped, all else goes on as green."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from p4verify.proofs.verdict import Verdict
from p4verify.targets import find
from p4verify.targets.base import CannotOffload
from p4verify.targets.flower.artifact import FilterList
from p4verify.targets.tc.artifact.actions import DROP, PIPE, Police
from tests.support.metered import DROPPED, program, verdict
from tests.support.private_tc import Inside

TARGET = find("flower")


def polices(filters: FilterList) -> list[Police]:
    """The police actions of all filters."""
    return [action for filter_ in filters.filters for action in filter_.actions if isinstance(action, Police)]


def test_a_cell_is_one_police_action_whichever_entries_ask_it(tmp_path: Path) -> None:
    loaded = program(tmp_path, DROPPED)
    filters = TARGET.lower(*loaded, {})
    found = polices(filters)
    assert [(p.exceed, p.conform) for p in found] == [(DROP, PIPE)] * 2  # five entries, two cells
    assert found[0].limits[0][0] == "pkts_rate"
    assert verdict(loaded, TARGET, filters) is Verdict.ACCEPT
    assert TARGET.read(TARGET.write(filters), "again").filters == filters.filters


def test_a_cell_that_one_entry_asks_is_policed_there(tmp_path: Path) -> None:
    loaded, rules = program(tmp_path, DROPPED)
    ((name, entries),) = rules.entries.items()
    few = replace(rules, entries={name: entries[:2]})
    filters = TARGET.lower(loaded, few, {})
    assert {f.chain for f in filters.filters} == {0}
    assert len(polices(filters)) == 2
    assert verdict((loaded, few), TARGET, filters) is Verdict.ACCEPT


def test_policing_that_none_asks_for_is_rejected(tmp_path: Path) -> None:
    loaded = program(tmp_path, DROPPED)
    filters = TARGET.lower(*loaded, {})
    one, *_ = polices(filters)
    place = next(i for i, f in enumerate(filters.filters) if f.chain == 0 and not f.keys)
    last = filters.filters[place]
    for police in (one, replace(one, exceed=PIPE, conform=DROP)):
        metered = (
            *filters.filters[:place],
            replace(last, actions=(police, *last.actions)),
            *filters.filters[place + 1 :],
        )
        assert verdict(loaded, TARGET, replace(filters, filters=metered)) is Verdict.REJECT


def test_a_cell_that_is_asked_in_several_states_is_refused(tmp_path: Path) -> None:
    """Each state has a chain of its own, and so would the cell have a count in each."""
    body = "if (hdr.ethernet.dst == 1) { standard.egress_spec = 3; } " + DROPPED
    with pytest.raises(CannotOffload, match="several states"):
        TARGET.lower(*program(tmp_path, body), {})


@pytest.mark.oracle
@pytest.mark.parametrize("kind", ["packets", "bytes"])
def test_the_kernel_takes_both_kinds_of_rates(tmp_path: Path, tc: Inside, kind: str) -> None:
    filters = TARGET.lower(*program(tmp_path, DROPPED, kind=kind), {})
    tc.ask(["qdisc", "add", "dev", "port0", "clsact"])
    try:
        tc.batch(TARGET.write(filters).decode().splitlines())
        shown = TARGET.read(tc.ask(["-j", "filter", "show", "dev", "port0", "ingress"]).encode(), "shown")
        assert len(polices(shown)) == 2
    finally:
        tc.ask(["qdisc", "del", "dev", "port0", "clsact"])
