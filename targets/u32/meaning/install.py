"""What the kernel makes of a filter list: chains of classifiers with their hash tables and filters in order.

What is where is told by the artifact (:mod:`..artifact.changes`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ....semantics.source import Unsupported
from ...tc.artifact.changes import Step, added
from ...tc.artifact.filters import MATCHALL
from ..artifact import (
    NO_HANDLE,
    FilterList,
    Handle,
    MatchallPriorities,
    Node,
    Table,
    U32Filter,
    U32Tables,
    is_root_alone,
)


@dataclass(eq=False, slots=True)
class Classifier:
    """One ``tcf_proto``: the filters of one priority of one chain."""

    pref: int
    protocol: int
    root: Table


@dataclass(frozen=True, slots=True)
class Installed:
    """Everything on one hook: per chain its classifiers, lowest priority number first; hash tables by number."""

    chains: dict[int, list[Classifier]]
    tables: dict[int, Table]


def install(filters: FilterList) -> Installed:
    """The kernel's state after the filters were added in their order.

    Raises:
        InputError: the kernel refuses a filter; with its place.
        Unsupported: something that depends on what is not modelled.
    """
    own, beside = U32Tables(), MatchallPriorities()
    chains = added((_step(filter_) for filter_ in filters.filters), {"u32": own, MATCHALL: beside})
    made = {n: [Classifier(place.pref, place.protocol, place.own) for place in some] for n, some in chains.items()}
    return Installed(made, {**own.tables, **beside.tables})


def _step(filter_: U32Filter) -> Step[U32Filter]:
    if filter_.skip_sw:
        raise Unsupported("skip_sw: the filter exists in hardware only", filter_.span)
    return Step("add", filter_, NO_HANDLE if is_root_alone(filter_) else filter_.handle, filter_, filter_.span)


def numbered(filters: FilterList) -> FilterList:
    """The list with the number of every filter in its bucket said, as the kernel chose it.

    Raises:
        InputError, Unsupported: see :func:`install`; also Unsupported for a bucket with so many filters that some have
            the same number.
    """
    numbers: dict[int, int] = {}
    for bucket in (bucket for table in install(filters).tables.values() for bucket in table.buckets.values()):
        if bucket.again:
            raise Unsupported("filters of one bucket with the same number, which the kernel had to give twice",
                              bucket.again[0].filter.span)  # fmt: skip
        numbers |= {id(node.filter): node.node for node in bucket if node.filter.kind != MATCHALL}
    said = (
        replace(one, handle=Handle(node=numbers[id(one)])) if id(one) in numbers else one for one in filters.filters
    )
    return replace(filters, filters=tuple(said))


__all__ = ["Classifier", "Installed", "Node", "Table", "install", "numbered"]
