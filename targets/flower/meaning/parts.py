"""A chain as several lists, one after the other.

A table of a pipeline may be filters of some priorities, and the next table the filters behind them in the same chain: a
packet that none of the first matches goes on to these. The fields that filters look at tell where one list ends.
Nothing rests on where it does: ``__tcf_classify`` tries the classifiers of a chain one after the other, whether some of
them are a list that is left open or not.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Final

from ..artifact import FlowerFilter, types_of
from .install import Classifier

INDEV: Final[tuple[str, tuple[int, ...]]] = ("indev", ())
"""Where a filter asks for the port, among the fields: a field and the types that lead to it."""


ListsOf = Callable[[Sequence[Classifier]], Sequence[Sequence[Classifier]]]
"""The lists that a chain's classifiers are, one after the other."""


def whole(classifiers: Sequence[Classifier]) -> Sequence[Sequence[Classifier]]:
    """The chain as one list."""
    return [classifiers]


def parts_of(classifiers: Sequence[Classifier]) -> Sequence[Sequence[Classifier]]:
    """The classifiers of a chain in runs: one begins with a classifier whose filters look at fields, and at none that
    those before look at. A chain with a filter whose priority the kernel chooses is one run."""
    return _in_runs(classifiers, lambda fields, seen: not fields & seen)


def finer_parts_of(classifiers: Sequence[Classifier]) -> Sequence[Sequence[Classifier]]:
    """The same, where one also begins with a classifier whose filters look at some of the fields of those before, and
    at no others: whom a table does not know (a station of a VLAN) the next one may look up by less (the VLAN)."""
    return _in_runs(classifiers, lambda fields, seen: not fields & seen or fields < seen)


def _in_runs(
    classifiers: Sequence[Classifier], begins: Callable[[set[Hashable], set[Hashable]], bool]
) -> Sequence[Sequence[Classifier]]:
    """``begins``: whether one begins with fields, behind those that were seen in the run before."""
    if any(one.pref != classifier.pref for classifier in classifiers for one in filters_of([classifier])):
        return [classifiers]
    parts: list[list[Classifier]] = []
    seen: set[Hashable] = set()
    for classifier in classifiers:
        fields = set(_fields(classifier))
        if not parts or (fields and seen and begins(fields, seen)):
            parts.append([])
            seen = set()
        parts[-1].append(classifier)
        seen |= fields
    return parts


def filters_of(classifiers: Sequence[Classifier]) -> Iterator[FlowerFilter]:
    """In the order in which they are tried."""
    return (one for classifier in classifiers for mask in classifier.masks.values() for one in mask.filters)


def _fields(classifier: Classifier) -> Iterator[Hashable]:
    for one in filters_of([classifier]):
        yield from ((key.field, types_of(one)) for key in one.keys)
        if one.indev is not None:
            yield INDEV
