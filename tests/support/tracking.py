"""What connection tracking of the private kernel answers about frames, found out by a list of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from p4verify.semantics import bits as b
from p4verify.semantics.meaning.behaviour import Behaviour
from p4verify.semantics.source import Unsupported
from p4verify.targets.base import Observation
from p4verify.targets.flower.artifact import parse_script
from p4verify.targets.flower.oracle import UserModeFlower
from p4verify.targets.tc.oracle import UserModeLinux

from .compiled import Given, inside

_STATES: Final = {"+trk+new": 9, "+trk+inv": 24, "+trk+est-rpl": 10, "+trk+est+rpl": 42, "+trk+rel-rpl": 12,
                  "+trk+rel+rpl": 44}  # fmt: skip

_INVALID: Final = 24


def answers(oracle: UserModeLinux, behaviour: Behaviour, frames: Sequence[bytes]) -> list[Given]:
    """What is answered about each frame, under the names that the behaviour gives it: nothing where it does not ask.

    The oracle forgets connections at once from then on, so that each frame is answered alone. Raises Unsupported: it
    cannot be found out.
    """
    terms = _terms(behaviour)
    if any(call.name.startswith("given.ct.") for call in b.applications(*terms)):
        raise Unsupported("what connection tracking answers about frames that were written to")
    names = [v.name for v in b.variables(*terms) if v.name.startswith("in.ct.")]
    if not names:
        return [{}] * len(frames)
    if not isinstance(oracle, UserModeFlower):
        raise Unsupported("what connection tracking answers, which flower filters find out")
    oracle.forget_connections()
    asked = [frame if _whole(frame) else bytes(14) for frame in frames]
    states = [_state(seen) for seen in oracle.run(_measuring(), [(0, frame) for frame in asked])]
    return [{name: _part(name, state) for name in names} for state in states]


def askable(behaviour: Behaviour, frames: Sequence[bytes], given: Given) -> list[bytes]:
    """Those frames that the behaviour speaks of, whatever is answered: the private kernel does not survive some of the
    others (pieces that it puts together)."""
    if any(call.name.startswith("given.ct.") for call in b.applications(*_terms(behaviour))):
        return []
    names = [v.name for v in b.variables(*_terms(behaviour)) if v.name.startswith("in.ct.")]
    covers, invalid = inside(behaviour), {name: _part(name, _INVALID) for name in names}
    return [frame for frame in frames if covers(frame, 0, {**given, **invalid})] if names else list(frames)


def _whole(frame: bytes) -> bool:
    """Whether this is no piece, which the private kernel puts together with others, and may not survive."""
    at = 16 if frame[12:14] in (b"\x81\x00", b"\x88\xa8") else 12
    kind, head = frame[at : at + 2], frame[at + 2 : at + 22]
    if kind == b"\x08\x00":
        return len(head) < 20 or not int.from_bytes(head[6:8], "big") & 0x3FFF
    return kind != b"\x86\xdd" or len(head) < 20 or head[6] not in (0, 43, 44, 51, 60)


def _terms(behaviour: Behaviour) -> list[b.Term]:
    return [
        *(term for case in behaviour.cases for term in case.terms()),
        *(each.condition for each in behaviour.domain),
    ]


def _measuring() -> object:
    add = "filter add dev port0 ingress"
    lines = []
    for pref, kind in enumerate(("ip", "ipv6"), 1):
        lines.append(f"{add} pref {pref} protocol {kind} flower action ct pipe action goto chain {pref}")
        lines += [
            f"{add} chain {pref} pref {place} protocol {kind} flower ct_state {state} action mirred egress redirect"
            f" dev port{number}"
            for place, (state, number) in enumerate(_STATES.items(), 1)
        ]
    lines.append(f"{add} pref 9 protocol all flower action drop")
    return parse_script("".join(f"{line}\n" for line in lines))


def _state(seen: Observation) -> int:
    """0: it was not asked."""
    return seen.outputs[0][1] if seen.outputs else 0


def _part(name: str, state: int) -> int:
    """One part of an answer about a connection that is not known yet."""
    how, _, part = name.rpartition(".")
    if part == "state":
        return state
    if part != "labelled":
        return 0
    said = how.removeprefix("in.ct.").rpartition("@")[0].rpartition("label ")[2]
    return int(said.partition("/")[0], 16)
