"""A chain as several lists, one after the other.

A table of a pipeline may be filters of some priorities, and the next table the filters behind them in the same chain: a
packet that none of the first matches goes on to these. The fields that filters look at tell where one list ends.
Nothing rests on where it does: ``__tcf_classify`` tries the classifiers of a chain one after the other, whether some of
them are a list that is left open or not.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Final

from ..artifact import FlowerFilter
from .install import Classifier, types_of

INDEV: Final[tuple[str, tuple[int, ...]]] = ("indev", ())
"""Where a filter asks for the port, among the fields: a field and the types that lead to it."""


def parts_of(classifiers: Sequence[Classifier]) -> list[Sequence[Classifier]]:
    """The classifiers of a chain in runs: one begins with a classifier whose filters look at fields, and at none that
    those before look at. A chain with a filter whose priority the kernel chooses is one run."""
    if any(one.pref != classifier.pref for classifier in classifiers for one in filters_of([classifier])):
        return [classifiers]
    parts: list[list[Classifier]] = []
    seen: set[Hashable] = set()
    for classifier in classifiers:
        fields = set(_fields(classifier))
        if not parts or (fields and seen and not fields & seen):
            parts.append([])
            seen = set()
        parts[-1].append(classifier)
        seen |= fields
    return list(parts)


def filters_of(classifiers: Sequence[Classifier]) -> Iterator[FlowerFilter]:
    """In the order in which they are tried."""
    return (one for classifier in classifiers for mask in classifier.masks.values() for one in mask.filters)


def _fields(classifier: Classifier) -> Iterator[Hashable]:
    for one in filters_of([classifier]):
        yield from ((key.field, types_of(one)) for key in one.keys)
        if one.indev is not None:
            yield INDEV
