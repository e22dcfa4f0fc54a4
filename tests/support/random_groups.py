"""Groups of copies at random."""

from __future__ import annotations

import random
from typing import Any

from p4verify.semantics import bits as b
from p4verify.semantics.meaning.behaviour import Behaviour
from p4verify.semantics.rules.ruleset import Replica, Session


def numbers_of_groups(behaviour: Behaviour) -> list[int]:
    """Numbers that groups of copies may have: those that the behaviour mentions, and a few more."""
    each = [r for case in behaviour.cases for o in case.outputs for r in o.each]
    literals = {t.value for t in b.postorder([r.group for r in each]) if t.is_const}
    return sorted(literals | {0, 1, 5} if each else ())


def random_groups(seed: int, numbers: list[int]) -> dict[str, Any]:
    """Multicast groups and clone sessions with these numbers, most of them with a few members."""
    rng = random.Random(seed)

    def some() -> tuple[Replica, ...]:
        return tuple(Replica(rng.randrange(512), rng.randrange(4)) for _ in range(rng.randrange(4)))

    return {
        "multicast": {n: some() for n in numbers if rng.random() < 0.8},
        "sessions": {n: Session(some()) for n in numbers if rng.random() < 0.8},
    }
