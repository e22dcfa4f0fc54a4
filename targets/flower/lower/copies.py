"""A frame and its copies as one list of actions: each is sent as the frame is at that point, the last one for good.

``mirred`` sends the frame as it is, so copies that leave as the frame came are sent first; then the frame is changed
for the others, one form after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import Final

from ....semantics.source import Span
from ...base import CannotOffload
from ...tc.artifact.actions import PIPE, Action, Mirred
from ...unfold.state import State
from ...unfold.values import Bits, Wanted
from .context import FlowerContext
from .steps import changes, retagged, unchanged

Copy = tuple[int, Bits]
"""The port that it leaves through, and what it begins with."""
_PERMUTED: Final = 5
"""Forms whose orders are all tried."""


def sent(
    context: FlowerContext, way: State, copies: Sequence[Copy], span: Span
) -> Iterator[tuple[Wanted, list[Action]]]:
    """The actions that send all copies, at least one; where they depend on more than is known, for each possibility.

    Raises:
        CannotOffload: no actions do that.
    """
    forms: dict[Bits, list[int]] = {}
    plain: list[int] = []
    for port, stream in copies:
        if unchanged(way, stream):
            plain.append(port)
        else:
            forms.setdefault(way.cube.resolve(stream), []).append(port)
    reason: CannotOffload | None = None
    for order in permutations(forms) if len(forms) <= _PERMUTED else [tuple(forms)]:
        try:
            yield from list(_in_order(context, way, plain, [(form, forms[form]) for form in order], span))
        except CannotOffload as error:
            reason = reason or error
        else:
            return
    assert reason is not None
    raise reason


def _in_order(
    context: FlowerContext, way: State, plain: Sequence[int], forms: Sequence[tuple[Bits, Sequence[int]]], span: Span
) -> Iterator[tuple[Wanted, list[Action]]]:
    if not forms:
        yield {}, _through(plain, last=True)
        return
    (first, ports), *others = forms
    behind: list[Action] = _through(ports, last=not others)
    form = first
    for i, (following, more) in enumerate(others, 1):
        behind += retagged(context, way, form, following, span)
        behind += _through(more, last=i == len(others))
        form = following
    for wanted, actions in changes(context, way, first, span):
        yield wanted, [*_through(plain, last=False), *actions, *behind]


def _through(ports: Sequence[int], *, last: bool) -> list[Action]:
    """The frame as it is through these ports; after the ``last`` one it is gone."""
    found: list[Action] = [Mirred(port, redirect=False, control=PIPE) for port in ports]
    if last:
        found[-1] = Mirred(ports[-1])
    return found
