"""Reading what ``tc filter show`` prints, for people or (``-j``) as JSON; iproute2 6.1.

A dump shows filters in the order of their priorities and, within one, of their handles. It does not tell in which
order masks of one priority were first used, which is the order in which they are tried; it is taken to be the same.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from ....semantics.source import InputError, Span, Unsupported
from ...tc.artifact.hooks import DEFAULT_PORTS, Hook, PortNames
from ...tc.artifact.json_actions import Object, action_of
from ...tc.artifact.matchall import TOLD_OF_HARDWARE, json_words, shown_words
from ...tc.artifact.protocols import protocol_number
from ...tc.artifact.script import MAX_FILTERS, Head
from ...tc.artifact.shown import PLACE, blocks, head_of, on_one_hook, parted, protocol_of, told_hook
from ...tc.artifact.shown_actions import Line
from ...tc.artifact.tunnel_options import Word as TunnelWord
from ...tc.artifact.tunnel_options import shown_text
from ...tc.artifact.words import Command, Word
from .filters import FLOWER, KINDS, MATCHALL, FilterList, FlowerFilter, shown_type
from .matchall import read_matchall
from .script import Options

_HEAD: Final = re.compile(PLACE + r"(?: handle (?P<handle>0x[0-9a-f]{1,8}|0|[1-9]\d{0,9}))?(?P<rest>.*)")
_NOT_KEYS: Final = ("eth_type", "in_hw_count")
_OPTIONS: Final[dict[str, TunnelWord]] = {"geneve_opt_key": "geneve_opts", "vxlan_opt_key": "vxlan_opts"}
_ETH_TYPES: Final = {"ipv4": 0x0800, "ipv6": 0x86DD, "arp": 0x0806, "rarp": 0x8035}


# --- JSON ---------------------------------------------------------------------------------------------------------


def parse_json(text: str, name: str, ports: PortNames = DEFAULT_PORTS) -> FilterList:
    """The filters of a JSON dump. Raises InputError, with line and column of the filter."""
    filters: list[FlowerFilter] = []
    hook: Hook | None = None
    for found, span in _elements(text, name):
        if "options" not in found:
            continue
        try:
            hook = on_one_hook(hook, _json_hook(found, span))
            filters.append(_json_filter(found, span, ports))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            what = f"{error} is missing or unknown" if isinstance(error, KeyError) else str(error)
            raise InputError.at(span, what[:200]) from None
        if len(filters) > MAX_FILTERS:
            raise InputError.at(span, f"more than {MAX_FILTERS} filters")
    if hook is None:
        raise InputError.at(Span(name, 1, 1), "no flower filter in this dump")
    return FilterList(tuple(filters), hook, name)


def _json_hook(found: Object, span: Span) -> Hook:
    device, block, parent = (None if found.get(key) is None else str(found[key]) for key in ("dev", "block", "parent"))
    return told_hook(device, block, "egress" if found.get("egress") else parent, span)


def _elements(text: str, name: str) -> Iterator[tuple[Object, Span]]:
    """The objects of the array, with their places."""
    decoder = json.JSONDecoder(object_pairs_hook=Object)
    starts = [0, *(i + 1 for i, c in enumerate(text) if c == "\n")]

    def span(at: int) -> Span:
        line = bisect_right(starts, at)
        return Span(name, line, at - starts[line - 1] + 1)

    blank = re.compile(r"\s*")
    at = blank.match(text, 0).end()  # type: ignore[union-attr]
    opened, between = "[", ""
    while True:
        if text[at : at + 1] not in (opened, between):
            raise InputError.at(span(at), "an array of filters, as tc -j prints it, expected")
        at = blank.match(text, at + 1).end()  # type: ignore[union-attr]
        if opened == "[" and text[at : at + 1] == "]":
            return
        try:
            found, end = decoder.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError) as error:
            raise InputError.at(span(getattr(error, "pos", at)), "this is no JSON") from None
        if not isinstance(found, Object):
            raise InputError.at(span(at), "a filter expected")
        yield found, span(at)
        at = blank.match(text, end).end()  # type: ignore[union-attr]
        if text[at : at + 1] == "]":
            return
        opened, between = ",", ","


def _json_filter(found: Object, span: Span, ports: PortNames) -> FlowerFilter:
    kind = str(found["kind"])
    if kind not in KINDS:
        raise Unsupported(f"a filter of {kind[:20]!r} in a list of flower filters", span)
    options = found["options"]
    head = Head(int(options.get("handle", 0)), kind=kind)
    head.pref, head.chain = int(found["pref"]), int(found.get("chain", 0))
    head.protocol = protocol_number(str(found["protocol"]))
    actions = tuple(action_of(a, ports) for a in options.get("actions", []))
    if kind == MATCHALL:
        command = Command([Word(word, span) for word in json_words(options)], span, {})
        return replace(read_matchall(command, head, ports, span, shown=True), actions=actions, span=span)
    keys = options.get("keys", Object([]))
    words = [word for name, value in keys.items() for word in _words_of(name, value, keys)]
    words += [text for name in ("classid", "hw_tc", "indev") if name in options for text in (name, str(options[name]))]
    words += [flag for flag in ("skip_hw", "skip_sw", "in_hw", "not_in_hw") if options.get(flag)]
    command = Command([Word(word, span) for word in words], span, {})
    return replace(_filter(command, head, ports, keys.get("eth_type")), actions=actions)


def _words_of(name: str, value: Any, keys: Object) -> list[str]:
    """A key in the words of scripts."""
    if name in _NOT_KEYS or name.endswith("_mask"):
        return []
    if name == "mpls":
        stack = [[f"{part} {number}" for part, number in lse.items()] for lse in value]
        return " ".join(["mpls", *(" ".join(["lse", *parts]) for parts in stack)]).split()
    if name == "ip_flags":
        return [name, "/".join(flag if said else f"no{flag}" for flag, said in value.items())]
    if name in _OPTIONS:
        word = _OPTIONS[name]
        both = zip(value, keys[name.replace("_key", "_mask")], strict=True)
        return [word, ",".join("/".join(shown_text(word, [one]) for one in pair) for pair in both)]
    if isinstance(value, dict):
        return [name, f"{value['start']}-{value['end']}"]
    mask = keys.get(f"{name}_mask")
    return [name, str(value) if mask is None else f"{value}/0x{mask}"]


def _filter(command: Command, head: Head[int], ports: PortNames, eth_type: str | None) -> FlowerFilter:
    """The filter whose keys are the command's words."""
    options = Options(command, ports, head.protocol)
    options.read()
    found = options.filter(head, command.end)
    _check_type(found, None if eth_type is None else _ETH_TYPES.get(eth_type) or int(eth_type, 16))
    return found


def _check_type(found: FlowerFilter, eth_type: int | None) -> None:
    """``tc`` gives the key ``eth_type`` by the protocol; a filter that somebody else made may have another one."""
    if shown_type(found.protocol, found.keys) != eth_type:
        what = "no key eth_type" if eth_type is None else f"key eth_type {eth_type:#x}"
        raise ValueError(f"{what} does not go with protocol {found.protocol:#x} and the other keys")


# --- for people ---------------------------------------------------------------------------------------------------


def parse_shown(text: str, name: str, ports: PortNames = DEFAULT_PORTS) -> FilterList:
    """The filters of a dump for people. Raises InputError, with line and column."""
    filters: list[FlowerFilter] = []
    hook: Hook | None = None
    for lines in blocks(text, name):
        head, told = _read_head(lines[0])
        if head is None:
            continue
        try:
            hook = on_one_hook(hook, told)
            filters.append(_shown_filter(head, lines, ports))
        except ValueError as error:
            raise InputError.at(lines[0][0].span, str(error)[:200], lines[0][1]) from None
        if len(filters) > MAX_FILTERS:
            raise InputError.at(lines[0][0].span, f"more than {MAX_FILTERS} filters")
    if hook is None:
        raise InputError.at(Span(name, 1, 1), "no flower filter in this dump")
    return FilterList(tuple(filters), hook, name)


def _read_head(line: Line) -> tuple[Head[int] | None, Hook]:
    """What the first line says, and the words after it; None where it is the classifier's and no filter's."""
    found, hook = head_of(line, _HEAD, FLOWER, KINDS)
    if not found["handle"]:
        return None, hook
    head = Head(int(found["handle"], 0), kind=found["kind"])
    head.pref, head.chain = int(found["pref"]), int(found["chain"] or 0)
    head.protocol = protocol_of(found, line)
    return head, hook


def _shown_filter(head: Head[int], lines: list[Line], ports: PortNames) -> FlowerFilter:
    before, actions = parted(lines, ports)
    rest = _HEAD.match(lines[0][0].text)["rest"]  # type: ignore[index]
    shown = {word.span.line: line for word, line in lines}
    if head.kind == MATCHALL:
        command = Command(shown_words(rest, before), before[-1][0].span, shown)
        made = read_matchall(command, head, ports, lines[0][0].span, shown=True)
        return replace(made, actions=actions, span=lines[0][0].span)
    words = [Word(text, lines[0][0].span) for text in rest.split()]
    eth_type: str | None = None
    for word, _ in before[1:]:
        said = TOLD_OF_HARDWARE.sub("", word.text).split()
        if said[:1] == ["eth_type"]:
            eth_type = said[1] if len(said) > 1 else ""
        else:
            words += [Word(text, word.span) for text in said]
    command = Command(words, before[-1][0].span, shown)
    found = _filter(command, head, ports, eth_type)
    return replace(found, actions=actions, span=lines[0][0].span)
