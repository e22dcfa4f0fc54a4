"""What of :mod:`..tc.install` is flower's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ..tc.install import Classifier
from .artifact import FlowerFilter, encode_filter, parse_json, print_filter


def _plain(filter_: FlowerFilter) -> FlowerFilter:
    """Without the handle that the kernel gives, and what it says of hardware."""
    return replace(filter_, handle=0, in_hw=None)


FLOWER: Final = Classifier(
    "flower",
    "",
    print_filter,
    ("-j",),
    lambda text, name: parse_json(text, name).filters,
    _plain,
    message=encode_filter,
)
