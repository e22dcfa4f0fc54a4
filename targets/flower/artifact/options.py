"""Options of tunnels as a key: ``struct flow_dissector_key_enc_opts`` (``include/net/flow_dissector.h``, Linux 6.1).

Its value are 255 bytes of options, how many of them there are, and whose they are; so is its mask, in which the kernel
puts the number of bytes itself (``fl_set_enc_opt``, ``net/sched/cls_flower.c``): packets with more options may match.
"""

from __future__ import annotations

from ...tc.artifact.attributes import Attribute
from ...tc.artifact.tunnel_options import (
    FLAGS,
    MOST,
    TunnelOptions,
    Word,
    masked_of,
    masked_text,
    options_attribute,
    read_options,
)
from .filters import Match

NAME = "enc_opts"
ATTRIBUTES = (84, 85)
"""``TCA_FLOWER_KEY_ENC_OPTS`` and its mask."""


def read_words(word: Word, text: str) -> Match:
    """``geneve_opts`` or ``vxlan_opts`` as ``tc`` reads and shows them. Raises ValueError."""
    return _key(*masked_of(word, text))


def words(key: Match) -> str:
    """What :func:`read_words` reads, behind its word."""
    value, mask = parts(key)
    return f"{value.word} {masked_text(value, mask)}"


def parts(key: Match) -> tuple[TunnelOptions, TunnelOptions]:
    """Value and mask of the options. Raises ValueError: they are none."""
    length, kind = key.mask >> 16 & 0xFF, key.mask & 0xFFFF
    word = next((word for word, flag in FLAGS.items() if flag == kind), None)
    if word is None:
        raise ValueError("options of no tunnel that is known")
    both = (number >> 24 + 8 * (MOST - length) for number in (key.value, key.mask))
    value, mask = (TunnelOptions(word, number.to_bytes(length, "big")) for number in both)
    return value, mask


def _key(value: TunnelOptions, mask: TunnelOptions) -> Match:
    """Raises ValueError: they are not of one form."""
    if value.word != mask.word or len(value.data) != len(mask.data):
        raise ValueError("options and their mask are not alike")
    numbers = [int.from_bytes(one.data.ljust(MOST, b"\0"), "big") << 24 for one in (value, mask)]
    rest = len(value.data) << 16 | FLAGS[value.word]
    found = Match(NAME, numbers[0] & numbers[1] | rest, numbers[1] | rest)
    parts(found)
    return found


def attributes(key: Match) -> bytes:
    """Value and mask as attributes."""
    both = zip(ATTRIBUTES, parts(key), strict=True)
    return b"".join(options_attribute(kind, options) for kind, options in both)


def read_attributes(value: Attribute, mask: Attribute | None, *, new: bool) -> Match:
    """See :func:`attributes`. Raises InputError, ValueError: what is not understood."""
    options = read_options(value, new=new)
    masks = None if mask is None else read_options(mask, new=new)
    if options is None or (mask is not None and masks is None):
        raise value.place.error("options of such tunnels are not supported")
    return read_words(options.word, str(options)) if masks is None else _key(options, masks)
