"""Filters as rtnetlink messages (``RTM_NEWTFILTER``), both ways: the full range of what the kernel accepts.

Layouts: ``struct tcmsg`` (``uapi/linux/rtnetlink.h``), ``struct tc_u32_sel`` and ``tc_u32_key``
(``uapi/linux/pkt_cls.h``), ``tc_gact`` and ``tc_mirred`` (``uapi/linux/tc_act``).
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ....semantics.source import InputError, Span, Unsupported
from ...tc.artifact.actions import Action, OpaqueAction
from ...tc.artifact.attributes import NESTED, Attribute, attribute, number
from ...tc.artifact.changes import Step, applied
from ...tc.artifact.filters import MATCHALL
from ...tc.artifact.hooks import Hook
from ...tc.artifact.matchall import option_attributes
from ...tc.artifact.netlink import (
    ADD,
    NLM_F_CREATE,
    NLM_F_EXCL,
    RTM_NEWTFILTER,
    Links,
    Place,
    Told,
    filter_message,
    filter_messages,
)
from ...tc.artifact.netlink_actions import action_attributes, decode_actions
from ...tc.artifact.netlink_police import read_police_options
from .changes import classifiers
from .filters import FIRST_ROOT, FilterList, Handle, Key, Selector, U32Filter, is_root_alone, root_alone
from .matchall import read_matchall_attributes

_SEL: Final = struct.Struct("=BBBxHHhhI")
_KEY: Final = struct.Struct("=IIii")
_MARK: Final = struct.Struct("=III")
(
    TCA_U32_CLASSID, TCA_U32_HASH, TCA_U32_LINK, TCA_U32_DIVISOR, TCA_U32_SEL, TCA_U32_POLICE, TCA_U32_ACT,
    TCA_U32_INDEV, TCA_U32_PCNT, TCA_U32_MARK, TCA_U32_FLAGS, TCA_U32_PAD,
) = range(1, 13)  # fmt: skip
_TERMINAL, _OFFSET, _VAROFFSET, _EAT = 1, 2, 4, 8
_SKIP_HW, _SKIP_SW, _IN_HW, _NOT_IN_HW = 1, 2, 4, 8


# --- encoding -----------------------------------------------------------------------------------------------------


def encode(filters: FilterList, links: Links | None = None) -> bytes:
    """The messages that add the filters, one after the other.

    Raises:
        Unsupported: the hook's device is no port, or an action is known by its words only.
    """
    links = links or Links()
    return b"".join(encode_filter(f, filters.hook, links, i + 1) for i, f in enumerate(filters.filters))


def encode_filter(filter_: U32Filter, hook: Hook, links: Links, sequence: int, flags: int = ADD) -> bytes:
    """The message that adds one filter."""
    alone = is_root_alone(filter_)
    handle = 0 if alone else filter_.handle.value
    place = Place(hook, filter_.pref, filter_.protocol, handle, filter_.chain)
    if filter_.kind == MATCHALL:
        options: bytes | None = option_attributes(filter_, links)
    else:
        options = None if alone else _options(filter_, links)
    return filter_message(filter_.kind, place, options, links, filter_.span, sequence, flags)


def _options(filter_: U32Filter, links: Links) -> bytes:
    out = b""
    if filter_.divisor is not None:
        out += number(TCA_U32_DIVISOR, filter_.divisor)
    if filter_.classid is not None:
        out += number(TCA_U32_CLASSID, filter_.classid)
    if filter_.ht is not None:
        out += number(TCA_U32_HASH, filter_.ht.value)
    if filter_.link is not None:
        out += number(TCA_U32_LINK, filter_.link << 20)
    if filter_.selector is not None:
        out += attribute(TCA_U32_SEL, _selector_bytes(filter_.selector))
    if filter_.indev is not None:
        out += attribute(TCA_U32_INDEV, links.ports.name(filter_.indev).encode() + b"\0")
    if filter_.mark is not None:
        out += attribute(TCA_U32_MARK, _MARK.pack(*filter_.mark, 0))
    if filter_.skip_hw or filter_.skip_sw:
        out += number(TCA_U32_FLAGS, _SKIP_HW * filter_.skip_hw | _SKIP_SW * filter_.skip_sw)
    if filter_.actions:
        out += attribute(TCA_U32_ACT | NESTED, action_attributes(filter_.actions, links.index, filter_.span))
    return out


def _selector_bytes(selector: Selector) -> bytes:
    flags = (
        _TERMINAL * selector.terminal
        | _OFFSET * selector.has_offset
        | _VAROFFSET * selector.var_offset
        | _EAT * selector.eat
    )
    head = _SEL.pack(
        flags,
        selector.offshift,
        len(selector.keys),
        socket.htons(selector.offmask),
        selector.off,
        selector.offoff,
        selector.hoff,
        socket.htonl(selector.hmask),
    )
    keys = (_KEY.pack(socket.htonl(k.mask), socket.htonl(k.value), k.offset, k.offmask) for k in selector.keys)
    return head + b"".join(keys)


# --- decoding -----------------------------------------------------------------------------------------------------


def decode(data: bytes, name: str = "<netlink>", links: Links | None = None) -> FilterList:
    """The filters in messages: those that are there after requests (the first finds none), or the kernel's dump.

    A dump is brought into an order in which it could be added: see :func:`from_dump`.

    Raises:
        InputError: anything that is not such a message, with the byte offset, or a request that changes filters and is
            refused by the kernel.
        Unsupported: a request that changes filters in a way that is not followed.
    """
    links = links or Links()
    steps: list[Step[U32Filter]] = []
    hook, dumped = Hook(), True
    for told in filter_messages(data, name, "u32", links, (MATCHALL,)):
        dumped = dumped and not told.new
        hook = told.place.hook
        try:
            steps += _step(told, links)
        except ValueError as error:
            raise told.body.place.error(str(error)) from None
    if dumped:
        return from_dump(FilterList(tuple(step.filter for step in steps if step.filter is not None), hook, name))
    filters = applied(steps, classifiers())
    if not filters:
        raise InputError.at(Span(name, 0, 0), "these messages leave no u32 filter")
    return FilterList(filters, hook, name)


def _step(told: Told, links: Links) -> Iterator[Step[U32Filter]]:
    """What a message does; nothing where a dump only says that there is such a classifier."""
    handle = Handle.of(told.place.handle)
    if told.verb == "delete":
        yield told.step(handle, None)
    elif told.kind == MATCHALL:
        if told.options is not None:
            yield told.step(handle, read_matchall_attributes(told.options, told, links))
        elif told.new:
            raise told.body.place.error("the kernel refuses a filter without options")
    elif told.options is not None:
        found = told.options.nest()
        whole = TCA_U32_SEL in found or TCA_U32_DIVISOR in found
        yield told.step(handle, _decode_options(found, told.options, told, links), whole=whole)
    elif told.new:
        if told.place.handle:
            raise told.body.place.error("the kernel refuses a filter with a handle of which nothing is said")
        yield told.step(handle, root_alone(told.place.pref, told.place.protocol, told.place.chain))


def _decode_options(found: dict[int, Attribute], options: Attribute, told: Told, links: Links) -> U32Filter:
    chain = told.place.chain
    known = {TCA_U32_PCNT, TCA_U32_PAD}
    place = (told.place.pref, told.place.protocol, Handle.of(told.place.handle))
    flags = found[TCA_U32_FLAGS].number() if TCA_U32_FLAGS in found else 0
    in_hw = True if flags & _IN_HW else False if flags & _NOT_IN_HW else None
    skip_hw, skip_sw = bool(flags & _SKIP_HW), bool(flags & _SKIP_SW)
    strange = set(found) - set(range(1, 12)) - known
    if strange:
        raise Unsupported(f"attribute {min(strange)} of u32", options.place.span)
    if TCA_U32_POLICE in found and (TCA_U32_ACT in found or told.new):
        raise Unsupported("police of u32 in a request, or beside actions", options.place.span)

    def value(kind: int) -> int | None:
        return found[kind].number() if kind in found else None

    if TCA_U32_DIVISOR in found:
        divisor = value(TCA_U32_DIVISOR)
        return U32Filter(*place, None, divisor=divisor, chain=chain, skip_hw=skip_hw, skip_sw=skip_sw, in_hw=in_hw)
    if TCA_U32_SEL not in found and told.verb not in ("change", "replace"):
        raise options.place.error("there is neither a selector nor a divisor")
    link, ht = value(TCA_U32_LINK), value(TCA_U32_HASH)
    if link is not None and link & 0xFFFFF:
        raise found[TCA_U32_LINK].place.error("a link goes to a hash table, not to a bucket or filter")
    mark = found[TCA_U32_MARK].unpack(_MARK) if TCA_U32_MARK in found else None
    return U32Filter(
        *place,
        _decode_selector(found[TCA_U32_SEL]) if TCA_U32_SEL in found else Selector(),
        ht=None if ht is None else Handle.of(ht),
        link=None if link is None else link >> 20,
        classid=value(TCA_U32_CLASSID),
        actions=_actions(found, links, new=told.new),
        chain=chain,
        indev=links.named(found[TCA_U32_INDEV]) if TCA_U32_INDEV in found else None,
        mark=None if mark is None else (mark[0], mark[1]),
        skip_hw=skip_hw,
        skip_sw=skip_sw,
        in_hw=in_hw,
    )


def _actions(found: dict[int, Attribute], links: Links, *, new: bool) -> tuple[Action, ...]:
    """The actions, or the police of a filter that was given that and no action (``tcf_exts_dump``)."""
    if TCA_U32_ACT in found:
        return decode_actions(found[TCA_U32_ACT], links.port, new=new)
    if TCA_U32_POLICE not in found:
        return ()
    police = found[TCA_U32_POLICE]
    return (read_police_options(police.nest()) or OpaqueAction("police", options=police.data),)


def _decode_selector(attribute_: Attribute) -> Selector:
    flags, shift, count, offmask, off, offoff, hoff, hmask = attribute_.unpack(_SEL)
    data = attribute_.data
    if len(data) < _SEL.size + count * _KEY.size:
        raise attribute_.place.error(f"selector of {len(data)} bytes is too short for {count} keys")
    if flags & ~(_TERMINAL | _OFFSET | _VAROFFSET | _EAT):
        raise attribute_.place.error(f"unknown selector flags {flags:#x}")
    keys = []
    for i in range(count):
        mask, value, offset, relative = _KEY.unpack_from(data, _SEL.size + i * _KEY.size)
        keys.append(Key(socket.ntohl(value), socket.ntohl(mask), offset, relative))
    return Selector(
        tuple(keys),
        terminal=bool(flags & _TERMINAL),
        has_offset=bool(flags & _OFFSET),
        var_offset=bool(flags & _VAROFFSET),
        eat=bool(flags & _EAT),
        offshift=shift,
        offmask=socket.ntohs(offmask),
        off=off,
        offoff=offoff,
        hoff=hoff,
        hmask=socket.ntohl(hmask),
    )


def from_dump(dump: FilterList) -> FilterList:
    """A kernel's dump as a list that can be added: tables before what is in them or links to them, root tables left
    out (they make themselves), and filters of root tables without ``ht``.

    Raises:
        Unsupported: one handle appears twice. The kernel shows tables by priority only, so two chains that use the
            same priority cannot be told apart.
    """
    seen: set[Handle] = set()
    for filter_ in dump.filters:
        if filter_.kind == MATCHALL:
            continue
        if filter_.handle in seen:
            what = f"{filter_.handle} twice: of chains that share a priority a dump does not tell whose a table is"
            raise Unsupported(what, filter_.span if filter_.span.file else Span(dump.name, 0, 0))
        seen.add(filter_.handle)
    tables = [f for f in dump.filters if f.divisor is not None and f.handle.table < FIRST_ROOT]
    nodes = [f for f in dump.filters if f.divisor is None]
    roots = {f.handle.table for f in dump.filters if f.divisor is not None} - {f.handle.table for f in tables}
    placed = [
        replace(f, ht=None, handle=Handle(node=f.handle.node)) if f.ht is not None and f.ht.table in roots else f
        for f in nodes
    ]
    return FilterList((*tables, *placed), dump.hook, dump.name)


__all__ = ["NLM_F_CREATE", "NLM_F_EXCL", "RTM_NEWTFILTER", "Links", "decode", "encode", "encode_filter", "from_dump"]
