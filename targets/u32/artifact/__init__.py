"""The artifact of the u32 target: tc filters as data, and their real formats."""

from ...tc.artifact.actions import (
    CONTINUE,
    DROP,
    PASS,
    PIPE,
    RECLASSIFY,
    STOLEN,
    Action,
    Control,
    ControlKind,
    Gact,
    Mirred,
    OpaqueAction,
    goto_chain,
)
from ...tc.artifact.hooks import DEFAULT_PORTS, Hook, PortNames
from ...tc.artifact.protocols import ETH_P_ALL
from .changes import U32Tables
from .dumps import parse_shown
from .files import read, recognises, write
from .filters import (
    FIRST_NODE,
    FIRST_ROOT,
    LAST_NODE,
    NO_HANDLE,
    ROOT_TABLE,
    FilterList,
    Handle,
    Key,
    Selector,
    U32Filter,
    hash_table,
    is_root_alone,
    root_alone,
)
from .matchall import MatchallPriorities
from .netlink import Links, decode, encode, encode_filter
from .printing import canonical, print_filter, print_script
from .script import parse_script
from .tables import Node, Table

__all__ = [
    "CONTINUE", "DEFAULT_PORTS", "DROP", "ETH_P_ALL", "FIRST_NODE", "FIRST_ROOT", "LAST_NODE", "NO_HANDLE", "PASS",
    "PIPE", "RECLASSIFY", "ROOT_TABLE", "STOLEN", "Action", "Control", "ControlKind", "FilterList", "Gact", "Handle",
    "Hook", "Key", "Links", "MatchallPriorities", "Mirred", "Node", "OpaqueAction", "PortNames", "Selector", "Table",
    "U32Filter", "U32Tables", "canonical", "decode", "encode", "encode_filter", "goto_chain", "hash_table",
    "is_root_alone", "parse_script", "parse_shown", "print_filter", "print_script", "read", "recognises", "root_alone",
    "write",
]  # fmt: skip
