"""The metadata that two sides tell: where one of them says nothing of a name, it is as it came in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .semantics.meaning.behaviour import RETURNS, Behaviour
from .semantics.meaning.concrete import Outcome


@dataclass(frozen=True)
class ToldNames:
    """Names of metadata."""

    metadata: frozenset[str] = frozenset()
    """Of what leaves with the packet."""
    beside: frozenset[str] = frozenset()
    """Of what goes with single frames, of those that do not come back."""

    @staticmethod
    def of(*sides: Behaviour) -> ToldNames:
        """All that one of these sides tells."""
        cases = [case for side in sides for case in side.cases]
        sent = {id(output): output for case in cases for output in case.outputs if output.to not in RETURNS}
        return ToldNames(
            frozenset(name for case in cases for name in case.metadata),
            frozenset(name for output in sent.values() for name in output.metadata),
        )

    def carried(self, seen: Outcome, inputs: Mapping[str, int]) -> tuple[Mapping[str, int], ...]:
        """What goes with each of the frames that were sent; ``inputs``: what came in, by full names."""
        before = {name: inputs.get(f"in.{name}", 0) for name in sorted(self.beside)}
        return tuple(
            more if to in RETURNS else before | dict(more)
            for (to, _, _), more in zip(seen.outputs, seen.carried, strict=True)
        )
