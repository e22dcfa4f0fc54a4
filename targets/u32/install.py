"""What of :mod:`..tc.install` is u32's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ..tc.install import Classifier
from .artifact import NO_HANDLE, U32Filter, parse_shown, print_filter


def _plain(filter_: U32Filter) -> U32Filter:
    """Without the handle that the kernel gives, and what it says of hardware."""
    return replace(filter_, handle=filter_.handle if filter_.divisor else NO_HANDLE, in_hw=None)


U32: Final = Classifier(
    "u32",
    "match u32 0 0",
    print_filter,
    (),
    lambda text, name: parse_shown(text, name).filters,
    _plain,
    lambda f: f.divisor is None,
)
