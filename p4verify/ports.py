"""Types of ports, groups and sessions: numbers whose width is the device's own."""

from __future__ import annotations

from typing import Final

from .semantics import ir

V1MODEL_BITS: Final = 9
"""v1model has no type for ports: ``ingress_port``, ``egress_port`` and ``egress_spec`` are ``bit<9>``."""

TRANSLATED: Final = ("PortId", "MulticastGroup", "CloneSessionId", "MirrorSessionId", "EgressInstance")
"""How the names of PSA's and PNA's types begin whose width is a device's own: the control plane translates them."""


def is_port_type(type_: ir.Type) -> bool:
    """Whether values are port numbers by PSA's or PNA's type for these."""
    return isinstance(type_, ir.NewType) and type_.name.startswith("PortId")


def is_port(type_: ir.Type) -> bool:
    """Whether values may be port numbers: by type, or as wide as v1model's."""
    if isinstance(type_, ir.BitsType):
        return type_.width == V1MODEL_BITS and not type_.signed
    return is_port_type(type_)


def has_own_width(type_: ir.Type) -> bool:
    """Whether the width of these numbers is the device's own, so that another program may have another one."""
    return is_port(type_) or (isinstance(type_, ir.NewType) and type_.name.startswith(TRANSLATED))
