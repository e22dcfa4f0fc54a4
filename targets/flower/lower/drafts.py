"""Filters before they have a chain, a priority and keys: what is made while the program is walked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ....semantics.source import Span
from ...tc.artifact.actions import Action
from ...unfold.values import Cube


@dataclass(frozen=True)
class At:
    """Where a way is: in a node, where ``given`` is known of all packets that come."""

    node: Node
    given: Mapping[int, bool]


@dataclass(frozen=True)
class Draft:
    """A filter. Of one node the first one by ``order`` that matches decides."""

    order: tuple[int, ...]
    match: Mapping[int, bool]
    facts: Cube
    """What is known of the packets that come here, ``match`` included."""
    actions: tuple[Action, ...]
    """Without what ends the list, where there is a ``target``."""
    target: Node | None
    span: Span


@dataclass(eq=False)
class Node:
    """A chain."""

    drafts: list[Draft] = field(default_factory=list)
    leads: int = 0
    """How many drafts lead here."""
