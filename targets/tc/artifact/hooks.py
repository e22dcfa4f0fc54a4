"""Where filters sit, and how devices are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Hook:
    """Where the filters sit: clsact (or ingress qdisc) of device ``device``, or of every member of block ``block``."""

    device: str = "port0"
    direction: Literal["ingress", "egress"] = "ingress"
    block: int | None = None
    told: bool = field(default=True, compare=False)
    """Whether it was said which device; a dump leaves out what it was asked for."""

    def may_be(self, other: Hook) -> bool:
        """Whether both may be one place."""
        unknown = self.direction == other.direction and not (self.told and other.told)
        return self == other or unknown

    def __str__(self) -> str:
        """As ``tc`` reads it."""
        return f"block {self.block}" if self.block is not None else f"dev {self.device} {self.direction}"


@dataclass(frozen=True, slots=True)
class PortNames:
    """How port numbers and device names stand to each other: those that are ``named``, and else port N is the device
    ``<prefix>N``. A port may have one name that is a number, by which messages call it, beside another one."""

    prefix: str = "port"
    named: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def name(self, port: int) -> str:
        """The device of a port."""
        names = sorted((name for name, number in self.named.items() if number == port), key=str.isdigit)
        return names[0] if names else f"{self.prefix}{port}"

    def port(self, device: str) -> int | None:
        """The port of a device; None if it is not named and its name does not follow the rule, or if another device is
        named for that port."""
        if device in self.named:
            return self.named[device]
        found = self._by_rule(device)
        return None if found in self.named.values() else found

    def _by_rule(self, device: str) -> int | None:
        digits = device.removeprefix(self.prefix)
        ok = device.startswith(self.prefix) and digits.isascii() and digits.isdigit() and len(digits) < 11
        number = int(digits) if ok else -1
        return number if ok and str(number) == digits and number < 1 << 31 else None


DEFAULT_PORTS: Final = PortNames()
