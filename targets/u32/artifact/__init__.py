"""The artifact of the u32 target: tc filters as data, and their real formats."""

from .filters import (
    CONTINUE,
    DEFAULT_PORTS,
    DROP,
    ETH_P_ALL,
    NO_HANDLE,
    PASS,
    PIPE,
    RECLASSIFY,
    ROOT_TABLE,
    STOLEN,
    Action,
    Control,
    ControlKind,
    FilterList,
    Gact,
    Handle,
    Hook,
    Key,
    Mirred,
    OpaqueAction,
    PortNames,
    Selector,
    U32Filter,
    goto_chain,
    hash_table,
)

__all__ = [
    "CONTINUE", "DEFAULT_PORTS", "DROP", "ETH_P_ALL", "NO_HANDLE", "PASS", "PIPE", "RECLASSIFY", "ROOT_TABLE",
    "STOLEN", "Action", "Control", "ControlKind", "FilterList", "Gact", "Handle", "Hook", "Key", "Mirred",
    "OpaqueAction", "PortNames", "Selector", "U32Filter", "goto_chain", "hash_table",
]  # fmt: skip
