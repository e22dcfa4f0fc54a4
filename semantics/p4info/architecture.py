"""What the architectures call the externs and table properties that P4Runtime knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from .ids import Kind
from .model import Word


@dataclass(frozen=True, slots=True)
class ExternRole:
    """What an extern type is to the control plane."""

    kind: Kind
    size: str = ""
    """The constructor parameter that holds the number of cells."""
    index: int | None = None
    """Which type argument is the index's type, in versions that have it."""
    selector: bool = False


@dataclass(frozen=True, slots=True)
class Architecture:
    """The names of one architecture."""

    name: str
    """As ``PkgInfo.arch`` has it."""
    externs: Mapping[str, ExternRole] = field(default_factory=dict)
    implementation: str = ""
    direct: tuple[tuple[str, Kind], ...] = ()
    """Table properties that attach direct counters and meters."""
    timeout: str = ""
    digest_function: str = ""


UNITS: Final = MappingProxyType(
    {
        "packets": Word("PACKETS"),
        "bytes": Word("BYTES"),
        "packets_and_bytes": Word("BOTH"),
    }
)
"""Members of the architectures' enums, in lower case."""

_V1MODEL: Final = Architecture(
    "v1model",
    {
        "counter": ExternRole(Kind.COUNTER, "size", 0),
        "direct_counter": ExternRole(Kind.DIRECT_COUNTER),
        "meter": ExternRole(Kind.METER, "size", 0),
        "direct_meter": ExternRole(Kind.DIRECT_METER),
        "register": ExternRole(Kind.REGISTER, "size", 1),
        "action_profile": ExternRole(Kind.ACTION_PROFILE, "size"),
        "action_selector": ExternRole(Kind.ACTION_PROFILE, "size", selector=True),
    },
    "implementation",
    (("counters", Kind.DIRECT_COUNTER), ("meters", Kind.DIRECT_METER)),
    "support_timeout",
    "digest",
)
_PORTABLE: Final = {
    "Counter": ExternRole(Kind.COUNTER, "n_counters", 1),
    "DirectCounter": ExternRole(Kind.DIRECT_COUNTER),
    "Meter": ExternRole(Kind.METER, "n_meters", 0),
    "DirectMeter": ExternRole(Kind.DIRECT_METER),
    "Register": ExternRole(Kind.REGISTER, "size", 1),
    "ActionProfile": ExternRole(Kind.ACTION_PROFILE, "size"),
    "ActionSelector": ExternRole(Kind.ACTION_PROFILE, "size", selector=True),
    "Digest": ExternRole(Kind.DIGEST),
}


def _portable(name: str) -> Architecture:
    direct = ((f"{name}_direct_counter", Kind.DIRECT_COUNTER), (f"{name}_direct_meter", Kind.DIRECT_METER))
    return Architecture(name, _PORTABLE, f"{name}_implementation", direct, f"{name}_idle_timeout")


_KNOWN: Final = {
    "v1model": _V1MODEL,
    "psa": _portable("psa"),
    "pna": _portable("pna"),
    "ubpf_model": Architecture("ubpf", {"Register": ExternRole(Kind.REGISTER, "size", 1)}),
}


def architecture(name: str) -> Architecture:
    """The architecture of a program; one that is not known here has no externs for P4Runtime."""
    return _KNOWN.get(name) or Architecture(name)
