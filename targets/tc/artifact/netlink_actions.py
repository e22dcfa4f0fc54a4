"""Actions as netlink attributes: ``TCA_ACT_KIND`` and ``TCA_ACT_OPTIONS`` (``uapi/linux/pkt_cls.h``, ``tc_act``).

What the data types have no place for is carried as it is (:class:`OpaqueAction`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Final

from ....semantics.source import Span, Unsupported
from .actions import (
    RANDOM_KINDS,
    Action,
    Csum,
    Ct,
    CtClear,
    Gact,
    Mirred,
    Mpls,
    OpaqueAction,
    Pedit,
    Police,
    RandomGact,
    Sample,
    Skbedit,
    TunnelKey,
    Vlan,
)
from .attributes import NESTED, Attribute, attribute
from .conntrack import ct_options, read_ct_options
from .netlink_controls import GENERIC, NEW, control_of, has_only, parameters, read_generic
from .netlink_pedit import pedit_options, read_pedit
from .netlink_police import police_options, read_police_options
from .netlink_writes import (
    csum_options,
    mpls_options,
    read_csum,
    read_mpls,
    read_skbedit,
    read_tunnel_key,
    read_vlan,
    skbedit_options,
    tunnel_key_options,
    vlan_options,
)
from .sampling import read_sample_options, sample_options

TCA_ACT_KIND, TCA_ACT_OPTIONS = 1, 2
_TM, _PARMS, _GACT_PROB, _GACT_PAD = 1, 2, 3, 4
_PROBABILITY: Final = struct.Struct("=HHi")
"""``struct tc_gact_p``."""
_MIRRED_PAD: Final = 3
_MIRRED_MORE: Final = struct.Struct("=iI")
"""``eaction`` and ``ifindex``."""

Found = dict[int, Attribute]
Reader = Callable[[Found], Action | None]


def action_attributes(actions: Sequence[Action], index: Callable[[int], int], span: Span) -> bytes:
    """A filter's actions in order, numbered from 1; ``index`` gives a port's interface number.

    Raises:
        Unsupported: an action of which only the words are known.
    """
    return b"".join(attribute(i | NESTED, _attributes(action, index, span)) for i, action in enumerate(actions, 1))


def _attributes(action: Action, index: Callable[[int], int], span: Span) -> bytes:
    options = attribute(TCA_ACT_OPTIONS | NESTED, _options(action, index, span))
    return attribute(TCA_ACT_KIND, action.kind.encode() + b"\0") + options


def _options(action: Action, index: Callable[[int], int], span: Span) -> bytes:
    match action:
        case Gact() | RandomGact():
            return _gact_options(action)
        case Mirred():
            code = (1 if action.redirect else 2) + 2 * action.ingress
            return parameters(_PARMS, action.control, _MIRRED_MORE.pack(code, index(action.port)))
        case Ct() | CtClear():
            return ct_options(action)
        case Vlan() | Mpls() | Pedit() | Csum() | Skbedit() | Sample():
            return _simple_options(action)
        case TunnelKey():
            return tunnel_key_options(action, span)
        case Police():
            return police_options(action, span)
        case OpaqueAction(options=bytes() as options):
            return options
    raise Unsupported(f"action {action.kind} is known by its words only", span)


def _simple_options(action: Vlan | Mpls | Pedit | Csum | Skbedit | Sample) -> bytes:
    match action:
        case Vlan():
            return vlan_options(action)
        case Mpls():
            return mpls_options(action)
        case Pedit():
            return pedit_options(action)
        case Csum():
            return csum_options(action)
        case Skbedit():
            return skbedit_options(action)
        case Sample():
            return sample_options(action)


def _gact_options(action: Gact | RandomGact) -> bytes:
    parms = parameters(_PARMS, action.control)
    if isinstance(action, Gact):
        return parms
    drawn = _PROBABILITY.pack(RANDOM_KINDS.index(action.drawn) + 1, action.one_in, action.other.number)
    return parms + attribute(_GACT_PROB, drawn)


def decode_actions(actions: Attribute, port: Callable[[int], int], *, new: bool = False) -> tuple[Action, ...]:
    """The actions in ``TCA_U32_ACT`` and its like, by their order; ``port`` gives an interface's port.

    Args:
        new: whether the message adds them. Then an index says that an action is taken which is there already.

    Raises:
        InputError: what is no action, or a number is left out; with the byte offset.
    """
    found = sorted(actions.nest().items())
    for expected, (number, nested) in enumerate(found, 1):
        if number != expected:  # the kernel takes no action behind a gap (``tcf_action_init``)
            raise nested.place.error(f"an action of number {number} where {expected} is expected")
    return tuple(_decode(nested, port, new=new) for _, nested in found)


def _decode(nested: Attribute, port: Callable[[int], int], *, new: bool) -> Action:
    found = nested.nest()
    if TCA_ACT_KIND not in found or TCA_ACT_OPTIONS not in found:
        raise nested.place.error("an action without kind or options")
    kind, options = found[TCA_ACT_KIND].text(), found[TCA_ACT_OPTIONS]
    readers: dict[str, tuple[int, Reader]] = {
        **_READERS, "mirred": (_PARMS, lambda parts: _read_mirred(parts, port)),
        "tunnel_key": (_PARMS, lambda parts: read_tunnel_key(parts, new=new)),
    }  # fmt: skip
    if kind not in readers:
        return OpaqueAction(kind, options=options.data)
    place, reader = readers[kind]
    parts = options.nest()
    try:
        _check(parts.get(place) or parts.get(_PARMS_EX, options), options, new=new)
        action = reader(parts)
    except ValueError as error:
        raise options.place.error(str(error)) from None
    except KeyError:
        raise options.place.error(f"{kind} without something that it needs") from None
    return OpaqueAction(kind, options=options.data) if action is None else action


_PARMS_EX: Final = 4
"""Of pedit."""


def _check(parms: Attribute, options: Attribute, *, new: bool) -> None:
    if parms is options:
        raise options.place.error("an action without parameters")
    if new and parms.unpack(GENERIC)[0] != NEW:
        raise parms.place.error("shared actions (index) are not supported")


def _read_gact(found: Found) -> Action | None:
    if not has_only(found, (_TM, _PARMS, _GACT_PROB, _GACT_PAD)):
        return None
    control = read_generic(found[_PARMS])[0]
    kind, one_in, other = found[_GACT_PROB].unpack(_PROBABILITY) if _GACT_PROB in found else (0, 0, 0)
    if not kind:
        return Gact(control)
    if kind > len(RANDOM_KINDS):
        raise found[_GACT_PROB].place.error(f"gact drawn in unknown way {kind}")
    return RandomGact(control, RANDOM_KINDS[kind - 1], control_of(found[_GACT_PROB], other), one_in)


def _read_mirred(found: Found, port: Callable[[int], int]) -> Action | None:
    if not has_only(found, (_TM, _PARMS, _MIRRED_PAD)):
        return None
    control, (code, index) = read_generic(found[_PARMS], "iI")
    if not 1 <= code <= 4:
        raise found[_PARMS].place.error(f"mirred of unknown kind {code}")
    return Mirred(port(index), code in (1, 3), control, ingress=code > 2)


_READERS: Final[dict[str, tuple[int, Reader]]] = {
    "gact": (_PARMS, _read_gact), "vlan": (_PARMS, read_vlan), "mpls": (_PARMS, read_mpls),
    "pedit": (_PARMS, read_pedit), "csum": (1, read_csum), "skbedit": (_PARMS, read_skbedit),
    "police": (1, read_police_options), "ct": (1, read_ct_options),
    "sample": (_PARMS, read_sample_options),
}  # fmt: skip
"""Where an action's parameters are, and what reads it."""
