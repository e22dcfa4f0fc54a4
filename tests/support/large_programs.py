"""Programs with rules, as artifacts whose tables are left open, and what the check says of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from p4verify.inputs import read_rules
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Proof
from p4verify.scale import OPEN_FROM, Large, check_large
from p4verify.semantics.p4.frontend import load_program
from p4verify.targets import find
from p4verify.targets.flower.artifact import FilterList, FlowerFilter
from p4verify.targets.tc.artifact.actions import Mirred
from tests.support.grown_rules import grown

EXAMPLES: Final = Path(__file__).resolve().parents[2] / "examples"

_BEFORE: Final = """
#include <core.p4>
#include <v1model.p4>
header eth_h { bit<48> dst; bit<48> src; bit<16> type; }
struct headers_t { eth_h eth; }
struct meta_t { META}
parser P(packet_in packet, out headers_t hdr, inout meta_t meta, inout standard_metadata_t standard) {
    state start { packet.extract(hdr.eth); transition accept; }
}
control V(inout headers_t hdr, inout meta_t meta) { apply { } }
control I(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t standard) {"""
_BEHIND: Final = """}
control E(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t standard) { apply { } }
control C(inout headers_t hdr, inout meta_t meta) { apply { } }
control D(packet_out packet, in headers_t hdr) { apply { packet.emit(hdr); } }
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""


def of_ethernet(ingress: str, meta: str = "") -> str:
    """A v1model program of Ethernet frames (``hdr.eth``: dst, src, type) with this in its control ``I``, where metadata
    is ``meta``, of these fields, and ``standard``."""
    return _BEFORE.replace("META", f"{meta} ".lstrip()) + ingress + _BEHIND


def as_flows(where: Path, text: str, rules: Sequence[str], open_from: int) -> Large:
    """A program and lines of rules, written into a folder and lowered; tables of so many rules are left open."""
    return lowered(where, text, rules, open_from, "openflow")


def lowered(where: Path, text: str, rules: Sequence[str], open_from: int, target_name: str) -> Large:
    """The same as any target's artifact."""
    (where / "x.p4").write_text(text)
    (where / "x.cli").write_text("\n".join(rules))
    program, target = load_program(str(where / "x.p4")), find(target_name)
    known = read_rules(str(where / "x.cli"), program)
    return Large(program, known, target, target.lower(program, known, {}), machines_confirm=False, open_from=open_from)


def example(name: str, target_name: str, count: int, open_from: int = OPEN_FROM) -> Large:
    """One of the examples under so many rules, and its artifact."""
    program, target = load_program(str(EXAMPLES / f"{name}.p4")), find(target_name)
    rules = grown(program, read_rules(str(EXAMPLES / f"{name}.rules.cli"), program), count, 1)
    return Large(program, rules, target, target.lower(program, rules, {}), machines_confirm=False, open_from=open_from)


def with_changed(
    large: Large, which: Callable[[FlowerFilter], bool], change: Callable[[FlowerFilter], FlowerFilter | None]
) -> Large:
    """With one flower filter changed or left out, in the middle of those that there are."""
    assert isinstance(large.artifact, FilterList)
    filters = list(large.artifact.filters)
    some = [i for i, one in enumerate(filters) if which(one)]
    at = some[len(some) // 2]
    new = change(filters[at])
    filters[at : at + 1] = [] if new is None else [new]
    return replace(large, artifact=replace(large.artifact, filters=tuple(filters)))


def to_another(one: FlowerFilter) -> FlowerFilter:
    """The filter, which sends packets to a port, with another port."""
    action = one.actions[-1]
    assert isinstance(action, Mirred)
    return replace(one, actions=(*one.actions[:-1], replace(action, port=action.port % 4 + 1)))


def checked(large: Large, seconds: float | None = None) -> Proof:
    """What the check says, within some seconds."""
    return check_large(large, Engine.within(seconds), time.monotonic())
