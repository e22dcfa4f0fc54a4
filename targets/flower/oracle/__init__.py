"""The real machine: ``cls_flower`` of a private user-mode Linux, see :mod:`...tc.oracle`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ....semantics.source import Unsupported
from ...tc.artifact.netlink import Links
from ...tc.oracle import NAMES, Devices, UserModeLinux
from ..artifact import FilterList, FlowerFilter, encode_filter, print_filter


class UserModeFlower(UserModeLinux):
    """The classifier of a private kernel; one object keeps one kernel until :meth:`close` or its end."""

    classifier: ClassVar[str] = "flower"
    lists: ClassVar[type] = FilterList

    def _smallest(self) -> FilterList:
        return FilterList((FlowerFilter(1),))

    def _line(self, filter_: FlowerFilter, devices: Devices) -> str:
        """The command that adds a filter as the kernel gets it. Raises Unsupported for what cannot be observed."""
        return print_filter(self._seen(filter_, devices), devices.hook, NAMES)

    @staticmethod
    def _seen(filter_: FlowerFilter, devices: Devices) -> FlowerFilter:
        if filter_.hw_tc is not None:
            raise Unsupported("hw_tc, which names a class of the oracle's own hook", filter_.span)
        return devices.observable(filter_)

    def _messages(self, filters: Sequence[FlowerFilter], devices: Devices, links: Links) -> bytes | None:
        """The rtnetlink messages that add filters, where ``tc`` has no words for one of them."""
        seen = [self._seen(f, devices) for f in filters]
        try:
            for one in seen:
                print_filter(one, devices.hook, NAMES)
        except Unsupported:
            return b"".join(encode_filter(one, devices.hook, links, i) for i, one in enumerate(seen))
        return None


__all__ = ["UserModeFlower"]
