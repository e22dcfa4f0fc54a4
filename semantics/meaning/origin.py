"""Where a value that is not defined comes from."""

from __future__ import annotations

from dataclasses import dataclass

from ..source import NOWHERE, Span


@dataclass(frozen=True, slots=True)
class Origin:
    """Why there is no value, and the place in the source that says so: a declaration, ``setInvalid()``, ..."""

    reason: str
    span: Span = NOWHERE

    def __str__(self) -> str:
        return f"{self.reason} ({self.span})" if self.span.file else self.reason


DECLARED = "it has no value since it is declared"
OUT = "an out parameter has no value until it is set"
NEVER_VALID = "the header is not valid: it is declared so"
SET_INVALID = "the header is not valid: it was set invalid"
SET_VALID = "the header was set valid, which gives its fields no values"
DISPLACED = "the header is not valid: another member of its union was set"
OUT_OF_RANGE = "the element is beyond the end of the stack"
MOVED = "the header is not valid: its stack was pushed or popped"
