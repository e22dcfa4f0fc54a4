"""Large chains left open: what flower filters ask, as conditions and fields (:mod:`...tc.meaning.open_list`)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import PORT
from ....semantics.meaning.open_tables import PIECES, range_cubes
from ....semantics.meaning.opened import NotSuitable, Opened
from ...tc.meaning.chains import asked as asked_protocol
from ...tc.meaning.open_list import Asked, OpenList, Test
from ...tc.meaning.packet import Skb
from ..artifact import FIELDS, FilterList, FlowerFilter, Range
from .dissect import Dissection
from .install import Classifier, types_of
from .match import asks_for, there

_PORT: tuple[str, tuple[int, ...]] = ("indev", ())
Terms = tuple[dict[Hashable, Term], dict[Hashable, Term]]
"""What conditions and fields are."""


class OpenChain:
    """One chain, as a list of rows.

    Args:
        number: the chain's.
        classifiers: in the order in which they are tried.
        name: begins the names of the functions.

    Raises:
        NotSuitable: the chain is not of that form.
    """

    def __init__(self, number: int, classifiers: Sequence[Classifier], name: str) -> None:
        self.filters: list[FlowerFilter] = []
        self.likes: dict[Hashable, FlowerFilter] = {}
        """For every condition a filter that asks for it."""
        rows: list[Asked] = []
        for classifier in classifiers:
            for mask in classifier.masks.values():
                for filter_ in mask.filters:
                    self.likes.setdefault(_condition(filter_), filter_)
                    rows += _asked(filter_, len(self.filters))
                    chosen = filter_.pref != classifier.pref  # by the kernel
                    self.filters.append(replace(filter_, pref=classifier.pref) if chosen else filter_)
        self.types = tuple(dict.fromkeys(types_of(one) for one in self.likes.values()))
        self.list = OpenList(number, rows, self.filters, name, later=lambda entry: _asked(entry, -1))

    def terms(self, dissection: Callable[[tuple[int, ...]], Dissection], skb: Skb) -> Terms:
        """What the conditions and fields are of a packet."""
        conditions = {
            condition: b.and_(asked_protocol(like.protocol, skb), there(like, dissection(types_of(like))))
            for condition, like in self.likes.items()
        }
        fields: dict[Hashable, Term] = {}
        for place in self.list.fields:
            assert isinstance(place, tuple)
            name, types = place
            fields[place] = PORT if place == _PORT else dissection(types).field(name)
        return conditions, fields


def _condition(filter_: FlowerFilter) -> Hashable:
    return filter_.protocol, types_of(filter_), asks_for(filter_)


def _asked(filter_: FlowerFilter, origin: int) -> Iterator[Asked]:
    if filter_.skip_sw:
        raise NotSuitable("filters with skip_sw end the search in their mask")
    for tests in _tests(filter_):
        yield Asked(origin, _condition(filter_), tests, filter_.actions, filter_.class_kept, filter_.span)


def _tests(filter_: FlowerFilter) -> Iterator[tuple[Test, ...]]:
    """What a filter asks of fields; a range is several prefixes."""
    types = types_of(filter_)
    parts: list[list[Test]] = []
    if filter_.indev is not None:
        parts.append([(_PORT, 32, filter_.indev, 0xFFFFFFFF)])
    for key in filter_.keys:
        place, width = (key.field, types), FIELDS[key.field].width
        if isinstance(key, Range):
            parts.append([(place, width, *cube) for cube in range_cubes(key.low, key.high, width)])
        elif key.mask:
            parts.append([(place, width, key.value, key.mask)])
    for count, tests in enumerate(product(*parts)):
        if count >= PIECES:
            raise NotSuitable(f"the ranges of one filter need more than {PIECES} masks")
        yield tests


def open_chains(
    chains: Mapping[int, Sequence[Classifier]], at_least: int, name: str
) -> dict[int, Sequence[Classifier | OpenChain]]:
    """The chains, where those of ``at_least`` so many filters are left open. Raises NotSuitable."""
    found: dict[int, Sequence[Classifier | OpenChain]] = dict(chains)
    for number, classifiers in chains.items():
        count = sum(len(mask.filters) for one in classifiers for mask in one.masks.values())
        if count >= at_least:
            found[number] = [OpenChain(number, classifiers, name)]
    return found


def only(filters: FilterList, opened: Opened, kept: Mapping[str, Sequence[int]]) -> FilterList:
    """The list without those filters of open chains that are not kept (by :attr:`.Row.origin`).

    Those that stay are in the order in which they are tried, so that masks keep theirs.
    """
    chains = {table.entries[0].chain for table in opened.tables.values()}
    stay = [opened.tables[name].entries[i] for name, origins in kept.items() for i in sorted(set(origins))]
    return replace(filters, filters=(*(f for f in filters.filters if f.chain not in chains), *stay))
