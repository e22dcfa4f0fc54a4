"""How far a meaning may go before it is given up: of large programs it can take hours, and all the memory there is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from ..source import OutOfTime, Span, Unsupported


@dataclass(frozen=True)
class Bounds:
    """
    Args:
        outputs: of all cases together that there may be; None for any number.
        until: when to stop, as of :func:`time.monotonic`; None for never.
    """

    outputs: int | None = None
    until: float | None = None

    def check_outputs(self, count: int, span: Span) -> None:
        """Raises Unsupported with the place where there are more than that."""
        if self.outputs is not None and count > self.outputs:
            raise Unsupported(f"more than {self.outputs} layouts of what is sent", span)

    def check_time(self) -> None:
        """Raises OutOfTime when it is late."""
        if self.until is not None and time.monotonic() > self.until:
            raise OutOfTime


UNBOUNDED: Final = Bounds()
