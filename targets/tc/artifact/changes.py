"""Commands applied to a hook that has no filters: what the kernel makes of filters that are added in their order
(:func:`added`), and which there are in the end where commands change some and take some away (:func:`applied`).

Follows ``tc_new_tfilter`` and ``tc_del_tfilter`` of ``net/sched/cls_api.c`` (6.1): a filter is named by chain,
priority, protocol (if said), kind (if said) and handle. What a classifier does with its own filters is told by
:class:`Classifier`, as ``struct tcf_proto_ops`` has it. A command that the kernel refuses ends ``tc -batch``, and is an
error.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, Protocol, TypeVar

from ....semantics.source import InputError, Span, Unsupported
from .filters import Filter

_FIRST_AUTO_PREF: Final = 0xC000
_AUTO_LIMIT: Final = 0x8000
Verb = Literal["add", "replace", "change", "delete"]


class Named(Protocol):
    """What a command says of the filter that it is about."""

    @property
    def chain(self) -> int:
        """Its chain."""
        ...

    @property
    def pref(self) -> int:
        """Its priority; 0: none is said."""
        ...

    @property
    def protocol(self) -> int:
        """Its protocol; 0: any."""
        ...

    @property
    def kind(self) -> str:
        """The classifier; "": any."""
        ...


class Handled(Filter, Protocol):
    """A filter that has a handle."""

    @property
    def handle(self) -> Any:
        """The classifier's own kind of handle."""
        ...


AnyFilter = TypeVar("AnyFilter", bound=Handled)


@dataclass(frozen=True)
class Step(Generic[AnyFilter]):
    """One command: what it does, to which filter; ``handle``: None if none is said."""

    verb: Verb
    named: Named
    handle: Any
    filter: AnyFilter | None
    """As the command says it; None where it takes filters away."""
    span: Span
    whole: bool = True
    """Whether it says all that a new filter has to have."""
    takes: tuple[int | None, ...] = ()
    """Of each action with an index that was there already: which step's filter brought it; None: it is of no filter."""

    @property
    def may_change(self) -> bool:
        """Whether it can meet filters that are there. A filter that replaces what has its handle is a new one without a
        handle, and where the kernel chooses a new priority."""
        if self.verb == "replace":
            return bool(self.named.pref) and self.handle is not None
        return self.verb in ("change", "delete")


class Refused(Exception):
    """The kernel does not do it."""


@dataclass(eq=False)
class Place:
    """One ``tcf_proto``: a priority of a chain."""

    chain: int
    pref: int
    protocol: int
    kind: str
    own: Any = field(default=None, repr=False)
    """What the classifier has there."""


class Classifier(ABC, Generic[AnyFilter]):
    """What a classifier does with its filters. Everything may raise Refused, and Unsupported at the command's place."""

    @abstractmethod
    def begin(self, place: Place) -> None:
        """There is a new priority of its kind."""

    @abstractmethod
    def get(self, place: Place, handle: Any) -> object | None:
        """What has a handle."""

    @abstractmethod
    def change(self, place: Place, found: object | None, filter_: AnyFilter) -> None:
        """Put a filter in, in the place of what was found."""

    @abstractmethod
    def delete(self, place: Place, found: object, span: Span) -> bool:
        """Take it away; whether the priority is empty then, and goes."""

    @abstractmethod
    def end(self, place: Place, span: Span) -> None:
        """The priority goes, with all that it has."""

    @abstractmethod
    def left(self, places: Sequence[Place]) -> Iterator[AnyFilter]:
        """The filters of its kind, in an order in which they can be added."""


def added(
    filters: Iterable[Step[AnyFilter]], classifiers: Mapping[str, Classifier[AnyFilter]]
) -> dict[int, list[Place]]:
    """Per chain its priorities, the lowest number first, after filters were added.

    Raises:
        InputError: the kernel refuses a filter; with its place.
        Unsupported: it is not known what the kernel does, with the filter's place.
    """
    hook = _Hook(classifiers)
    for step in filters:
        hook.apply(step, "filter")
    chains: dict[int, list[Place]] = {}
    for place in sorted(hook.places, key=lambda place: place.pref):
        chains.setdefault(place.chain, []).append(place)
    return chains


def applied(
    steps: Sequence[Step[AnyFilter]], classifiers: Mapping[str, Classifier[AnyFilter]]
) -> tuple[AnyFilter, ...]:
    """The filters after commands: as the commands say them, if no command meets a filter that was there; else with the
    priorities and handles that the kernel chose, so that adding them to an empty hook gives the same hook.

    Args:
        steps: all of one hook.
        classifiers: by their names.

    Raises:
        InputError: the kernel refuses a command; with its place.
        Unsupported: it is not known what the kernel does, with the command's place.
    """
    plain = tuple(step.filter for step in steps if step.filter is not None)
    if not any(step.may_change or not step.whole for step in steps):
        return plain
    hook, touched = _Hook(classifiers), -1
    for number, step in enumerate(steps):
        _check_taken(step, touched)
        hook.apply(step, "command")
        touched = number if hook.touched else touched
    return hook.left() if touched >= 0 else plain


def _check_taken(step: Step[AnyFilter], touched: int) -> None:
    """An action with an index is there as long as a filter has it that brought it, or one that took it; or for good, if
    it is of none. ``change`` gives it to all that have it in the form that it says (``TCA_ACT_FLAGS_REPLACE``).

    Args:
        touched: the last step that changed filters or took some away.

    Raises:
        Unsupported: it may not be there any more, or is changed.
    """
    if step.takes and step.verb == "change":
        raise Unsupported("a change of an action that other filters may have (its index)", step.span)
    if any(maker is not None and maker < touched for maker in step.takes):
        raise Unsupported("an action that may have gone with the filters that had it (its index)", step.span)


class _Hook(Generic[AnyFilter]):
    def __init__(self, classifiers: Mapping[str, Classifier[AnyFilter]]) -> None:
        self._classifiers = classifiers
        self._places: dict[tuple[int, int], Place] = {}
        self._lowest_auto: dict[int, int] = {}
        """By chain, the lowest priority from 0x8000 on."""
        self.touched = False
        """Whether the last command changed filters that were there, or took some away."""

    @property
    def places(self) -> Iterable[Place]:
        """The priorities that there are."""
        return self._places.values()

    def apply(self, step: Step[AnyFilter], what: str) -> None:
        """Raises InputError: the kernel refuses it, whatever it is called; Unsupported."""
        self.touched = False
        try:
            if step.verb == "delete":
                self._delete(step)
            else:
                self._new(step)
        except Refused as reason:
            raise InputError.at(step.span, f"the kernel refuses this {what}: {reason}") from None

    def left(self) -> tuple[AnyFilter, ...]:
        """The filters that are there."""
        kinds = dict.fromkeys(place.kind for place in self.places)
        found = (self._classifiers[k].left([place for place in self.places if place.kind == k]) for k in kinds)
        return tuple(one for some in found for one in some)

    # --- tc_new_tfilter ---

    def _new(self, step: Step[AnyFilter]) -> None:
        assert step.filter is not None
        place = self._find(step.named)
        if place is None:
            place = self._begin(step)
        elif place.kind != step.named.kind:
            raise Refused(f"priority {place.pref} is there for filters of {place.kind}")
        classifier = self._classifiers[place.kind]
        found = None if step.handle is None else classifier.get(place, step.handle)
        if found is None and step.verb == "change":
            raise Refused("there is no such filter")
        if found is None and not step.whole:
            raise Refused("a new filter needs a selector")
        if found is not None and step.verb == "add":
            raise Refused(f"filter {_called(step.handle)} exists")
        self.touched |= found is not None
        classifier.change(place, found, step.filter)

    def _begin(self, step: Step[AnyFilter]) -> Place:
        named = step.named
        if step.verb == "change":
            raise Refused("there is no filter of this priority")
        if not named.protocol:
            raise Refused("a new priority needs a protocol")
        pref = named.pref or self._auto_pref(named.chain)
        place = Place(named.chain, pref, named.protocol, named.kind)
        self._classifiers[named.kind].begin(place)
        self._places[place.chain, place.pref] = place
        if pref >= _AUTO_LIMIT:
            self._lowest_auto[place.chain] = min(pref, self._lowest_auto.get(place.chain, pref))
        return place

    def _find(self, named: Named) -> Place | None:
        """``tcf_chain_tp_find``."""
        place = self._places.get((named.chain, named.pref))
        if place is not None and named.protocol not in (0, place.protocol):
            raise Refused(f"priority {place.pref} is there for another protocol")
        return place

    def _auto_pref(self, chain: int) -> int:
        """``tcf_auto_prio``: one below the lowest priority from 0x8000 on, 0xc000 if there is none."""
        lowest = self._lowest_auto.get(chain, _FIRST_AUTO_PREF + 1)
        if lowest == _AUTO_LIMIT:
            raise Refused("no priority is free")
        return lowest - 1

    # --- tc_del_tfilter ---

    def _delete(self, step: Step[AnyFilter]) -> None:
        named = step.named
        if not named.pref:
            if named.protocol or named.kind or step.handle is not None:
                raise Refused("filters of a protocol or kind, or with a handle, are taken away by their priority")
            for one in [one for one in self.places if one.chain == named.chain]:
                self._end(one, step.span)
            return
        place = self._find(named)
        if place is None:
            raise Refused("there is no filter of this priority")
        if named.kind not in ("", place.kind):
            raise Refused(f"priority {place.pref} is there for filters of {place.kind}")
        if step.handle is None:
            self._end(place, step.span)
            return
        classifier = self._classifiers[place.kind]
        found = classifier.get(place, step.handle)
        if found is None:
            raise Refused("there is no filter with this handle")
        self.touched = True
        if classifier.delete(place, found, step.span):
            self._end(place, step.span)

    def _end(self, place: Place, span: Span) -> None:
        self.touched = True
        self._classifiers[place.kind].end(place, span)
        del self._places[place.chain, place.pref]
        if place.pref == self._lowest_auto.get(place.chain):
            del self._lowest_auto[place.chain]
            there = [one.pref for one in self.places if one.chain == place.chain and one.pref >= _AUTO_LIMIT]
            if there:
                self._lowest_auto[place.chain] = min(there)


def _called(handle: Any) -> str:
    return f"{handle:#x}" if isinstance(handle, int) else str(handle)
