"""Scripts as the rtnetlink requests that ``tc`` sends for them, and what a private kernel makes of these."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.flower import artifact as flower
from p4verify.targets.tc.artifact.attributes import HEADER, NESTED, Attribute, attribute, message
from p4verify.targets.tc.artifact.attributes import Place as Byte
from p4verify.targets.tc.artifact.hooks import Hook, PortNames
from p4verify.targets.tc.artifact.netlink import TCA_OPTIONS, TCMSG, Links, Place, filter_message
from p4verify.targets.tc.artifact.protocols import protocol_number
from p4verify.targets.tc.command import Failed
from p4verify.targets.tc.oracle.devices import NAMES
from p4verify.targets.tc.oracle.kernel import EGRESS, Kernel
from p4verify.targets.u32 import artifact as u32

from .changing_scripts import HERE, PORTS, Changes, Kind, hidden

NEW, DELETE = 44, 45
FLAGS: Final = {"add": 0x601, "replace": 0x401, "change": 0x1}
_SEL: Final = 5
"""``TCA_U32_SEL``."""


def request(kind: Kind, line: str, hook: Hook, links: Links) -> bytes | None:
    """The request of a command; None for a change of flower that says no protocol, which asks for type 0."""
    words = line.split()
    verb = words[1]
    if verb == "del":
        return _deletion(words, hook, links)
    if verb == "change" and "protocol" not in words and " u32" not in line:
        return None
    bare = " u32" in line and " match " not in line and " divisor " not in line
    text = line.replace(" u32", " u32 match u32 0 0 at 0", 1) if bare else line
    (filter_,) = kind.read(f"{text.replace(verb, 'add', 1)}\n").filters
    if verb == "change" and "protocol" not in words:
        filter_ = replace(filter_, protocol=0)
    encode = u32.encode_filter if isinstance(filter_, u32.U32Filter) else flower.encode_filter
    made: bytes = encode(filter_, hook, links, 1)
    return _said(made, FLAGS[verb], _SEL if bare else None)


def _deletion(words: Sequence[str], hook: Hook, links: Links) -> bytes:
    said = dict(pairwise(words))
    handle = said.get("handle", "0")
    parts = [int(part or "0", 16) for part in (*handle.split(":"), "", "")[:3]]
    number = u32.Handle(*parts).value if ":" in handle else int(handle, 0)
    protocol = protocol_number(said["protocol"]) if "protocol" in said else 0
    place = Place(hook, int(said.get("pref", 0)), protocol, number, int(said.get("chain", 0)))
    named = next((word for word in words if word in ("flower", "matchall", "u32")), "")
    made = filter_message(named, place, None, links, u32.U32Filter(1).span, 1)
    return _said(made, 1, None if named else "kind", DELETE)


def _said(made: bytes, flags: int, without: int | str | None, what: int = NEW) -> bytes:
    """The message with other flags, without the classifier's name or one of its options."""
    body = made[HEADER.size :]
    out = body[: TCMSG.size]
    for number, one in Attribute(body, Byte("", 0)).items(TCMSG.size):
        if number == TCA_OPTIONS:
            inner = b"".join(attribute(n, part.data) for n, part in one.items() if n != without)
            out += attribute(TCA_OPTIONS | NESTED, inner)
        elif number != 1 or without != "kind":
            out += attribute(number, one.data)
    return message(what, flags, 1, out)


def requests(kind: Kind, lines: Sequence[str], hook: Hook, links: Links) -> list[bytes] | None:
    """Those of a script; None: one has no such form."""
    found = [request(kind, line, hook, links) for line in lines]
    return [one for one in found if one is not None] if None not in found else None


def kernel_links(kernel: Kernel) -> Links:
    """What the private kernel calls its devices and interfaces."""
    indices, ports = kernel.indices(), {f"o{number}": number for number in range(PORTS)}
    ports[EGRESS.device] = NAMES.port(EGRESS.device) or 0
    return Links(PortNames("o", {**ports, **{str(indices[name]): port for name, port in ports.items()}}))


def judge_requests(kernel: Kernel, kind: Kind, decode: Any, seed: int, count: int) -> Changes:
    """So many random scripts as requests."""
    rng, found = random.Random(seed), Changes()
    kernel.need(PORTS)
    links = kernel_links(kernel)
    for _ in range(count):
        lines = kind.script(rng)
        try:
            asked = requests(kind, lines, EGRESS, links)
        except (InputError, Unsupported):  # tc itself refuses a command
            found.counts["no request"] += 1
            continue
        if asked is not None:
            judge(kernel, kind, lambda data: decode(data, "r", links), asked, found, "\n".join(lines))
    return found


def judge(kernel: Kernel, kind: Kind, decode: Any, asked: Sequence[bytes], found: Changes, text: str) -> None:
    """Requests, up to the one that is refused, if one is."""
    kernel.load((), hook=EGRESS)
    refused = None
    try:
        kernel.add(b"".join(asked))
    except Failed as failed:
        refused = failed.line
    try:
        mine = decode(b"".join(asked))
        kind.meaning(mine)
    except Unsupported as reason:
        found.counts[f"unsupported: {reason.reason[:50]}"] += 1
        return
    except InputError as error:
        if refused is None and "leave no" not in str(error):
            found.wrong.append(f"read: {error}\n{text}")
        found.counts["nothing left" if refused is None else "refused"] += 1
        if refused:
            judge(kernel, kind, decode, asked[:refused], found, text)
        return
    if refused is not None:
        found.wrong.append(f"the kernel refuses request {refused}\n{text}")
        return
    told = kind.plain(mine)
    theirs = kind.shown(kernel.run(f"tc filter show {HERE}\n").encode()) if told is not None else None
    if told != theirs and not hidden(told, theirs):
        found.wrong.append(f"shown {theirs}\nread  {told}\n{text}")
    found.counts["same" if told is not None else "same, nothing changed"] += 1
