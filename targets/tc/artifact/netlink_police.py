"""``act_police`` as ``TCA_ACT_OPTIONS``, both ways (``struct tc_police``, ``uapi/linux/pkt_cls.h``).

The kernel is told bursts as the time that they take at the rate, in ticks of 64 ns (``PSCHED_SHIFT``), and a table of
times that it reads only to guess the link layer, which is told here (``tcf_police_init``, ``net/sched/act_police.c``;
``act_parse_police`` of iproute2 6.1). Read back, rates and sizes are plain numbers of bits and bytes.
"""

from __future__ import annotations

import struct
from typing import Final

from ....semantics.source import Span, Unsupported
from .actions import Action, Police
from .attributes import Attribute, attribute, number, small
from .netlink_controls import NEW, control_of, has_only
from .rates import read_rate, read_size

_TBF, _RATE, _PEAKRATE, _AVRATE, _RESULT, _TM, _PAD, _RATE64, _PEAKRATE64, _PKTRATE64, _PKTBURST64 = range(1, 12)
_SPEC: Final = struct.Struct("=BBHhHI")
"""``struct tc_ratespec``: ``cell_log``, ``linklayer``, ``overhead``, ``cell_align``, ``mpu``, ``rate``."""
_POLICE: Final = struct.Struct("=IiIII24siiI")
_INT: Final = struct.Struct("=i")
_TABLE: Final = bytes(1024)
_LINK_LAYERS: Final = {"ethernet": 1, "atm": 2, "adsl": 2}
_DEFAULT_MTU: Final = 2047
_DEFAULT_CELL_LOG: Final = 3
"""Of the cells in which ``tc`` counts such a frame."""
_MOST: Final = (1 << 32) - 1
_POLICE_HEAD: Final = struct.Struct("=IiIII")
_TICK_NS: Final = 64
_SAME: Final = {"buffer": "burst", "maxburst": "burst", "minburst": "mtu"}


def police_options(action: Police, span: Span) -> bytes:
    """The options of an action. Raises Unsupported: limits that a message cannot tell, or that are no numbers."""
    limits = {_SAME.get(name, name): text for name, text in action.limits}
    if "avrate" in limits or not limits:
        what = "with avrate, which an estimator measures" if limits else "whose rate is not known"
        raise Unsupported(f"police {what}", span)
    try:
        return _options(action, limits)
    except (ValueError, struct.error, OverflowError) as error:
        raise Unsupported(f"police: {error}", span) from None


def _options(action: Police, limits: dict[str, str]) -> bytes:
    rate, peak = (read_rate(limits[name]) if name in limits else 0 for name in ("rate", "peakrate"))
    burst, mtu = (read_size(limits[name].partition("/")[0]) if name in limits else 0 for name in ("burst", "mtu"))
    layer = _LINK_LAYERS[limits["linklayer"]] if limits.get("linklayer") in _LINK_LAYERS else 1
    cell_log = next(log for log in range(32) if (mtu or _DEFAULT_MTU) >> log <= 0xFF)
    overhead = int(limits.get("overhead", "0"))
    specs = [_SPEC.pack(cell_log, layer, overhead, -1, 0, min(one, _MOST)) if one else bytes(_SPEC.size)
             for one in (rate, peak)]  # fmt: skip
    out = attribute(
        _TBF, _POLICE.pack(NEW, action.exceed.number, 0, _ticks(burst, rate), mtu, b"".join(specs), 0, 0, 0)
    )
    for one, table, wide in ((rate, _RATE, _RATE64), (peak, _PEAKRATE, _PEAKRATE64)):
        out += attribute(table, _TABLE) if one else b""
        out += small(wide, one, 8) if one > _MOST else b""
    packets, count = (int(limits.get(name, "0"), 0) for name in ("pkts_rate", "pkts_burst"))
    if packets:
        out += small(_PKTRATE64, packets, 8) + small(_PKTBURST64, _ticks(count, packets), 8)
    return out + number(_RESULT, action.conform.number & _MOST)


def _ticks(amount: int, rate: int) -> int:
    """The time that an amount takes at a rate; whole microseconds, as ``tc`` counts (``tc_calc_xmittime``)."""
    return int(int(amount * 1_000_000 / rate) * 1000 / _TICK_NS) if rate else 0


def _amount(ticks: int, rate: int) -> int:
    return round(ticks * _TICK_NS * rate / 1_000_000_000)


def read_police_options(found: dict[int, Attribute]) -> Action | None:
    """The action; None if it has what the data type has no place for. Raises InputError."""
    if _AVRATE in found or not has_only(found, range(_TBF, _PKTBURST64 + 1)):
        return None
    _, exceed, _, ticks, mtu = found[_TBF].unpack(_POLICE_HEAD)
    specs = _specs(found[_TBF])
    rate = _rate(specs[0], found.get(_RATE64))
    peak = _rate(specs[1], found.get(_PEAKRATE64))
    limits: list[tuple[str, str]] = []
    if rate:
        limits += [("rate", f"{8 * rate}bit"), ("burst", f"{_amount(ticks, rate)}b")]
    if peak:
        limits.append(("peakrate", f"{8 * peak}bit"))
    cell_log, layer, overhead, *_ = _SPEC.unpack(specs[0])
    if rate and not mtu and cell_log != _DEFAULT_CELL_LOG:
        mtu = 0xFF << cell_log  # ``tcf_police_init``
    limits += [("mtu", f"{mtu}b")] if 0 < mtu < _MOST else []
    limits += [("overhead", str(overhead))] if overhead else []
    limits += [("linklayer", "atm")] if layer == _LINK_LAYERS["atm"] else []
    if _PKTRATE64 in found:
        packets = found[_PKTRATE64].number(8)
        count = _amount(found[_PKTBURST64].number(8), packets) if _PKTBURST64 in found else 0
        limits += [("pkts_rate", str(packets)), ("pkts_burst", str(count))]
    conform = control_of(found[_TBF], 0)
    if _RESULT in found:
        conform = control_of(found[_RESULT], *found[_RESULT].unpack(_INT))
    return Police(tuple(limits), control_of(found[_TBF], exceed), conform)


def _specs(parms: Attribute) -> tuple[bytes, bytes]:
    """The two rates, as they lie in ``struct tc_police``. Raises InputError."""
    parms.unpack(_POLICE)
    start, middle = _POLICE_HEAD.size, _POLICE_HEAD.size + _SPEC.size
    return parms.data[start:middle], parms.data[middle : middle + _SPEC.size]


def _rate(spec: bytes, wide: Attribute | None) -> int:
    """Bytes per second."""
    return wide.number(8) if wide is not None else int(_SPEC.unpack(spec)[5])
