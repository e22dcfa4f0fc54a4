"""Large chains left open: what flower filters ask, as conditions and fields (:mod:`...tc.meaning.open_list`)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from types import MappingProxyType

from ....semantics import bits as b
from ....semantics.bits import TRUE, Term
from ....semantics.meaning.behaviour import PORT
from ....semantics.meaning.open_tables import PIECES, range_cubes
from ....semantics.meaning.opened import NotSuitable, Opened
from ...tc.artifact.actions import Control, Gact
from ...tc.artifact.protocols import ETH_P_ALL
from ...tc.meaning.chains import asked as asked_protocol
from ...tc.meaning.open_list import MAX_TEMPLATES, Asked, OpenList, Test
from ...tc.meaning.packet import Skb
from ..artifact import FIELDS, FilterList, FlowerFilter, Range, types_of
from .dissect import Dissection
from .install import Classifier
from .match import asks_for, there
from .parts import INDEV, ListsOf, filters_of, finer_parts_of, parts_of, whole

Terms = tuple[dict[Hashable, Term], dict[Hashable, Term]]
"""What conditions and fields are."""


class OpenChain:
    """One chain, as a list of rows.

    Args:
        number: the chain's.
        classifiers: in the order in which they are tried.
        name: begins the names of the functions.
        within: chains that a packet goes to unwritten are part of the list: a filter that leads to one stands for all
            of that chain's filters, each of which asks for what both ask.
        part: whether these are not all classifiers of the chain.

    Raises:
        NotSuitable: the chain is not of that form.
    """

    def __init__(
        self, number: int, classifiers: Sequence[Classifier], name: str,
        within: Mapping[int, Sequence[FlowerFilter]] = MappingProxyType({}), *, part: bool = False,
    ) -> None:  # fmt: skip
        self.filters: list[FlowerFilter] = []
        self.likes: dict[Hashable, FlowerFilter] = {}
        """For every condition a filter that asks for it."""
        self._always: set[Hashable] = set()
        """Conditions that have to be true of every packet: of the last filters of chains that are part of the list."""
        rows: list[Asked] = []
        for classifier in classifiers:
            for mask in classifier.masks.values():
                for filter_ in mask.filters:
                    self.likes.setdefault(_condition(filter_), filter_)
                    target = _leads_to(filter_)
                    if target is not None and target in within:
                        rows += self._through(filter_, within[target])
                    else:
                        rows += _asked(filter_, len(self.filters))
                    chosen = filter_.pref != classifier.pref  # by the kernel
                    self.filters.append(replace(filter_, pref=classifier.pref) if chosen else filter_)
        self.filters += [one for chain in within.values() for one in chain]  # no row comes from one of these alone
        self.types = tuple(dict.fromkeys(types_of(one) for one in self.likes.values()))
        later = None if within or part else lambda entry: _asked(entry, -1)
        place = (classifiers[0].pref, classifiers[-1].pref) if part else None
        self.list = OpenList(number, rows, self.filters, name, later=later, place=place)

    def _through(self, first: FlowerFilter, chain: Sequence[FlowerFilter]) -> Iterator[Asked]:
        """What a filter and those of the chain that it leads to ask for together."""
        for one in _asked(first, len(self.filters)):
            for second in chain:
                self.likes.setdefault(_condition(second), second)
                both = Both(_condition(first), _condition(second))
                self.likes.setdefault(both, second)
                for other in _asked(second, one.origin):
                    yield replace(other, condition=both, tests=(*one.tests, *other.tests))
        self._always.add(_condition(chain[-1]))

    def terms(self, dissection: Callable[[tuple[int, ...]], Dissection], skb: Skb) -> Terms:
        """What the conditions and fields are of a packet."""
        conditions: dict[Hashable, Term] = {
            condition: b.and_(asked_protocol(like.protocol, skb), there(like, dissection(types_of(like))))
            for condition, like in self.likes.items()
            if not isinstance(condition, Both)
        }
        if any(conditions[condition] is not TRUE for condition in self._always):
            raise NotSuitable("a chain that is part of another has no filter for all packets at its end")
        pairs = (both for both in self.likes if isinstance(both, Both))
        conditions |= {both: b.and_(conditions[both.first], conditions[both.second]) for both in pairs}
        fields: dict[Hashable, Term] = {}
        for place in self.list.fields:
            assert isinstance(place, tuple)
            name, types = place
            fields[place] = PORT if place == INDEV else dissection(types).field(name)
        return conditions, fields


@dataclass(frozen=True, slots=True)
class Both:
    """The condition of a filter, and that of one in the chain that it leads to."""

    first: Hashable
    second: Hashable


def _leads_to(filter_: FlowerFilter) -> int | None:
    """The chain that a filter sends packets to, if that is all that it does. The kernel then classifies the packet
    again (``tcf_classify``), so its keys are what they were."""
    plain = not filter_.skip_sw and filter_.classid is None and filter_.hw_tc is None
    match filter_.actions:
        case (Gact(control=Control("goto chain", number)),) if plain:
            return number
    return None


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
        parts.append([(INDEV, 32, filter_.indev, 0xFFFFFFFF)])
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
    chains: Mapping[int, Sequence[Classifier]], at_least: int, name: str, lists_of: ListsOf = whole
) -> dict[int, Sequence[Classifier | OpenChain]]:
    """The chains, where those of ``at_least`` so many filters are left open; where one leads to more small ones than
    there may be lists of actions, these are part of it. ``lists_of``: where chains are several lists
    (:mod:`.parts`), those of so many filters are. Raises NotSuitable."""
    filters = {number: list(filters_of(classifiers)) for number, classifiers in chains.items()}
    small = {number: some for number, some in filters.items() if len(some) < at_least and _ends(some)}
    found: dict[int, Sequence[Classifier | OpenChain]] = {}
    lists = {number: lists_of(classifiers) for number, classifiers in chains.items()}
    if lists_of is finer_parts_of and all(len(lists[n]) == len(parts_of(chains[n])) for n in chains):
        raise NotSuitable("no list of a chain is several where filters look at fewer fields")
    for number, parts in lists.items():
        found[number] = [
            one for part in parts for one in _opened(number, part, at_least, name, small, part=len(parts) > 1)
        ]
    return found


def _opened(
    number: int, classifiers: Sequence[Classifier], at_least: int, name: str,
    small: Mapping[int, Sequence[FlowerFilter]], *, part: bool,
) -> Sequence[Classifier | OpenChain]:  # fmt: skip
    some = list(filters_of(classifiers))
    if len(some) < at_least:
        return classifiers
    targets = {target for one in some if (target := _leads_to(one)) is not None and target in small}
    within = {target: small[target] for target in targets} if len(targets) > MAX_TEMPLATES else {}
    return [OpenChain(number, classifiers, name, within, part=part)]


def _ends(chain: Sequence[FlowerFilter]) -> bool:
    """Whether no packet comes out of a chain by its end or to another one: its last filter takes all, and none leads
    on."""
    last = chain[-1]
    onward = any(isinstance(a, Gact) and a.control.kind == "goto chain" for one in chain for a in one.actions)
    return last.protocol == ETH_P_ALL and not last.keys and last.indev is None and not onward


def only(filters: FilterList, opened: Opened, kept: Mapping[str, Sequence[int]]) -> FilterList:
    """The list without those filters of open chains that are not kept (by :attr:`.Row.origin`).

    Those that stay are in the order in which they are tried, so that masks keep theirs.
    """
    open_ = {(one.chain, one.pref) for table in opened.tables.values() for one in table.entries}
    chains = {chain for chain, _ in open_}
    stay = [opened.tables[name].entries[i] for name, origins in kept.items() for i in sorted(set(origins))]
    others = (f for f in filters.filters if f.chain not in chains or (f.pref and (f.chain, f.pref) not in open_))
    return replace(filters, filters=(*others, *stay))
