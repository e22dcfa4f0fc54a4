"""What the ingress hook of a device does to any frame, whatever its filters are: ``__netif_receive_skb_core``
(untagging) and ``sch_handle_ingress`` (``net/core/dev.c``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import Assumption, Behaviour, Case
from ....semantics.source import Span, Unsupported
from ..artifact.hooks import Hook
from .actions import Machine, assumptions
from .chains import Ways
from .packet import ETH_HLEN, ETH_ZLEN, TAGGED, VLAN_HLEN, WHOLE_TAG, length_at_least, received
from .state import State
from .told import metadata
from .tunnel import NAMES as TUNNEL
from .tunnel import POSSIBLE

DEFAULT_MTU: Final = 1500

Run = Callable[[Machine, State, bool], Ways]
"""What filters make of a packet that comes, and whether it came with a tag: the ways that it can take to its end, of
which one is always taken."""


def longest_frame(mtu: int) -> int:
    """Bytes that a frame has at most: Ethernet header and one VLAN tag come on top."""
    return mtu + ETH_HLEN + VLAN_HLEN


def require_ingress(hook: Hook, kind: str, name: str) -> None:
    """Raises Unsupported if filters called ``kind`` are at another hook; ``name`` is their file's, if there is one."""
    if hook.direction != "ingress":
        raise Unsupported(f"{kind} filters at egress", Span(name, 1, 1) if name else Span("", 0, 0))


def ingress(
    run: Run,
    names: tuple[str, ...],
    *,
    longest: int,
    notes: tuple[str, ...],
    beside: tuple[str, ...] = (),
    tunnels: bool = False,
) -> Behaviour:
    """The behaviour of ports whose ingress hooks have filters that do what ``run`` says.

    Args:
        run: asked once for frames without a tag, and once for those with one.
        names: the metadata that is told of what goes to the stack.
        longest: frames have at most so many bytes.
        notes: what else the verdict has to say.
        beside: the metadata that is told of what is sent.
        tunnels: whether filters ask for a tunnel's key, or one is told.
    """
    machines: list[Machine] = []
    cases: list[Case] = []
    for tagged in (False, True):
        guard = b.and_(TAGGED, WHOLE_TAG) if tagged else b.not_(TAGGED)
        machine = Machine(guard, kind="tagged" if tagged else "untagged")
        machines.append(machine)
        cases += _cases(guard, run(machine, State(received(tagged=tagged), beside=beside), tagged), names)
    cases.append(Case(b.and_(TAGGED, b.not_(WHOLE_TAG)), (), metadata(State(None), names)))
    return Behaviour(
        tuple(cases),
        domain=(
            Assumption(f"frames have at least {ETH_ZLEN} bytes", length_at_least(ETH_ZLEN)),
            Assumption(f"frames have at most {longest} bytes", b.not_(length_at_least(longest + 1))),
            *([POSSIBLE] if tunnels or set(TUNNEL) & set(beside) else []),
            *assumptions(machines),
        ),
        reaching=(
            Assumption(
                "a frame's outer VLAN tag is whole: tc ingress drops all others", b.or_(b.not_(TAGGED), WHOLE_TAG)
            ),
        ),
        choices=tuple(choice for machine in machines for choice in machine.choices),
        observables=("outputs", *names),
        notes=(
            "the filters are on the ingress hook of every port that frames come from",
            "redirected and mirrored frames reach their ports: these exist and are up",
            *notes,
        ),
    )


def _cases(guard: Term, ways: Ways, names: tuple[str, ...]) -> Iterator[Case]:
    """A case for each way; the one with the longest condition has what the others leave."""
    others = sorted(ways, key=lambda way: len(b.postorder([way.when])))
    last = others.pop()
    for way in others:
        yield Case(b.and_(guard, way.when), way.state.sent, metadata(way.state, names))
    left = b.not_(b.or_(*(way.when for way in others)))
    yield Case(b.and_(guard, left), last.state.sent, metadata(last.state, names))
