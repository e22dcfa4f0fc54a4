"""What tells where a frame has come to, and with what beside it: a label stack entry in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

MAX_PORTS: Final = 48
FIRST_LABEL: Final = 0xF0000
"""Label of what comes to ``o0``; of ``oN`` it is N more, and :data:`MAX_PORTS` more for each condition told."""
MAX_CONDITIONS: Final = 256

Place = Literal["egress", "ingress"]
HOOKS: Final[tuple[Place, ...]] = ("egress", "ingress")
Condition = tuple[str, str]
"""Of a tunnel's key and of the marks, in the words of ``tc``'s classifiers; "" for all frames."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Which conditions are told at a hook of a device: the first that a frame meets."""

    hook: Place = "egress"
    conditions: tuple[Condition, ...] = ()
    nested: bool = False
    """Whether what comes here was sent on twice by ``mirred``: then the kernel lets it wait before it is received."""

    def __post_init__(self) -> None:
        if len(self.conditions) > MAX_CONDITIONS:
            raise ValueError(f"more than {MAX_CONDITIONS} conditions")


def labelling(device: int, labels: Labels) -> Iterator[str]:
    """The commands that make a hook of device ``oN`` put labels on frames. At egress this is before the other end looks
    at the frame, which would drop one with a tag cut short. At ingress the frame is sent on from there, by a pair of
    devices more, so that all that leaves has waited as often and nothing overtakes.

    A tunnel's key is asked for first: flower does not know marks, nor ``basic`` tunnels. What meets no condition gets
    the label of none.
    """
    add = f"filter add dev o{device} {labels.hook} protocol all"
    on = f" action mirred egress redirect dev {'oc' if labels.nested else 'ob'}" if labels.hook == "ingress" else ""
    label = f"action mpls mac_push label {FIRST_LABEL + device}{on}"
    by_tunnel: dict[str, list[tuple[int, str]]] = {}
    for number, (tunnel, marks) in enumerate(labels.conditions, 1):
        by_tunnel.setdefault(tunnel, []).append((number, marks))
    for chain, (tunnel, some) in enumerate(sorted(by_tunnel.items(), reverse=True), 1):  # "" is the last
        yield f"{add} pref {chain} {tunnel or 'matchall'} action goto chain {chain}"
        for place, (number, marks) in enumerate(some, 1):
            asked = f"basic match '{marks}'" if marks else "matchall"
            told = FIRST_LABEL + device + MAX_PORTS * number
            yield f"{add} chain {chain} pref {place} {asked} action mpls mac_push label {told}{on}"
        yield f"{add} chain {chain} pref {MAX_CONDITIONS + 1} matchall {label}"
    yield f"{add} pref {MAX_CONDITIONS + 1} matchall {label}"
