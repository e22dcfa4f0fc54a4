"""What the readers of P4Runtime entities share: numbers and byte strings, names and ids, actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from ..source import InputError, Span
from .build import Builder
from .names import TableAction, check_value, param_name, pick
from .p4ids import Ids, numbered
from .protobuf_text import Message, Scalar
from .ruleset import ActionCall

Verb = Literal["INSERT", "MODIFY", "DELETE"]
Item = TypeVar("Item")


@dataclass(frozen=True)
class Session:
    """What is being built, and the program's ids."""

    builder: Builder
    ids: Ids


def text_of(scalar: Scalar) -> str:
    """A scalar as a name."""
    if isinstance(scalar.value, bytes):
        return scalar.value.decode(errors="replace")
    return str(scalar.value)


def number_of(message: Message, name: str, default: int | None = None) -> int:
    """A number; ``default`` if it is not given. Raises InputError."""
    scalar = message.scalar(name)
    if scalar is None:
        if default is None:
            raise InputError.at(message.span, f"{name} is missing")
        return default
    if not isinstance(scalar.value, int):
        raise InputError.at(scalar.span, f"expected a number, found {text_of(scalar)}")
    if scalar.value < 0:
        raise InputError.at(scalar.span, f"{name} is not negative")
    return scalar.value


def bytes_of(message: Message, name: str) -> tuple[int, Span]:
    """A byte string as a number. Raises InputError."""
    scalar = message.scalar(name)
    if scalar is None:
        raise InputError.at(message.span, f"{name} is missing")
    if not isinstance(scalar.value, bytes):
        raise InputError.at(scalar.span, f"{name} must be a byte string")
    return int.from_bytes(scalar.value, "big"), scalar.span


def counter_data(message: Message) -> dict[str, int]:
    """A ``CounterData``: ``packets`` and ``bytes``. Raises InputError."""
    message.only(frozenset({"byte_count", "packet_count"}))
    return {"packets": number_of(message, "packet_count", 0), "bytes": number_of(message, "byte_count", 0)}


def named(message: Message, field: str, what: str, by_id: Mapping[int, Item], name_of: Callable[[Item], str]) -> Item:
    """The object that a field names, by id or by name. Raises InputError."""
    wanted = message.scalar(field)
    if wanted is None:
        raise InputError.at(message.span, f"{field} is missing")
    if isinstance(wanted.value, int):
        if wanted.value not in by_id:
            raise InputError.at(wanted.span, f"no {what} has the id {wanted.value}")
        return by_id[wanted.value]
    return pick(list(by_id.values()), name_of, text_of(wanted), what, wanted.span)


def action_call(
    session: Session,
    action: Message,
    listed: Sequence[TableAction],
    what: str,
    check: Callable[[TableAction], None] = lambda found: None,
) -> ActionCall:
    """An ``Action`` message, for one of the actions listed that passes ``check``. Raises InputError."""
    action.only(frozenset({"action_id", "action_name", "params"}))
    found = _find_action(session, action, listed, what)
    check(found)
    positions = numbered(found.params)
    args: dict[int, int] = {}
    for param in action.messages("params"):
        position = _param(param, found, positions)
        if position in args:
            raise InputError.at(param.span, f"parameter {param_name(found.params[position])} is given twice")
        value, span = bytes_of(param, "value")
        args[position] = check_value(value, found.params[position], span)
    for position, declared in enumerate(found.params):
        if position not in args:
            raise InputError.at(action.span, f"{found.action.control_name} lacks its parameter {param_name(declared)}")
    return ActionCall(found.ref.action, tuple(args[i] for i in range(len(found.params))))


def _find_action(session: Session, action: Message, listed: Sequence[TableAction], what: str) -> TableAction:
    wanted = action.scalar("action_id") or action.scalar("action_name")
    if wanted is None:
        raise InputError.at(action.span, "an action without an action_id")
    name = text_of(wanted)
    if isinstance(wanted.value, int):
        if wanted.value not in session.ids.actions:
            raise InputError.at(wanted.span, f"no action has the id {wanted.value}")
        name = session.ids.actions[wanted.value]
    return pick(listed, lambda a: a.action.control_name, name, f"action of {what}", wanted.span)


def _param(param: Message, found: TableAction, positions: dict[int, int]) -> int:
    param.only(frozenset({"param_id", "param_name", "value"}))
    wanted = param.scalar("param_id") or param.scalar("param_name")
    if wanted is None:
        raise InputError.at(param.span, "a parameter without a param_id")
    if isinstance(wanted.value, int):
        if wanted.value not in positions:
            raise InputError.at(wanted.span, f"{found.action.control_name} has no parameter {wanted.value}")
        return positions[wanted.value]
    everything = list(range(len(found.params)))
    return pick(everything, lambda i: param_name(found.params[i]), text_of(wanted), "parameter", wanted.span)
