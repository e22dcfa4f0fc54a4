"""Where the filters go."""

from __future__ import annotations

from collections.abc import Mapping

from ....semantics.source import NOWHERE, InputError
from ...tc.artifact.hooks import Hook


def hook(options: Mapping[str, str]) -> Hook:
    """The hook that the options ``device`` or ``block`` say. Raises InputError."""
    block = options.get("block")
    if block is None:
        return Hook(options.get("device", "port0"))
    if "device" in options:
        raise InputError.at(NOWHERE, "filters are for a device or for a block, not for both")
    if not block.isascii() or not block.isdigit() or not 0 < int(block[:11]) < 1 << 32:
        raise InputError.at(NOWHERE, f"a block is a number from 1 to {(1 << 32) - 1}, not {block[:40]!r}")
    return Hook("", "ingress", int(block))
