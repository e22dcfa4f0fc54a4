"""Lists of actions without their numbers: what lists that differ in ports and written words alone have in common.

:func:`skeleton` takes the numbers out, :func:`filled` puts terms in their places; :mod:`.actions` runs such lists as it
runs all others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from ....semantics.bits import Term
from ..artifact.actions import Action, Control, Mirred, Pedit, PeditKey

NUMBER_BITS: Final = 32
"""Of each number that is taken out: a port, or the value that a word is written with."""


@dataclass(frozen=True, slots=True)
class SendTo:
    """:class:`..artifact.actions.Mirred` out of a port that is a term."""

    port: Term
    redirect: bool
    control: Control
    ingress: bool

    kind: ClassVar[str] = "mirred"


@dataclass(frozen=True, slots=True)
class WriteWords:
    """:class:`..artifact.actions.Pedit` with values that are terms, one for each key."""

    keys: tuple[PeditKey, ...]
    values: tuple[Term, ...]
    control: Control

    kind: ClassVar[str] = "pedit"


Runnable = Action | SendTo | WriteWords
"""An action, or one with terms in it."""


def skeleton(actions: Sequence[Action]) -> tuple[tuple[Action, ...], tuple[int, ...]]:
    """The actions with 0 in the places of their numbers, and the numbers."""
    found: list[Action] = []
    numbers: list[int] = []
    for action in actions:
        match action:
            case Mirred():
                numbers.append(action.port)
                found.append(replace(action, port=0))
            case Pedit():
                numbers += [key.value for key in action.keys]
                found.append(replace(action, keys=tuple(replace(key, value=0) for key in action.keys)))
            case _:
                found.append(action)
    return tuple(found), tuple(numbers)


def filled(actions: Sequence[Action], numbers: Iterator[Term]) -> Iterator[Runnable]:
    """The actions of a skeleton with terms for their numbers."""
    for action in actions:
        match action:
            case Mirred():
                yield SendTo(next(numbers), action.redirect, action.control, action.ingress)
            case Pedit():
                yield WriteWords(action.keys, tuple(next(numbers) for _ in action.keys), action.control)
            case _:
                yield action
