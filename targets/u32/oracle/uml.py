"""The ``cls_u32`` of a private user-mode Linux, for filters whose actions write to the packet.

This machine's own kernel may lack their modules, and their marks and priorities are only told there: see
:mod:`...tc.oracle`.
"""

from __future__ import annotations

from typing import ClassVar

from ...tc.oracle import NAMES, Devices, UserModeLinux
from ..artifact import FilterList, Selector, U32Filter, print_filter


class UserModeU32(UserModeLinux):
    """The classifier of a private kernel; one object keeps one kernel until :meth:`close` or its end."""

    classifier: ClassVar[str] = "u32"
    lists: ClassVar[type] = FilterList

    def _smallest(self) -> FilterList:
        return FilterList((U32Filter(1, selector=Selector()),))

    def _line(self, filter_: U32Filter, devices: Devices) -> str:
        """The command that adds a filter as the kernel gets it; one that ends no search has nothing to be told of."""
        ends = filter_.selector is not None and filter_.selector.terminal
        told = devices.observable(filter_) if ends else devices.shifted(filter_)
        return print_filter(told, devices.hook, NAMES)


__all__ = ["UserModeU32"]
