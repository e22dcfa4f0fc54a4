"""The ``cls_u32`` of a private user-mode Linux, for filters whose actions write to the packet.

This machine's own kernel may lack their modules, and their marks and priorities are only told there: see
:mod:`...flower.oracle`.
"""

from __future__ import annotations

from typing import Any

from ....semantics.source import Unsupported
from ...flower.oracle import HOOK, NAMES, Devices, UserModeLinux
from ..artifact import FilterList, Selector, U32Filter, print_filter


class UserModeU32(UserModeLinux):
    """The classifier of a private kernel; one object keeps one kernel until :meth:`close` or its end."""

    def _smallest(self) -> Any:
        return FilterList((U32Filter(1, selector=Selector()),))

    def _check(self, artifact: Any) -> None:
        if not isinstance(artifact, FilterList):
            raise TypeError(f"a list of u32 filters expected, not {type(artifact).__name__}")
        if artifact.hook.direction != "ingress":
            raise Unsupported("u32 filters at egress")

    def _line(self, filter_: U32Filter, devices: Devices) -> str:
        """The command that adds a filter as the kernel gets it; one that ends no search has nothing to be told of."""
        ends = filter_.selector is not None and filter_.selector.terminal
        told = devices.observable(filter_) if ends else devices.shifted(filter_)
        return print_filter(told, HOOK, NAMES)


__all__ = ["UserModeU32"]
