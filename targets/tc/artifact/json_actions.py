"""Actions in the JSON that ``tc -j filter show`` prints (iproute2 6.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from .actions import (
    CONTROL_NUMBERS,
    CSUM_PARTS,
    PASS,
    RANDOM_KINDS,
    Action,
    Control,
    ControlKind,
    Csum,
    Gact,
    Mirred,
    Mpls,
    OpaqueAction,
    Pedit,
    PeditHeader,
    PeditKey,
    Police,
    RandomGact,
    Skbedit,
    TunnelKey,
    Vlan,
)
from .conntrack import ct_of
from .hooks import PortNames
from .protocols import protocol_number, shown_classid
from .sampling import sample_of
from .tunnel_options import FLAGS, options_of, shown_text

_HEADERS: Final[dict[str, PeditHeader]] = {
    "network": "network", "eth": "eth", "ipv4": "ip", "ipv6": "ip6", "tcp": "tcp", "udp": "udp",
}  # fmt: skip


class Object(dict[str, Any]):
    """A JSON object that keeps what stands in it twice, as the results of a police action do."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs

    def all(self, name: str) -> list[Any]:
        """Every value of a name, in order."""
        return [value for key, value in self.pairs if key == name]


Word = TypeVar("Word", bound=str)


def action_of(found: Object, ports: PortNames) -> Action:
    """One action. Raises ValueError, KeyError or TypeError for what is not of this form."""
    kind = str(found["kind"])
    if kind == "mirred":
        return _mirred(found, ports)
    reader = _READERS.get(kind)
    return reader(found, _control(found["control_action"])) if reader else OpaqueAction(kind, options=b"")


def _control(found: Any) -> Control:
    word = found["type"]
    kind: ControlKind = "goto chain" if word == "goto" else word
    if kind not in CONTROL_NUMBERS:
        raise ValueError(f"unknown control {word!r}")
    argument = {"goto chain": "chain", "jump": "jump"}.get(kind)
    return Control(kind, int(found[argument]) if argument else 0)


def _mirred(found: Object, ports: PortNames) -> Mirred:
    port = ports.port(str(found["to_dev"]))
    if port is None:
        raise ValueError(f"device {found['to_dev']!r} is not a port (like {ports.name(1)})")
    redirect = _one_of(found, "mirred_action", "redirect", "mirror") == "redirect"
    ingress = _one_of(found, "direction", "ingress", "egress") == "ingress"
    return Mirred(port, redirect, _control(found["control_action"]), ingress)


def _one_of(found: Object, name: str, *values: Word) -> Word:
    said = str(found[name])
    for value in values:
        if value == said:
            return value
    raise ValueError(f"{name} {said!r} is none of {', '.join(values)}")


def _number(found: Object, name: str) -> int | None:
    return int(found[name]) if name in found else None


def _gact(found: Object, control: Control) -> Action:
    drawn = found.get("prob", {})
    if drawn.get("random_type", "none") == "none":
        return Gact(control)
    kind = _one_of(drawn, "random_type", *RANDOM_KINDS)
    return RandomGact(control, kind, _control(drawn["control_action"]), int(drawn["val"]))


def _vlan(found: Object, control: Control) -> Action:
    operation = str(found["vlan_action"])
    if operation not in ("push", "pop", "modify"):
        return OpaqueAction("vlan", options=b"")
    if operation == "pop":
        return Vlan("pop", control=control)
    protocol = protocol_number(str(found.get("protocol", "802.1Q")))
    return Vlan(operation, int(found["id"]), _number(found, "priority"), protocol, control)  # type: ignore[arg-type]


def _mpls(found: Object, control: Control) -> Action:
    operation = _one_of(found, "mpls_action", "push", "mac_push", "pop", "modify", "dec_ttl")
    protocol = protocol_number(str(found["protocol"])) if "protocol" in found else None
    parts = {part: _number(found, part) for part in ("label", "tc", "ttl", "bos")}
    return Mpls(operation, protocol, control=control, **parts)  # type: ignore[arg-type]


def _pedit(found: Object, control: Control) -> Action:
    keys = []
    for key in found["keys"]:
        header = _HEADERS[str(key["htype"])]
        add = _one_of(key, "cmd", "set", "add") == "add"
        keys.append(PeditKey(header, int(key["offset"]), int(key["val"], 16), int(key["mask"], 16), add))
    return Pedit(tuple(keys), control)


def _csum(found: Object, control: Control) -> Action:
    said = {part.strip() for part in str(found["csum"]).split(",")}
    unknown = said.difference(CSUM_PARTS)
    if unknown:
        raise ValueError(f"unknown checksum {', '.join(sorted(unknown))}")
    return Csum(tuple(part for part in CSUM_PARTS if part in said), control)


def _skbedit(found: Object, control: Control) -> Action:
    mark = _number(found, "mark")
    mask = int(str(found.get("mask", "ffffffff")), 16)
    priority = None
    if "priority" in found:
        priority = shown_classid(str(found["priority"]))
    return Skbedit(
        None if mark is None else (mark, mask),
        priority,
        _number(found, "queue_mapping"),
        found.get("ptype"),
        "inheritdsfield" in found,
        control,
    )


def _tunnel_key(found: Object, control: Control) -> Action:
    if _one_of(found, "mode", "set", "unset") == "unset":
        return TunnelKey(unset=True, control=control)
    there = [word for word in FLAGS if word in found]
    if any("opt" in name and name not in FLAGS for name in found) or len(there) > 1:
        return OpaqueAction("tunnel_key", options=b"")
    options = options_of(there[0], shown_text(there[0], found[there[0]])) if there else None
    numbers = {name: _number(found, name) for name in ("key_id", "dst_port", "tos", "ttl")}
    csum = found.get("flag", "csum") != "nocsum"
    addresses = {"src": str(found["src_ip"]), "dst": str(found["dst_ip"])}
    return TunnelKey(**addresses, csum=csum, control=control, options=options, **numbers)  # type: ignore[arg-type]


def _police(found: Object, control: Control) -> Action:
    controls = [_control(c) for c in found.all("control_action")]
    return Police((), controls[0], controls[1] if len(controls) > 1 else PASS)


_READERS: Final[dict[str, Callable[[Object, Control], Action]]] = {
    "gact": _gact, "vlan": _vlan, "mpls": _mpls, "pedit": _pedit, "csum": _csum, "skbedit": _skbedit,
    "tunnel_key": _tunnel_key, "police": _police, "ct": ct_of, "sample": sample_of,
}  # fmt: skip
