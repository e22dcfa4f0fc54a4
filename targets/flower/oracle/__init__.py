"""The real machine: ``cls_flower`` of a private user-mode Linux, see :mod:`...tc.oracle`."""

from __future__ import annotations

from typing import ClassVar

from ....semantics.source import Unsupported
from ...tc.oracle import HOOK, NAMES, Devices, UserModeLinux
from ..artifact import FilterList, FlowerFilter, print_filter


class UserModeFlower(UserModeLinux):
    """The classifier of a private kernel; one object keeps one kernel until :meth:`close` or its end."""

    classifier: ClassVar[str] = "flower"
    lists: ClassVar[type] = FilterList

    def _smallest(self) -> FilterList:
        return FilterList((FlowerFilter(1),))

    def _line(self, filter_: FlowerFilter, devices: Devices) -> str:
        """The command that adds a filter as the kernel gets it. Raises Unsupported for what cannot be observed."""
        if filter_.hw_tc is not None:
            raise Unsupported("hw_tc, which names a class of the oracle's own hook", filter_.span)
        return print_filter(devices.observable(filter_), HOOK, NAMES)


__all__ = ["UserModeFlower"]
