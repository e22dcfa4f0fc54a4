"""What the hooks of a device do to any frame, whatever their filters are: ``__netif_receive_skb_core`` (untagging),
``sch_handle_ingress`` and ``sch_handle_egress`` (``net/core/dev.c``).

At egress the data begins with the Ethernet header and at ingress behind it, which actions and classifiers make up for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import Assumption, Behaviour, Case
from ..artifact.hooks import Hook
from .actions import Machine, assumptions
from .chains import Ways
from .packet import ETH_HLEN, ETH_ZLEN, TAGGED, VLAN_HLEN, WHOLE_TAG, length_at_least, received
from .state import NONE, State
from .told import CLASSID, metadata
from .tracked import COMES_UNTRACKED
from .tracked import WIDTHS as TRACKED
from .tunnel import NAMES as TUNNEL
from .tunnel import POSSIBLE, POSSIBLE_OPTIONS

DEFAULT_MTU: Final = 1500

WHOLE_AT_INGRESS: Final = "a frame's outer VLAN tag is whole: tc ingress drops all others"
WHOLE_AT_EGRESS: Final = "a frame's outer VLAN tag is beside the data, as that of one that was received, and whole"

NO_CLASS: Final = b.eq(b.var(f"in.{CLASSID}", NONE.width), NONE)
"""A frame comes without a class id (``cl_res`` is made anew by each hook), so one that gives none leaves it
without."""


@dataclass(frozen=True, slots=True)
class _Where:
    """What is particular about a hook: what has to be so of the outer tag, and what is said of it."""

    notes: tuple[str, ...]
    tags: str
    drops: bool
    """Whether frames with others do not get so far."""

    def domain(self, whole: Term) -> tuple[Assumption, ...]:
        """What is taken to hold of frames whose tag is whole if ``whole`` holds."""
        return () if self.drops else (Assumption(self.tags, whole),)

    def reaching(self, whole: Term) -> tuple[Assumption, ...]:
        """What holds of all that get so far."""
        return (Assumption(self.tags, whole),) if self.drops else ()


_AT: Final = {
    "ingress": _Where(
        ("the filters are on the ingress hook of every port that frames come from",), WHOLE_AT_INGRESS, drops=True
    ),
    "egress": _Where(
        (
            "the filters are on the egress hook of the port that frames leave by; what they let pass leaves by it",
            "in.port is the port that a frame was received on; it is in one piece (no GSO), its checksums are computed",
        ),
        WHOLE_AT_EGRESS,
        drops=False,
    ),
}

Run = Callable[[Machine, State, bool], Ways]
"""What filters make of a packet that comes, and whether it came with a tag: the ways that it can take to its end, of
which one is always taken."""


def longest_frame(mtu: int) -> int:
    """Bytes that a frame has at most: Ethernet header and one VLAN tag come on top."""
    return mtu + ETH_HLEN + VLAN_HLEN


def at_hook(
    hook: Hook,
    run: Run,
    names: tuple[str, ...],
    *,
    longest: int,
    notes: tuple[str, ...],
    beside: tuple[str, ...] = (),
    tunnels: bool = False,
    options: bool = False,
) -> Behaviour:
    """The behaviour of ports at whose hooks are filters that do what ``run`` says.

    Args:
        hook: where they are.
        run: asked once for frames without a tag, and once for those with one.
        names: the metadata that is told of what goes to the stack.
        longest: frames have at most so many bytes.
        notes: what else the verdict has to say.
        beside: the metadata that is told of what is sent.
        tunnels: whether filters ask for a tunnel's key, or one is told.
        options: whether filters ask for a tunnel's options.
    """
    machines: list[Machine] = []
    cases: list[Case] = []
    for tagged in (False, True):
        guard = b.and_(TAGGED, WHOLE_TAG) if tagged else b.not_(TAGGED)
        machine = Machine(guard, kind="tagged" if tagged else "untagged", egress=hook.direction == "egress")
        machines.append(machine)
        cases += _cases(guard, run(machine, State(received(tagged=tagged), beside=beside), tagged), names)
    whole = b.or_(b.not_(TAGGED), WHOLE_TAG)
    if hook.direction == "ingress":
        cases.append(Case(b.not_(whole), (), metadata(State(None), names)))
    where = _AT[hook.direction]
    return Behaviour(
        tuple(cases),
        domain=(
            Assumption(f"frames have at least {ETH_ZLEN} bytes", length_at_least(ETH_ZLEN)),
            Assumption(f"frames have at most {longest} bytes", b.not_(length_at_least(longest + 1))),
            *where.domain(whole),
            *([POSSIBLE] if tunnels or set(TUNNEL) & set(beside) else []),
            *([POSSIBLE_OPTIONS] if options else []),
            *([COMES_UNTRACKED] if set(TRACKED) & set(names) else []),
            *assumptions(machines),
        ),
        reaching=where.reaching(whole),
        axioms=(NO_CLASS,) if CLASSID in names else (),
        choices=tuple(choice for machine in machines for choice in machine.choices),
        observables=("outputs", *(["events"] if any(case.events for case in cases) else []), *names),
        notes=(
            *where.notes,
            "redirected and mirrored frames reach their ports: these exist and are up",
            *notes,
        ),
    )


def _cases(guard: Term, ways: Ways, names: tuple[str, ...]) -> Iterator[Case]:
    """A case for each way; the one with the longest condition has what the others leave."""
    others = sorted(ways, key=lambda way: len(b.postorder([way.when])))
    last = others.pop()
    for way in others:
        yield Case(b.and_(guard, way.when), way.state.sent, metadata(way.state, names), events=way.state.events)
    left = b.not_(b.or_(*(way.when for way in others)))
    yield Case(b.and_(guard, left), last.state.sent, metadata(last.state, names), events=last.state.events)
