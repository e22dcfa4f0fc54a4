"""Hypothesis strategies for u32 filters: everything that the data type holds, and what ``tc`` has words for."""

from __future__ import annotations

from hypothesis import strategies as st

from p4verify.targets.u32.artifact import (
    STOLEN,
    Action,
    Control,
    FilterList,
    Gact,
    Handle,
    Hook,
    Key,
    Mirred,
    OpaqueAction,
    Selector,
    U32Filter,
    hash_table,
)

WORDS = st.integers(0, 0xFFFFFFFF)
PORTS = st.integers(0, 100)


def controls(*, sayable: bool) -> st.SearchStrategy[Control]:
    """Controls; ``sayable``: those for which tc has a word."""
    simple = ["continue", "pass", "reclassify", "drop", "pipe", "trap"] + ["stolen", "queued", "repeat"] * (not sayable)
    plain = st.sampled_from(simple).map(lambda kind: Control(kind))  # type: ignore[arg-type]
    extended = st.builds(Control, st.sampled_from(["goto chain", "jump"]), st.integers(0, (1 << 28) - 1))
    return st.one_of(plain, extended)


def actions(*, sayable: bool) -> st.SearchStrategy[Action]:
    """Actions."""
    some = controls(sayable=sayable)
    mirrors = st.builds(Mirred, PORTS, st.just(False), some, st.booleans())
    redirects = st.builds(Mirred, PORTS, st.just(True), st.just(STOLEN) if sayable else some, st.booleans())
    opaque = st.builds(OpaqueAction, st.just("simple"), st.just(("sdata", "5")), st.none())
    if not sayable:
        opaque = st.builds(OpaqueAction, st.just("simple"), st.just(()), st.binary(max_size=8).map(_whole))
    return st.one_of(st.builds(Gact, some), mirrors, redirects, opaque)


def _whole(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def keys(*, sayable: bool) -> st.SearchStrategy[tuple[Key, ...]]:
    """Keys; ``sayable``: aligned, one at a place, no value bits outside the mask."""
    if not sayable:
        one = st.builds(
            Key, WORDS, WORDS, st.integers(-(1 << 31), (1 << 31) - 1), st.integers(-(1 << 31), (1 << 31) - 1)
        )
        return st.lists(one, max_size=4).map(tuple)
    places = st.tuples(st.integers(-5, 20).map(lambda n: 4 * n), st.sampled_from([0, -1]))

    def key(place: tuple[int, int]) -> st.SearchStrategy[Key]:
        return st.builds(lambda value, mask: Key(value & mask, mask, *place), WORDS, WORDS)

    return st.lists(places, max_size=4, unique=True).flatmap(lambda p: st.tuples(*map(key, p)))


def selectors(*, sayable: bool) -> st.SearchStrategy[Selector]:
    """Selectors, terminal or not."""
    offsets = st.integers(-0x8000, 0x7FFF)
    if not sayable:
        flags = {name: st.booleans() for name in ("terminal", "has_offset", "var_offset", "eat")}
        numbers = {"offshift": st.integers(0, 255), "offmask": st.integers(0, 0xFFFF), "off": st.integers(0, 0xFFFF)}
        return st.builds(Selector, keys(sayable=False), offoff=offsets, hoff=offsets, hmask=WORDS, **flags, **numbers)
    plus = st.one_of(st.just({}), st.integers(0, 0xFFFF).map(lambda n: {"off": n, "has_offset": True}))
    var = st.one_of(
        st.just({}),
        st.builds(
            lambda at, mask, shift: {"offoff": 2 * (at // 2), "offmask": mask, "offshift": shift, "var_offset": True},
            offsets, st.integers(0, 0xFFFF), st.integers(0, 255),
        ),
    )  # fmt: skip
    hashed = st.builds(lambda at, mask: {"hoff": 4 * (at // 4), "hmask": mask}, offsets, WORDS)
    return st.builds(
        lambda k, t, p, v, e, h: Selector(k, terminal=t, eat=e, **p, **v, **h),
        keys(sayable=True), st.booleans(), plus, var, st.booleans(), hashed,
    )  # fmt: skip


def filters(*, sayable: bool) -> st.SearchStrategy[U32Filter]:
    """One filter or hash table."""
    handles = st.builds(Handle, st.integers(0, 0xFFF), st.integers(0, 0xFF), st.integers(0, 0xFFF))
    buckets = st.builds(Handle, st.integers(1, 0xFFF), st.integers(0, 0xFF))

    def build(selector: Selector, some: tuple[Action, ...], classid: int | None, **others: object) -> U32Filter:
        if sayable and not selector.terminal:
            some, classid = (), None
        return U32Filter(selector=selector, actions=some, classid=classid, **others)  # type: ignore[arg-type]

    node = st.builds(
        build,
        selectors(sayable=sayable),
        st.lists(actions(sayable=sayable), max_size=3).map(tuple),
        st.none() | st.integers(1, 0xFFFFFFFE),
        pref=st.integers(0, 0xFFFF),
        protocol=st.integers(0, 0xFFFF),
        handle=handles,
        ht=st.none() | (buckets if sayable else handles),
        link=st.none() | st.integers(0, 0xFFF),
        chain=st.integers(0, (1 << 28) - 1),
        indev=st.none() | PORTS,
        mark=st.none()
        | st.integers(1, 0xFFFFFFFF).flatmap(lambda m: st.tuples(WORDS.map(lambda v: v & m), st.just(m))),
        skip_hw=st.booleans(),
    )
    table = st.builds(hash_table, st.integers(0, 0xFFFF), st.integers(0, 0xFFF), st.sampled_from([1, 2, 64, 256]))
    return st.one_of(node, node, table)


def lists(*, sayable: bool) -> st.SearchStrategy[FilterList]:
    """A list on some hook."""
    hooks = st.one_of(
        st.builds(Hook, PORTS.map(lambda n: f"port{n}"), st.sampled_from(["ingress", "egress"])),
        st.integers(1, 0xFFFFFFFF).map(lambda block: Hook("", "ingress", block)),
    )
    return st.builds(FilterList, st.lists(filters(sayable=sayable), min_size=1, max_size=4).map(tuple), hooks)
