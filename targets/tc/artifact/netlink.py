"""Filters of any classifier as rtnetlink messages (``RTM_NEWTFILTER``, ``RTM_DELTFILTER``): ``struct tcmsg``
(``uapi/linux/rtnetlink.h``) and the attributes that every classifier has. What is in ``TCA_OPTIONS`` is the
classifier's own. Flags tell what a request does, as in ``tc_new_tfilter`` of ``net/sched/cls_api.c``: ``tc filter add``
asks for a new filter (``NLM_F_CREATE`` and ``NLM_F_EXCL``), ``replace`` for one that may be there (``NLM_F_CREATE``),
``change`` for one that is (neither); ``NLM_F_REPLACE`` says nothing.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ....semantics.source import InputError, Span, Unsupported
from .attributes import (
    HEADER,
    NESTED,
    NLMSG_DONE,
    NLMSG_ERROR,
    NLMSG_NOOP,
    Attribute,
    Message,
    attribute,
    message,
    messages,
    number,
)
from .changes import AnyFilter, Step, Verb
from .hooks import DEFAULT_PORTS, Hook, PortNames

RTM_NEWTFILTER: Final = 44
RTM_DELTFILTER: Final = 45
NLM_F_REQUEST, NLM_F_EXCL, NLM_F_CREATE = 1, 0x200, 0x400
ADD: Final = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL
INGRESS: Final = 0xFFFFFFF2
EGRESS: Final = 0xFFFFFFF3
_INGRESS_QDISC: Final = 0xFFFF0000
"""``ffff:``, the handle of an ingress qdisc; clsact's hooks are told by the two above."""
BLOCK: Final = -1
"""``TCM_IFINDEX_MAGIC_BLOCK``: the parent is the number of a shared block."""
_CODE: Final = struct.Struct("=i")
_INTERRUPTED: Final = 0x10
"""``NLM_F_DUMP_INTR``."""
_MULTI: Final = 0x2
"""``NLM_F_MULTI``: of a dump, which ``NLMSG_DONE`` ends."""
TCMSG: Final = struct.Struct("=BxxxiIII")
TCA_KIND, TCA_OPTIONS, TCA_CHAIN = 1, 2, 11
_PASSED_OVER: Final = (NLMSG_NOOP, NLMSG_ERROR, NLMSG_DONE)
_LOOKED_AT: Final = HEADER.size + TCMSG.size + 64
"""Bytes of a message in which its classifier's name is."""


@dataclass(frozen=True)
class Links:
    """How interface numbers stand to ports: as ``ports`` says of the number as a name; else they are the same."""

    ports: PortNames = DEFAULT_PORTS

    def index(self, port: int) -> int:
        """A port's interface number."""
        return next((int(name) for name, number in self.ports.named.items() if number == port and name.isdigit()), port)

    def port(self, index: int) -> int:
        """An interface's port number. Raises ValueError: another interface is named for the port of this number."""
        named = {name: number for name, number in self.ports.named.items() if name.isdigit()}
        if str(index) not in named and index in named.values():
            raise ValueError(f"interface {index} is no port (another one is named for port {index}: --device)")
        return named.get(str(index), index)

    def device(self, index: int) -> str:
        """What an interface is called."""
        try:
            return self.ports.name(self.port(index))
        except ValueError:
            return f"interface {index}"

    def named(self, attribute_: Attribute) -> int:
        """The port whose device an attribute names. Raises InputError: it is none."""
        name = attribute_.text()
        port = self.ports.port(name)
        if port is None:
            raise attribute_.place.error(f"device {name!r} is not a port")
        return port


@dataclass(frozen=True, slots=True)
class Place:
    """Where a filter is, and what it is called."""

    hook: Hook
    pref: int
    protocol: int
    handle: int
    chain: int


@dataclass(frozen=True, slots=True)
class Told:
    """A message of a filter. ``options``: None where a dump only says that there is such a classifier."""

    place: Place
    options: Attribute | None
    body: Attribute
    verb: Verb | None
    """What it asks for; None: it shows the filter."""
    kind: str
    """The classifier's name; "" where a filter of any is taken away."""

    @property
    def new(self) -> bool:
        """Whether it asks for something."""
        return self.verb is not None

    @property
    def chain(self) -> int:
        """See :class:`.changes.Named`."""
        return self.place.chain

    @property
    def pref(self) -> int:
        """See :class:`.changes.Named`."""
        return self.place.pref

    @property
    def protocol(self) -> int:
        """See :class:`.changes.Named`."""
        return self.place.protocol

    def step(self, handle: object, filter_: AnyFilter | None, *, whole: bool = True) -> Step[AnyFilter]:
        """What it asks for (that a filter that it shows be added), of the filter with a handle, which counts if it is
        not 0; see :class:`.changes.Step`."""
        named = handle if self.place.handle else None
        return Step(self.verb or "add", self, named, filter_, self.body.place.span, whole)


def filter_message(
    kind: str, place: Place, options: bytes | None, links: Links, span: Span, sequence: int, flags: int = ADD
) -> bytes:
    """The message that adds a filter. Raises Unsupported: the hook's device is no port."""
    parent = INGRESS if place.hook.direction == "ingress" else EGRESS
    if place.hook.block is not None:
        index, parent = BLOCK, place.hook.block
    else:
        port = links.ports.port(place.hook.device)
        if port is None:
            raise Unsupported(f"device {place.hook.device!r} is not a port", span)
        index = links.index(port)
    info = place.pref << 16 | socket.htons(place.protocol)
    attributes = attribute(TCA_KIND, kind.encode() + b"\0")
    if place.chain:
        attributes += number(TCA_CHAIN, place.chain)
    if options is not None:
        attributes += attribute(TCA_OPTIONS | NESTED, options)
    return message(RTM_NEWTFILTER, flags, sequence, TCMSG.pack(0, index, place.handle, parent, info) + attributes)


def filter_messages(data: bytes, name: str, kind: str, links: Links, beside: Collection[str] = ()) -> Iterator[Told]:
    """The filters in messages: requests, or the kernel's dump; all on one hook.

    Args:
        kind: the classifier.
        beside: others whose filters may stand in such a list.

    Raises:
        InputError: anything that is not such a message, or no filter; with the byte offset.
    """
    hook: Hook | None = None
    goes_on: Message | None = None
    for one in messages(data, name):
        _complete(one)
        goes_on = one if one.flags & _MULTI and one.kind != NLMSG_DONE else None
        if one.kind in _PASSED_OVER:
            continue
        if one.kind not in (RTM_NEWTFILTER, RTM_DELTFILTER):
            raise one.body.place.error(f"message of type {one.kind}, not RTM_NEWTFILTER or RTM_DELTFILTER")
        told = _told(one, (kind, *beside), links)
        if hook is not None and told.place.hook != hook:
            raise one.body.place.error("all filters must be on one hook")
        hook = told.place.hook
        yield told
    if goes_on is not None:
        raise goes_on.body.place.error("the dump ends with this message, without NLMSG_DONE: there were more")
    if hook is None:
        raise InputError.at(Span(name, 0, 0), "no filter in these messages")


def _complete(one: Message) -> None:
    """Raises InputError: a request was refused, or filters came or went while they were shown."""
    ends = one.kind == NLMSG_ERROR or (one.kind == NLMSG_DONE and one.body.data)
    if ends and one.body.unpack(_CODE)[0]:
        raise one.body.place.error(f"the kernel has refused a request (error {-one.body.unpack(_CODE)[0]})")
    if one.flags & _INTERRUPTED:
        raise one.body.place.error("the dump is not consistent: filters came or went meanwhile")


def _told(one: Message, kinds: Sequence[str], links: Links) -> Told:
    body = one.body
    _, index, handle, parent, info = body.unpack(TCMSG)
    attributes, verb = dict(body.items(TCMSG.size)), _verb(one)
    if TCA_KIND not in attributes and verb != "delete":
        raise body.place.error("the classifier is not said")
    kind = attributes[TCA_KIND].text() if TCA_KIND in attributes else ""
    if kind and kind not in kinds:
        raise Unsupported(f"a filter of {kind[:20]!r} in a list of {kinds[0]} filters", body.place.span)
    if index == BLOCK:
        hook = Hook("", "ingress", parent)
    elif parent in (INGRESS, EGRESS, _INGRESS_QDISC) and index >= 0:
        hook = Hook(links.device(index), "egress" if parent == EGRESS else "ingress")
    else:
        what = f"parent {parent:#x} of interface {index}, which is neither ingress nor egress"
        raise Unsupported(what, body.place.span)
    chain = attributes[TCA_CHAIN].number() if TCA_CHAIN in attributes else 0
    place = Place(hook, info >> 16, socket.ntohs(info & 0xFFFF), handle, chain)
    return Told(place, attributes.get(TCA_OPTIONS), body, verb, kind)


def _verb(one: Message) -> Verb | None:
    """What a message asks for; None: nothing. A dump's is no request; what the kernel tells listeners has the flags of
    the request that did it."""
    if one.kind == RTM_DELTFILTER:
        return "delete"
    if one.flags & NLM_F_CREATE:
        return "add" if one.flags & NLM_F_EXCL else "replace"
    if one.flags & NLM_F_REQUEST and one.flags & NLM_F_EXCL:
        raise one.body.place.error("the kernel refuses this command: NLM_F_EXCL without NLM_F_CREATE")
    return "change" if one.flags & NLM_F_REQUEST else None


def is_filters(data: bytes, kind: str | None = None, beside: Collection[str] = ()) -> bool:
    """Whether a file's content begins with a filter's message, behind such as say nothing.

    Args:
        kind: of which classifier; None: any.
        beside: others whose filters are passed over, if all that are there are not theirs.
    """
    at, passed = 0, False
    while len(data) - at >= HEADER.size:
        length, number_, *_ = HEADER.unpack_from(data, at)
        if not HEADER.size <= length <= len(data) - at:
            break
        if number_ == RTM_NEWTFILTER:
            start = data[at : at + _LOOKED_AT]
            passed = any(f"{one}\0".encode() in start for one in beside)
            if not passed:
                return kind is None or f"{kind}\0".encode() in start
        elif number_ not in (NLMSG_NOOP, RTM_DELTFILTER):
            break
        at += (length + 3) & ~3
    return passed
