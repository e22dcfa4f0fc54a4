"""Multicast groups and clone sessions while a control plane sets them up.

BMv2 (behavioral-model's ``simple_pre``) makes a group of nodes, each with an instance (``rid``) and ports; P4Runtime
gives a group's replicas directly. A mirror session of BMv2 names a port, a multicast group, or both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from .. import ir
from ..source import InputError, Span
from .ruleset import Replica, Session

PSA_PORT_CPU: Final = 0xFFFFFFFD


def initial_sessions(program: ir.Program) -> dict[int, Session]:
    """The clone sessions that a device has from the beginning (PSA 1.2, "Packet Cloning": session 0, to the CPU)."""
    return {0: Session((Replica(PSA_PORT_CPU),))} if program.arch == "psa" else {}


@dataclass
class _Node:
    replicas: tuple[Replica, ...]
    group: int | None = None


@dataclass
class _Session:
    replicas: tuple[Replica, ...] = ()
    group: int | None = None
    truncate: int | None = None


@dataclass
class ReplicationTable:
    """Groups and sessions as they stand."""

    _groups: dict[int, list[Replica | int]] = field(default_factory=dict)
    """A group's replicas, or the nodes (by handle) that have them."""
    _nodes: dict[int, _Node] = field(default_factory=dict)
    _sessions: dict[int, _Session] = field(default_factory=dict)

    def create_group(self, group: int, span: Span, replicas: Sequence[Replica] = ()) -> None:
        """Make a multicast group. Raises InputError if it is there already."""
        if group in self._groups:
            raise InputError.at(span, f"multicast group {group} is there already")
        self._groups[group] = list(replicas)

    def change_group(self, group: int, span: Span, replicas: Sequence[Replica]) -> None:
        """Give a multicast group other replicas. Raises InputError if there is none."""
        self._group(group, span)
        self._groups[group] = list(replicas)

    def remove_group(self, group: int, span: Span) -> None:
        """Take a multicast group away; its nodes stay. Raises InputError if there is none."""
        for item in self._group(group, span):
            if isinstance(item, int):
                self._nodes[item].group = None
        del self._groups[group]

    def create_node(self, replicas: Sequence[Replica]) -> int:
        """Make a node; its handle, the smallest that is free."""
        handle = 0
        while handle in self._nodes:
            handle += 1
        self._nodes[handle] = _Node(tuple(replicas))
        return handle

    def change_node(self, handle: int, ports: Sequence[int], span: Span) -> None:
        """Give a node other ports, of the same instance. Raises InputError if there is none."""
        node = self._node(handle, span)
        instance = node.replicas[0].instance if node.replicas else 0
        node.replicas = tuple(Replica(port, instance) for port in ports)

    def remove_node(self, handle: int, span: Span) -> None:
        """Take a node away, out of its group too. Raises InputError if there is none."""
        node = self._node(handle, span)
        if node.group is not None:
            self._groups[node.group].remove(handle)
        del self._nodes[handle]

    def associate(self, group: int, handle: int, span: Span) -> None:
        """Put a node into a group. Raises InputError if one of them is missing, or the node is in a group."""
        members, node = self._group(group, span), self._node(handle, span)
        if node.group is not None:
            raise InputError.at(span, f"node {handle} is in multicast group {node.group} already")
        node.group = group
        members.append(handle)

    def dissociate(self, group: int, handle: int, span: Span) -> None:
        """Take a node out of a group. Raises InputError if it is not in it."""
        members, node = self._group(group, span), self._node(handle, span)
        if node.group != group:
            raise InputError.at(span, f"node {handle} is not in multicast group {group}")
        node.group = None
        members.remove(handle)

    def mirror_to_port(self, session: int, port: int) -> None:
        """A session's copy goes to this port (BMv2 keeps the session's multicast group)."""
        self._sessions.setdefault(session, _Session()).replicas = (Replica(port),)

    def mirror_to_group(self, session: int, group: int) -> None:
        """A session's copies go to this multicast group too, whatever it holds in the end."""
        self._sessions.setdefault(session, _Session()).group = group

    def set_session(self, number: int, session: Session, span: Span, *, new: bool) -> None:
        """Make a session, or change one. Raises InputError if it is there already, or is not."""
        if new == (number in self._sessions):
            raise InputError.at(span, f"clone session {number} is " + ("there already" if new else "not there"))
        self._sessions[number] = _Session(session.replicas, None, session.truncate)

    def remove_session(self, session: int, span: Span) -> None:
        """Take a session away. Raises InputError if there is none."""
        if session not in self._sessions:
            raise InputError.at(span, f"clone session {session} is not there")
        del self._sessions[session]

    def reset(self) -> None:
        """Take everything away."""
        self._groups.clear()
        self._nodes.clear()
        self._sessions.clear()

    def multicast(self) -> dict[int, tuple[Replica, ...]]:
        """The replicas of every group."""
        return {number: self._replicas(number) for number in self._groups}

    def sessions(self) -> dict[int, Session]:
        """Every session, its multicast group written out."""
        return {
            number: Session((*s.replicas, *(self._replicas(s.group) if s.group is not None else ())), s.truncate)
            for number, s in self._sessions.items()
        }

    def _replicas(self, group: int) -> tuple[Replica, ...]:
        found: list[Replica] = []
        for item in self._groups.get(group, ()):
            found += self._nodes[item].replicas if isinstance(item, int) else (item,)
        return tuple(found)

    def _group(self, group: int, span: Span) -> list[Replica | int]:
        if group not in self._groups:
            raise InputError.at(span, f"multicast group {group} is not there")
        return self._groups[group]

    def _node(self, handle: int, span: Span) -> _Node:
        if handle not in self._nodes:
            raise InputError.at(span, f"there is no node {handle}")
        return self._nodes[handle]
