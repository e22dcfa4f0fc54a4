"""Filters as rtnetlink messages (``RTM_NEWTFILTER``), both ways: all that the data type holds.

What is assumed of frames stands in front, in a message that says nothing to a kernel (``NLMSG_NOOP``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ....semantics.source import InputError, Span
from ...assuming import assumed, comment
from ...tc.artifact.attributes import NESTED, NLMSG_NOOP, Attribute, attribute, big, message, messages, number
from ...tc.artifact.changes import Step, applied
from ...tc.artifact.hooks import Hook
from ...tc.artifact.matchall import option_attributes
from ...tc.artifact.netlink import Links, Place, Told, filter_message, filter_messages
from ...tc.artifact.netlink_actions import action_attributes, decode_actions
from ...tc.artifact.protocols import ETH_P_ALL
from .changes import classifiers
from .filters import ASSUMPTIONS, FLOWER, KINDS, MATCHALL, FilterList, FlowerFilter, first_class, shown_type
from .matchall import read_matchall_attributes
from .netlink_keys import ETH_TYPE, key_attributes, read_keys

TCA_FLOWER_CLASSID, TCA_FLOWER_INDEV, TCA_FLOWER_ACT = 1, 2, 3
TCA_FLOWER_FLAGS, TCA_FLOWER_IN_HW_COUNT = 22, 86
_OTHERS: Final = (
    TCA_FLOWER_CLASSID, TCA_FLOWER_INDEV, TCA_FLOWER_ACT, TCA_FLOWER_FLAGS, TCA_FLOWER_IN_HW_COUNT,
)  # fmt: skip
_SKIP_HW, _SKIP_SW, _IN_HW, _NOT_IN_HW, _VERBOSE = 1, 2, 4, 8, 16
_CLASSES: Final = 16


def encode(filters: FilterList, links: Links | None = None) -> bytes:
    """The messages that add the filters, one after the other.

    Raises:
        Unsupported: the hook's device is no port, or an action is known by its words only.
    """
    links = links or Links()
    said = "".join(f"{line}\n" for line in comment(filters.assumes))
    out = [message(NLMSG_NOOP, 0, 0, said.encode())] if said else []
    out += [encode_filter(f, filters.hook, links, i + 1) for i, f in enumerate(filters.filters)]
    return b"".join(out)


def encode_filter(filter_: FlowerFilter, hook: Hook, links: Links, sequence: int) -> bytes:
    """The message that adds one filter. Raises Unsupported, see :func:`encode`."""
    place = Place(hook, filter_.pref, filter_.protocol, filter_.handle, filter_.chain)
    try:
        options = option_attributes(filter_, links) if filter_.kind == MATCHALL else _options(filter_, hook, links)
        return filter_message(filter_.kind, place, options, links, filter_.span, sequence)
    except ValueError as error:
        raise InputError.at(filter_.span, str(error)) from None


def _options(filter_: FlowerFilter, hook: Hook, links: Links) -> bytes:
    out = b""
    if filter_.hw_tc is not None:
        out += number(TCA_FLOWER_CLASSID, first_class(hook) + filter_.hw_tc)
    elif filter_.classid is not None:
        out += number(TCA_FLOWER_CLASSID, filter_.classid)
    if filter_.indev is not None:
        out += attribute(TCA_FLOWER_INDEV, links.ports.name(filter_.indev).encode() + b"\0")
    if filter_.protocol != ETH_P_ALL:
        out += big(ETH_TYPE, filter_.protocol, 2)
    out += key_attributes(filter_.protocol, filter_.keys)
    if filter_.skip_hw or filter_.skip_sw:
        out += number(TCA_FLOWER_FLAGS, _SKIP_HW * filter_.skip_hw | _SKIP_SW * filter_.skip_sw)
    if filter_.actions:
        out += attribute(TCA_FLOWER_ACT | NESTED, action_attributes(filter_.actions, links.index, filter_.span))
    return out


def decode(data: bytes, name: str = "<netlink>", links: Links | None = None) -> FilterList:
    """The filters in messages: those that are there after requests (the first finds none), or the kernel's dump.

    Raises:
        InputError: anything that is not such a message, or what the data type has no place for, with the byte offset;
            or a request that changes filters and is refused by the kernel.
        Unsupported: a request that changes filters in a way that is not followed.
    """
    links = links or Links()
    steps: list[Step[FlowerFilter]] = []
    hook = Hook()
    for told in filter_messages(data, name, FLOWER, links, KINDS):
        hook = told.place.hook
        try:
            steps += _step(told, links)
        except ValueError as error:
            raise told.body.place.error(str(error)) from None
    filters = applied(steps, classifiers())
    if not filters:
        what = "these messages leave no flower filter" if steps else "no flower filter in these messages"
        raise InputError.at(Span(name, 0, 0), what)
    return FilterList(filters, hook, name, _assumptions(data, name))


def _step(told: Told, links: Links) -> Iterator[Step[FlowerFilter]]:
    """What a message does; nothing where a dump names a classifier, as it does once, without options."""
    if told.verb == "delete":
        yield told.step(told.place.handle, None)
    elif told.options is not None:
        reading = read_matchall_attributes if told.kind == MATCHALL else _filter
        yield told.step(told.place.handle, reading(told.options, told, links))
    elif told.new:
        raise told.body.place.error("the kernel refuses a filter without options")


def _assumptions(data: bytes, name: str) -> tuple[str, ...]:
    said: set[str] = set()
    for one in messages(data, name):
        if one.kind == NLMSG_NOOP:
            for line in one.body.data.decode("utf-8", "replace").rstrip("\0").split("\n"):
                said |= set(assumed(line, Span(name, 0, 0), ASSUMPTIONS))
    return tuple(sorted(said))


def _filter(options: Attribute, told: Told, links: Links) -> FlowerFilter:
    found, place = options.nest(), told.place
    flags = found[TCA_FLOWER_FLAGS].number() if TCA_FLOWER_FLAGS in found else 0
    if flags & ~(_SKIP_HW | _SKIP_SW | _IN_HW | _NOT_IN_HW | _VERBOSE):
        raise found[TCA_FLOWER_FLAGS].place.error(f"unknown flags {flags:#x}")
    classid = found[TCA_FLOWER_CLASSID].number() if TCA_FLOWER_CLASSID in found else 0
    first = first_class(place.hook)
    hw_tc = classid - first if first <= classid < first + _CLASSES else None
    protocol = place.protocol or (found[ETH_TYPE].big(2) if ETH_TYPE in found else ETH_P_ALL)
    keys = read_keys(found, _OTHERS, protocol, options, new=told.new)
    result = FlowerFilter(
        place.pref,
        protocol,
        keys,
        decode_actions(found[TCA_FLOWER_ACT], links.port, new=told.new) if TCA_FLOWER_ACT in found else (),
        place.chain,
        place.handle,
        links.named(found[TCA_FLOWER_INDEV]) if TCA_FLOWER_INDEV in found else None,
        None if hw_tc is not None else classid or None,
        hw_tc,
        bool(flags & _SKIP_HW),
        bool(flags & _SKIP_SW),
        True if flags & _IN_HW else False if flags & _NOT_IN_HW else None,
    )
    _check_type(found, result, options, new=told.new)
    return replace(result, span=Span(options.place.name, 0, 0))


def _check_type(found: dict[int, Attribute], filter_: FlowerFilter, options: Attribute, *, new: bool) -> None:
    """A request tells the outermost type, which is the protocol; a dump the one behind all tags. Without it, or with
    another one, the filter would have keys that the kernel passes over."""
    said = found[ETH_TYPE].big(2) if ETH_TYPE in found else None
    outer = None if filter_.protocol == ETH_P_ALL else filter_.protocol
    expected = outer if new else shown_type(filter_.protocol, filter_.keys)
    if said != expected:
        what = "no key eth_type" if said is None else f"key eth_type {said:#x}"
        raise options.place.error(f"{what} does not go with protocol {filter_.protocol:#x} and the other keys")
