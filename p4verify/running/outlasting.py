"""Whether a difference outlasts the first program's undefined values, as far as tried: quickly, by running it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ..proofs.ordering import in_order
from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import is_choice
from .behaviours import OUTSIDE, Compiled, Shown
from .hints import Hints

GUESSES: Final = 16
"""Values of all undefined values at once, and ..."""
DRAWN: Final = 256
"""... more of them, each value drawn by itself; and ..."""
OF_MANY: Final = 4096
"""... values in all that are drawn so, and values that are tried for all: of many a few do not hit by chance."""

Asked = dict[str, list[int]]
"""Function → the keys that it was asked with."""


@dataclass(frozen=True)
class Ran:
    """One side's run: its frame (with zeros behind), the values and functions that it had, and what it showed."""

    side: Compiled
    data: bytes
    padded: bytes
    values: Sequence[int]
    asked: Sequence[Callable[..., int]]
    shown: Shown
    number: int

    def again(self, values: Sequence[int]) -> Shown | None:
        """What it shows with other values; None if that cannot be."""
        number = self.side.which(self.padded, values, self.asked)
        if number == OUTSIDE:
            return None
        return self.side.shown(number, self.data, self.padded, values, self.asked)

    def answers(self) -> dict[str, dict[tuple[int, ...], int]]:
        """What it asks functions, and what these answer."""
        found: dict[str, dict[tuple[int, ...], int]] = {}

        def noting(name: str, function: Callable[..., int], mask: int) -> Callable[..., int]:
            def noted(*args: int) -> int:
                answer = int(function(*args)) & mask
                found.setdefault(name, {})[args] = answer
                return answer

            return noted

        masks = [(name, (1 << max(1, width)) - 1) for name, width in self.side.functions]
        noted = [noting(name, f, mask) for (name, mask), f in zip(masks, self.asked, strict=True)]
        self.side.which(self.padded, self.values, noted)
        self.side.shown(self.number, self.data, self.padded, self.values, noted)
        return found


class Outlasting:
    """The undefined values of the first side."""

    def __init__(self, side: Compiled, other: Compiled, hints: Hints, rng: random.Random) -> None:
        self._side, self._hints, self._rng = side, hints, rng
        self._choices = [(i, v) for i, v in enumerate(side.variables) if is_choice(v)]
        self._in_keys = choices_in_keys(side)
        self._beside = _beside(side, other)

    def names(self, first: Ran, second: Ran) -> tuple[list[str], bool]:
        """What differs though no undefined values that are tried let the first side show what the second does: what is
        never another thing with any of them, or all that differs where there is none (a frame is told with its port,
        which may be all that is undefined of it); and whether it is never another thing."""
        names = [n for n in dict.fromkeys((*first.shown, *second.shown)) if first.shown.get(n) != second.shown.get(n)]
        if not self._choices:
            return names, True
        keys = {name: [k for key in asked for k in key] for name, asked in second.answers().items()}
        surely = names
        for values in self._guesses(first.values, self._as_beside(first.values, second.values), keys):
            shown = first.again(values)
            if shown is None or shown == second.shown:
                return [], False
            surely = [n for n in surely if shown.get(n) == first.shown.get(n)]
        return ([] if self._drawn_shows(first, second.shown) else surely or names), bool(surely)

    def _as_beside(self, given: Sequence[int], others: Sequence[int]) -> list[int]:
        """The first side's inputs, with what is undefined in it as the second side has what it reads in that order."""
        values = list(given)
        for i, other in self._beside.items():
            values[i] = others[other]
        return values

    def _drawn_shows(self, first: Ran, other: Shown) -> bool:
        """Whether some undefined values of which each is drawn by itself do: a function that is asked with them is none
        for a solver."""
        rng, values = self._rng, list(first.values)
        for _ in range(max(1, min(DRAWN, OF_MANY // len(self._choices)))):
            for i, v in self._choices:
                mask = (1 << max(1, v.width)) - 1
                known = self._hints.of_variables.get(v.name, ())
                values[i] = rng.choice((0, mask, rng.getrandbits(max(1, v.width)), *known)) & mask
            if first.again(values) == other:
                return True
        return False

    def _guesses(self, given: Sequence[int], as_beside: list[int], keys: Asked) -> Iterator[list[int]]:
        """The first side's inputs, with values of what is undefined in it; ``as_beside`` are such."""
        yield as_beside
        yield from self._in_questions(as_beside, keys)
        beside = list(dict.fromkeys(key for asked in keys.values() for key in asked))
        for guess in range(GUESSES + min(2 * len(beside), OF_MANY // len(self._choices))):
            values = list(given)
            for i, v in self._choices:
                values[i] = self._guess(v, guess, beside)
            yield values
        zeros = list(given)
        for i, _ in self._choices:
            zeros[i] = 0
        yield from self._in_questions(zeros, keys)

    def _in_questions(self, given: Sequence[int], keys: Asked) -> Iterator[list[int]]:
        """With what the other side asked for what is undefined in questions: parts of one key belong together."""
        for turn in range(max(map(len, keys.values()), default=0)):
            values = list(given)
            for name, asked in keys.items():
                for i, low, width in self._in_keys.get(name, ()):
                    values[i] = asked[min(turn, len(asked) - 1)] >> low & ((1 << width) - 1)
            yield values

    def _guess(self, choice: Term, guess: int, beside: list[int]) -> int:
        """A value of an undefined value: zeros, ones, what it is compared with or asked beside, or anything."""
        width, known = max(1, choice.width), self._hints.of_variables.get(choice.name, [])
        if guess >= GUESSES:  # the same for all, then for each its own
            at = guess - GUESSES
            return (beside[at] if at < len(beside) else self._rng.choice(beside)) & ((1 << width) - 1)
        if guess - 2 in range(len(known)):
            return known[guess - 2] & ((1 << width) - 1)
        if known and guess % 2:
            return self._rng.choice(known) & ((1 << width) - 1)
        return (0, (1 << width) - 1, self._rng.getrandbits(width))[min(guess, 2)]


def _beside(side: Compiled, other: Compiled) -> dict[int, int]:
    """For undefined values of one side, the other side's of the same place in the order of reads; both by number."""
    mine, theirs = ({v: i for i, v in enumerate(one.variables) if is_choice(v)} for one in (side, other))
    return {mine[v]: theirs[term] for v, term in in_order(mine, theirs).items() if term in theirs}


def choices_in_keys(side: Compiled) -> dict[str, list[tuple[int, int, int]]]:
    """Function → the undefined values that are parts of its keys: which of the side's variables, its lowest bit in the
    key, its bits."""
    numbers = {v: i for i, v in enumerate(side.variables) if is_choice(v)}
    found: dict[str, dict[tuple[int, int, int], None]] = {}
    for call in b.applications(*side.terms):
        for key in call.args:
            low = key.width
            for part in key.args if key.op == "concat" else (key,):
                low -= part.width
                if part in numbers:
                    found.setdefault(call.name, {})[numbers[part], low, part.width] = None
    return {name: list(parts) for name, parts in found.items()}
