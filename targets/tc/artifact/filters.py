"""What filters of all classifiers have."""

from __future__ import annotations

from typing import Any, ClassVar, Final, Protocol

from ....semantics.source import Span
from .actions import Action

MATCHALL: Final = "matchall"
"""The classifier that takes every frame of its protocol, and may stand beside others."""


class Filter(Protocol):
    """A filter of any classifier."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def pref(self) -> int:
        """Its priority; 0: the kernel chooses."""
        ...

    @property
    def chain(self) -> int:
        """Its chain."""
        ...

    @property
    def actions(self) -> tuple[Action, ...]:
        """What it does."""
        ...

    @property
    def skip_sw(self) -> bool:
        """Whether software does not run it."""
        ...

    @property
    def span(self) -> Span:
        """Its place."""
        ...
