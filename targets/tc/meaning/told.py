"""What is told of a packet that went to the stack, beside its bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ....semantics.bits import Term
from ..artifact.actions import Action, Skbedit
from .state import State

CLASSID: Final = "classid"
MARK: Final = "mark"
PRIORITY: Final = "priority"


def told(actions: Iterable[Action], *, classes: bool) -> tuple[str, ...]:
    """The metadata that is told where filters have these actions: what none of them writes is not.

    Args:
        classes: whether a filter has a class id.
    """
    edits = [action for action in actions if isinstance(action, Skbedit)]
    said = {
        CLASSID: classes,
        MARK: any(edit.mark is not None for edit in edits),
        PRIORITY: any(edit.priority is not None for edit in edits),
    }
    return tuple(name for name, there in said.items() if there)


def metadata(ended: State, names: tuple[str, ...]) -> Mapping[str, Term]:
    """These of a packet whose way has ended; 0 where it did not go to the stack."""
    values = {CLASSID: ended.classid, MARK: ended.mark, PRIORITY: ended.priority}
    return {name: values[name] for name in names}
