"""Rules as a P4Runtime ``WriteRequest`` in text format (P4Runtime specification 1.4).

Table entries are in :mod:`.p4runtime_tables`, everything else in :mod:`.p4runtime_entities`. A ``ReadResponse``
(``entities { ... }``) is read as if each entity was inserted. Ids are resolved against the p4info that follows from
the program (:mod:`.p4ids`); as an extension, names may stand where ids stand.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from .. import ir
from ..source import InputError
from .build import Builder
from .p4ids import ids_of
from .p4runtime_base import Session, Verb
from .p4runtime_entities import (
    cell_entry,
    clone_session,
    multicast_group,
    profile_group,
    profile_member,
    replication_entry,
    value_set,
)
from .p4runtime_tables import direct_entry, table_entry
from .protobuf_text import Message, parse
from .ruleset import RuleSet

_IGNORED: Final = frozenset({"device_id", "role_id", "role", "election_id", "atomicity"})
_VERBS: Final[dict[int | str | bytes, Verb]] = {
    1: "INSERT", 2: "MODIFY", 3: "DELETE", "INSERT": "INSERT", "MODIFY": "MODIFY", "DELETE": "DELETE",
}  # fmt: skip
_ENTITIES: Final[dict[str, Callable[[Session, Message, Verb], None]]] = {
    "table_entry": table_entry,
    "action_profile_member": profile_member,
    "action_profile_group": profile_group,
    "packet_replication_engine_entry": replication_entry,
    "multicast_group_entry": multicast_group,
    "clone_session_entry": clone_session,
    "value_set_entry": value_set,
    "counter_entry": partial(cell_entry, field="counter_id"),
    "register_entry": partial(cell_entry, field="register_id"),
    "meter_entry": partial(cell_entry, field="meter_id"),
    "direct_counter_entry": direct_entry,
    "direct_meter_entry": direct_entry,
}
_NO_STATE: Final = frozenset({"digest_entry"})
"""How digests are sent is no matter of what the program does."""


def read_p4runtime(text: str, name: str, program: ir.Program) -> RuleSet:
    """The rules in a ``WriteRequest``. Raises InputError with file, line and column."""
    request = parse(text, name)
    request.only(frozenset({"updates", "entities"}) | _IGNORED)
    session = Session(Builder(program), ids_of(program))
    for update in request.messages("updates"):
        update.only(frozenset({"type", "entity"}))
        kind = update.scalar("type")
        verb = _VERBS.get(kind.value) if kind is not None else "INSERT"
        if kind is not None and verb is None:
            raise InputError.at(kind.span, "the type of an update is INSERT, MODIFY or DELETE")
        entity = update.message("entity")
        if entity is None:
            raise InputError.at(update.span, "an update without an entity")
        _entity(session, entity, verb or "INSERT")
    for entity in request.messages("entities"):
        _entity(session, entity, "INSERT")
    return session.builder.finish()


def _entity(session: Session, entity: Message, verb: Verb) -> None:
    entity.only(frozenset(_ENTITIES) | _NO_STATE)
    if len(entity.fields) != 1:
        raise InputError.at(entity.span, "an entity is one entry")
    name = entity.fields[0][0]
    if name in _NO_STATE:
        return
    content = entity.message(name)
    assert content is not None
    _ENTITIES[name](session, content, verb)
