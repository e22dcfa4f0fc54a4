"""Printing filters as a ``tc -batch`` script; what ``tc`` cannot say raises Unsupported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ....semantics.source import Unsupported
from ...assuming import comment
from ...tc.artifact.hooks import DEFAULT_PORTS, Hook, PortNames
from ...tc.artifact.matchall import check_words
from ...tc.artifact.print_actions import action_words
from ...tc.artifact.protocols import classid_text, protocol_text
from .fields import ETH_IP, ETH_IP6, FIELDS, ICMP, ICMP6
from .filters import MATCHALL, FilterList, FlowerFilter, Match, depths, network_type
from .options import NAME, words
from .values import key_text


def print_script(filters: FilterList, ports: PortNames = DEFAULT_PORTS) -> str:
    """The script that adds the filters, one command a line, behind a comment that says what is assumed of frames.

    Raises:
        Unsupported: ``tc`` has no words for a filter.
    """
    lines = [*comment(filters.assumes), *(print_filter(f, filters.hook, ports) for f in filters.filters)]
    return "".join(line + "\n" for line in lines)


def print_filter(filter_: FlowerFilter, hook: Hook, ports: PortNames = DEFAULT_PORTS) -> str:
    """The command that adds one filter. Raises Unsupported if ``tc`` has no words for it."""
    if filter_.kind == MATCHALL:
        check_words(filter_)
    return " ".join([*_head(filter_, hook, ports), *_rest(filter_, ports, _keys(filter_))])


def described(filter_: FlowerFilter, hook: Hook, ports: PortNames = DEFAULT_PORTS) -> str:
    """The same for people, of any filter."""
    try:
        return print_filter(filter_, hook, ports)
    except Unsupported:
        pass
    words = [*_head(filter_, hook, ports), *_rest(replace(filter_, actions=()), ports, _keys(filter_, shown=True))]
    for action in filter_.actions:
        try:
            words.append(f"action {action_words(action, ports, filter_.span)}")
        except Unsupported:
            words.append(f"action {action.kind} ...")
    return " ".join(words)


def _head(filter_: FlowerFilter, hook: Hook, ports: PortNames) -> list[str]:
    words = [f"filter add {hook} protocol {protocol_text(filter_.protocol)}"]
    if filter_.pref:
        words.append(f"pref {filter_.pref}")
    if filter_.chain:
        words.append(f"chain {filter_.chain}")
    if filter_.handle:
        words.append(f"handle {filter_.handle:#x}")
    words.append(filter_.kind)
    if filter_.indev is not None:
        words.append(f"indev {ports.name(filter_.indev)}")
    return words


def _rest(filter_: FlowerFilter, ports: PortNames, keys: Iterable[str]) -> list[str]:
    words = [*keys]
    words += [flag for flag, said in (("skip_hw", filter_.skip_hw), ("skip_sw", filter_.skip_sw)) if said]
    if filter_.classid is not None:  # of matchall tc wants something behind the flag
        words.append(f"classid {classid_text(filter_.classid)}")
    if filter_.hw_tc is not None:
        words.append(f"hw_tc {filter_.hw_tc}")
    words += [f"action {action_words(action, ports, filter_.span)}" for action in filter_.actions]
    return words


def _keys(filter_: FlowerFilter, *, shown: bool = False) -> Iterator[str]:
    stack = False
    for key in filter_.keys:
        field = FIELDS[key.field]
        if key == _other_icmp(filter_):  # by its name tc takes it for the other IP only
            assert isinstance(key, Match)
            yield f"ip_proto {key.value:#x}"
        elif key.field == NAME:
            assert isinstance(key, Match)
            yield words(key)
        elif "@" not in key.field:
            yield f"{field.word} {key_text(key, field, filter_.span, shown=shown)}"
        elif not stack:
            stack = True
            yield from _label_stack(filter_)


def _other_icmp(filter_: FlowerFilter) -> Match | None:
    """The key ``ip_proto``, where it is IPv4's ICMP in IPv6 or the other way round."""
    other = {ETH_IP: ICMP6, ETH_IP6: ICMP}.get(network_type(filter_.protocol, filter_.keys) or 0)
    return None if other is None else Match("ip_proto", other, 0xFF)


def _label_stack(filter_: FlowerFilter) -> Iterator[str]:
    """All label stack entries; where there is but the first, in the words that older versions of ``tc`` know."""
    asked = depths(filter_.keys)
    by_name = {key.field: key for key in filter_.keys}
    old = asked == [1] and "mpls_lse@1" not in by_name
    if not old:
        yield "mpls"
    for depth in asked:
        if not old:
            yield f"lse depth {depth}"
        for part in ("label", "tc", "bos", "ttl"):
            key = by_name.get(f"mpls_{part}@{depth}")
            if key is not None:
                text = key_text(key, FIELDS[key.field], filter_.span)
                yield f"mpls_{part} {text}" if old else f"{part} {text}"
