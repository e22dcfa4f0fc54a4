"""Hypothesis strategies for actions of tc filters."""

from __future__ import annotations

from hypothesis import strategies as st

from p4verify.targets.tc.artifact.actions import (
    CSUM_PARTS,
    RANDOM_KINDS,
    STOLEN,
    Action,
    Control,
    Csum,
    Ct,
    CtClear,
    Gact,
    Mirred,
    Mpls,
    OpaqueAction,
    Pedit,
    PeditKey,
    Police,
    RandomGact,
    Sample,
    Skbedit,
    TunnelKey,
    Vlan,
)
from p4verify.targets.tc.artifact.pedit import FIELDS

WORDS = st.integers(0, 0xFFFFFFFF)
PORTS = st.integers(0, 100)
ETHERNET_TYPES = st.sampled_from([0x0800, 0x86DD, 0x8847, 0x8848, 0x0806, 0x88B5])
CONTROLS = st.one_of(
    st.sampled_from(["continue", "pass", "reclassify", "drop", "pipe", "trap"]).map(Control),  # type: ignore[arg-type]
    st.builds(Control, st.sampled_from(["goto chain", "jump"]), st.integers(0, (1 << 28) - 1)),
)
BYTES = st.integers(0, 0xFF)


def _key(offset: int, value: int, mask: int) -> PeditKey:
    return PeditKey("network", 4 * offset, value & ~mask, mask)


RAW_KEYS = st.builds(_key, st.integers(-4, 30), WORDS, WORDS).map(lambda key: (key,))
"""One word at an offset from the network header."""


@st.composite
def field_keys(draw: st.DrawFn) -> tuple[PeditKey, ...]:
    """The words of one field, written or added to."""
    field = draw(st.sampled_from([f for f in FIELDS if f.mode != "plain"]))
    whole = bytes(draw(st.binary(min_size=field.width, max_size=field.width)))
    first, rest = field.offset & ~3, field.offset & 3
    size = (rest + field.width + 3) & ~3
    value = (bytes(rest) + whole).ljust(size, b"\0")
    mask = (bytes(rest) + field.mask.to_bytes(field.width, "big")).ljust(size, b"\0")
    add = draw(st.booleans())
    found = []
    for at in range(0, size, 4):
        written = int.from_bytes(mask[at : at + 4], "big")
        number = int.from_bytes(value[at : at + 4], "big") & written
        found.append(PeditKey(field.header, first + at, number, ~written & 0xFFFFFFFF, add))
    return tuple(found)


PEDITS = st.lists(st.one_of(RAW_KEYS, field_keys()), min_size=1, max_size=3).map(lambda some: sum(some, ()))
TAGS = st.sampled_from([0x8100, 0x88A8])
VLANS = st.one_of(
    st.builds(Vlan, st.just("pop"), control=CONTROLS),
    st.builds(Vlan, st.just("push"), st.integers(0, 0xFFE), st.integers(0, 7), TAGS, CONTROLS),
    st.builds(Vlan, st.just("modify"), st.integers(0, 0xFFE), st.none() | st.integers(0, 7), TAGS, CONTROLS),
)
_LABEL = st.integers(16, 0xFFFFF)
_PARTS = {"tc": st.none() | st.integers(0, 7), "bos": st.none() | st.integers(0, 1), "control": CONTROLS}
MPLSES = st.one_of(
    st.builds(
        Mpls, st.sampled_from(["push", "mac_push"]), st.sampled_from([0x8847, 0x8848]), _LABEL,
        ttl=st.integers(1, 255), **_PARTS,
    ),
    st.builds(Mpls, st.just("pop"), ETHERNET_TYPES, control=CONTROLS),
    st.builds(Mpls, st.just("modify"), label=st.none() | _LABEL, ttl=st.none() | st.integers(1, 255), **_PARTS),
    st.builds(Mpls, st.just("dec_ttl"), control=CONTROLS),
)  # fmt: skip
CSUMS = st.builds(
    lambda some, control: Csum(tuple(part for part in CSUM_PARTS if part in some), control),
    st.sets(st.sampled_from(CSUM_PARTS), min_size=1),
    CONTROLS,
)
SKBEDITS = st.builds(
    Skbedit, st.tuples(WORDS, WORDS), st.none() | WORDS, st.none() | st.integers(0, 0xFFFF),
    st.none() | st.sampled_from(["host", "otherhost"]), st.booleans(), CONTROLS,
)  # fmt: skip
_HOSTS = st.sampled_from(["10.0.0.1", "fe80::1"])
TUNNELS = st.one_of(
    st.builds(TunnelKey, st.just(True), control=CONTROLS),
    st.builds(
        TunnelKey, st.just(False), _HOSTS, _HOSTS, st.none() | WORDS, st.none() | st.integers(0, 0xFFFF),
        st.booleans(), st.none() | BYTES, st.none() | BYTES, CONTROLS,
    ),
)  # fmt: skip
_CONFORMING = CONTROLS.filter(lambda control: control.kind != "goto chain")
POLICES = st.builds(Police, st.just((("rate", "1mbit"), ("burst", "10k"))), CONTROLS, _CONFORMING)
SAMPLES = st.builds(Sample, st.integers(1, 0xFFFFFFFF), WORDS, st.none() | WORDS, CONTROLS)
_LABELS = st.integers(0, (1 << 128) - 1)
CTS = st.builds(
    lambda zone, kept, force, mark, label, control: Ct(zone, kept, kept and force, mark, label, control),
    st.integers(0, 0xFFFF), st.booleans(), st.booleans(), st.none() | st.tuples(WORDS, WORDS),
    st.none() | st.tuples(_LABELS, _LABELS), CONTROLS,
)  # fmt: skip


def actions() -> st.SearchStrategy[Action]:
    """Actions that tc has words for."""
    return st.one_of(
        st.builds(Gact, CONTROLS),
        st.builds(
            RandomGact,
            CONTROLS,
            st.sampled_from(RANDOM_KINDS),
            CONTROLS.filter(lambda control: control.kind != "goto chain"),
            st.integers(0, 0xFFFF),
        ),
        st.builds(Mirred, PORTS, st.just(False), CONTROLS, st.booleans()),
        st.builds(Mirred, PORTS, st.just(True), st.just(STOLEN), st.booleans()),
        VLANS, MPLSES, st.builds(Pedit, PEDITS, CONTROLS), CSUMS, SKBEDITS, TUNNELS, POLICES,
        st.builds(CtClear, CONTROLS), CTS, SAMPLES, st.just(OpaqueAction("simple", ("sdata", "5"))),
    )  # fmt: skip
