"""Filters of ``matchall`` beside those of flower; see :mod:`...tc.artifact.matchall`."""

from __future__ import annotations

from ....semantics.source import Span
from ...tc.artifact.attributes import Attribute
from ...tc.artifact.hooks import PortNames
from ...tc.artifact.matchall import Options, read_attributes, read_words
from ...tc.artifact.netlink import Links, Told
from ...tc.artifact.script import Head
from ...tc.artifact.words import Command
from .filters import MATCHALL, FlowerFilter


def read_matchall(
    command: Command, head: Head[int], ports: PortNames, span: Span, *, shown: bool = False
) -> FlowerFilter:
    """The filter whose options are the rest of the command; ``shown``: as a dump tells them, which stands for no
    request. Raises InputError, ValueError."""
    options = read_words(command, ports, span, shown=shown)
    return _filter(head.pref, head.protocol, head.chain, head.handle, options)


def read_matchall_attributes(options: Attribute, told: Told, links: Links) -> FlowerFilter:
    """The filter of a message. Raises InputError, ValueError: an attribute that the kernel would pass over, or a value
    that it refuses."""
    place = told.place
    return _filter(place.pref, place.protocol, place.chain, place.handle, read_attributes(options, told, links))


def _filter(pref: int, protocol: int, chain: int, handle: int, options: Options) -> FlowerFilter:
    return FlowerFilter(
        pref,
        protocol,
        actions=options.actions,
        chain=chain,
        handle=handle,
        classid=options.classid,
        skip_hw=options.skip_hw,
        skip_sw=options.skip_sw,
        in_hw=options.in_hw,
        span=options.span,
        kind=MATCHALL,
    )
