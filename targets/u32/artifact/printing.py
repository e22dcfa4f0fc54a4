"""Printing filters as a ``tc -batch`` script.

``tc`` cannot say everything that the kernel accepts (keys at odd offsets, two keys at one place, some controls); that
raises Unsupported, and rtnetlink messages are the way out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ....semantics.source import Unsupported
from ...tc.artifact.filters import MATCHALL
from ...tc.artifact.hooks import DEFAULT_PORTS, Hook, PortNames
from ...tc.artifact.matchall import words as matchall_words
from ...tc.artifact.print_actions import action_words
from ...tc.artifact.protocols import classid_text, protocol_text
from .filters import NO_HANDLE, FilterList, Key, Selector, U32Filter, is_root_alone
from .matches import TC_MAX_KEYS


def print_script(filters: FilterList, ports: PortNames = DEFAULT_PORTS) -> str:
    """The script that adds the filters, one command a line.

    Raises:
        Unsupported: ``tc`` has no words for a filter.
    """
    return "".join(print_filter(f, filters.hook, ports) + "\n" for f in filters.filters)


def canonical(filter_: U32Filter) -> U32Filter:
    """The same filter without what the kernel never looks at: key bits outside masks, a class id 0, fields of the
    offset that its flags switch off. Printing and parsing yields this one."""
    selector = filter_.selector
    if selector is not None:
        selector = _canonical_selector(selector)
    mark = filter_.mark if filter_.mark is not None and filter_.mark[1] else None
    return replace(filter_, selector=selector, classid=filter_.classid or None, mark=mark)


def _canonical_selector(selector: Selector) -> Selector:
    keys = tuple(replace(key, value=key.value & key.mask) for key in selector.keys)
    selector = replace(selector, keys=keys)
    if not selector.var_offset:
        selector = replace(selector, offmask=0, offshift=0, offoff=0)
        if not selector.has_offset:
            selector = replace(selector, off=0)
    elif selector.off:
        selector = replace(selector, has_offset=True)
    return selector


def print_filter(filter_: U32Filter, hook: Hook, ports: PortNames = DEFAULT_PORTS) -> str:
    """The command that adds one filter. Raises Unsupported if ``tc`` has no words for it."""
    filter_ = canonical(filter_)
    words = [f"filter add {hook} protocol {protocol_text(filter_.protocol)}"]
    if filter_.pref:
        words.append(f"pref {filter_.pref}")
    if filter_.chain:
        words.append(f"chain {filter_.chain}")
    if is_root_alone(filter_):
        return " ".join([*words, "u32"])
    if filter_.kind == MATCHALL:
        handle = [f"handle {filter_.handle.value:#x}"] if filter_.handle != NO_HANDLE else []
        return " ".join([*words, *handle, MATCHALL, *matchall_words(filter_, ports)])
    if filter_.handle != NO_HANDLE:
        words.append(f"handle {filter_.handle}")
    words.append("u32")
    if filter_.divisor is not None:
        words.append(f"divisor {filter_.divisor}")
    if filter_.selector is not None:
        words += _selector_words(filter_, filter_.selector)
    if filter_.indev is not None:
        words.append(f"indev {ports.name(filter_.indev)}")
    words += [flag for flag, set_ in (("skip_hw", filter_.skip_hw), ("skip_sw", filter_.skip_sw)) if set_]
    words += _ending(filter_)
    words += [f"action {action_words(action, ports, filter_.span)}" for action in filter_.actions]
    if words[-1].startswith("match mark"):
        words.append("hashkey mask 0 at 0")  # tc reads one word too many behind a mark, and then misses it
    return " ".join(words)


def _ending(filter_: U32Filter) -> Iterator[str]:
    """The class id; ``flowid none`` makes a filter without action terminal."""
    selector = filter_.selector
    if filter_.classid is not None:
        yield f"flowid {classid_text(filter_.classid)}"
    elif selector is not None and selector.terminal and not filter_.actions:
        yield "flowid none"
    if selector is not None and not selector.terminal and (filter_.actions or filter_.classid is not None):
        raise Unsupported("tc makes every filter with actions or a class id terminal", filter_.span)


def _selector_words(filter_: U32Filter, selector: Selector) -> Iterator[str]:
    if filter_.mark is not None:
        yield f"match mark {filter_.mark[0]:#x} {filter_.mark[1]:#x}"
    elif not selector.keys:
        yield "match mark 0x0 0x0"  # a selector without keys can be said in this way only
    yield from _key_words(filter_, selector.keys)
    if filter_.ht is not None:
        yield f"ht {filter_.ht.table:x}:{filter_.ht.bucket:x}:"
        if filter_.ht.node or not (filter_.ht.table or filter_.ht.bucket):
            raise Unsupported("ht must name a table or bucket", filter_.span)
    if filter_.link is not None:
        yield f"link {filter_.link:x}:"
    yield from _offset_words(filter_, selector)
    if selector.hmask or selector.hoff:
        if selector.hoff % 4:
            raise Unsupported(f"tc cannot say a hash key at {selector.hoff}: not a multiple of 4", filter_.span)
        yield f"hashkey mask {selector.hmask:#010x} at {selector.hoff}"


def _key_words(filter_: U32Filter, keys: tuple[Key, ...]) -> Iterator[str]:
    places = {(key.offset, key.offmask) for key in keys}
    if len(places) < len(keys):
        raise Unsupported("tc cannot say two keys at one place", filter_.span)
    if len(keys) > TC_MAX_KEYS:
        raise Unsupported(f"tc cannot say more than {TC_MAX_KEYS} keys", filter_.span)
    for key in keys:
        if key.offset % 4:
            raise Unsupported(f"tc cannot say a key at {key.offset}: not a multiple of 4", filter_.span)
        if key.offmask not in (0, -1):
            raise Unsupported("tc cannot say an offset mask other than nexthdr", filter_.span)
        base = "nexthdr+" if key.offmask else ""
        yield f"match u32 {key.value:#010x} {key.mask:#010x} at {base}{key.offset}"


def _offset_words(filter_: U32Filter, selector: Selector) -> Iterator[str]:
    words = []
    if selector.has_offset:
        words.append(f"plus {selector.off}")
    if selector.var_offset:
        if selector.offoff % 2:
            raise Unsupported(f"tc cannot say an offset at {selector.offoff}: odd", filter_.span)
        words.append(f"at {selector.offoff} mask {selector.offmask:#06x} shift {selector.offshift}")
    if selector.eat:
        words.append("eat")
    if words:
        yield f"offset {' '.join(words)}"
