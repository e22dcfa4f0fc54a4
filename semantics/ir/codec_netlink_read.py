"""TC netlink → p4ast: strict, in one pass. Anything that a writer would not write is an error at its byte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

from ..source import NOWHERE, InputError, Span
from .program import Program
from .schema import BY_NUMBER, KindSchema
from .traverse import Assembler, Made
from .wire import (
    ATTRIBUTE,
    INTEGER_BYTES,
    MAGIC,
    MESSAGE,
    MESSAGE_TYPE,
    NLA_F_NESTED,
    NLM_F_MULTI,
    NODE_HEAD,
    NUMBER,
    OPTIONAL,
    SPAN,
    VERSION,
    Command,
    End,
    Item,
    Value,
    padded,
)


def recognises(data: bytes) -> bool:
    """Whether ``data`` begins like p4ast in netlink."""
    return data[16:20] == MAGIC


def from_netlink(data: bytes, name: str = "") -> Program:
    """The program in netlink messages. The inverse of ``to_netlink``.

    Raises:
        InputError: ``data`` is malformed or no program; it names ``name`` and the byte offset.
    """
    return _Reader(data, name).program()


class _Attribute(NamedTuple):
    """One attribute: where its header is, its type with flags, and where its payload is."""

    at: int
    type: int
    start: int
    end: int


@dataclass
class _Open:
    """A string or list that may go on in the next attribute."""

    item: Item
    text: bytearray = field(default_factory=bytearray)
    values: list[Made] = field(default_factory=list)


@dataclass
class _Reader:
    data: bytes
    name: str
    items: list[Made] = field(default_factory=list)
    open: _Open | None = None
    """The last item, as long as it may go on."""
    assembler: Assembler = field(default_factory=Assembler)

    def fail(self, at: int, message: str) -> NoReturn:
        raise InputError.at(Span(self.name, 0, 0), f"not a p4ast in netlink: byte {at}: {message}")

    def program(self) -> Program:
        at, sequence = 0, 0
        while True:
            command, start, end = self._message(at, sequence)
            if (command == Command.BEGIN) != (sequence == 0):
                self.fail(at + 22, "the first message, and no other, must be BEGIN")
            if command == Command.DATA:
                for found in self._attributes(start, end):
                    self._item(found)
            elif command == Command.END:
                if end != len(self.data):
                    self.fail(end, "bytes after the END message")
                return self._end(start, end)
            for found in () if command == Command.DATA else self._attributes(start, end):
                self._unknown(found)
            at, sequence = end, sequence + 1

    def _message(self, at: int, sequence: int) -> tuple[int, int, int]:
        """Command, begin and end of the attributes."""
        if len(self.data) - at < MESSAGE.size:
            self.fail(at, "the data end before the END message")
        length, type_, flags, number, port, magic, version, command, zero = MESSAGE.unpack_from(self.data, at)
        if magic != MAGIC:
            self.fail(at + 16, f"the magic bytes {MAGIC!r} are not there")
        if version != VERSION:
            self.fail(at + 20, f"version {version} is not known, only {VERSION}")
        if length < MESSAGE.size or length > len(self.data) - at or length % 4:
            self.fail(at, f"a message of {length} bytes, where {len(self.data) - at} are left")
        if (type_, flags, number, port, zero) != (MESSAGE_TYPE, NLM_F_MULTI, sequence, 0, 0):
            self.fail(at + 4, f"a header that is not that of message {sequence}")
        if command not in list(Command):
            self.fail(at + 22, f"unknown command {command}")
        return command, at + MESSAGE.size, at + length

    def _attributes(self, at: int, end: int) -> Iterator[_Attribute]:
        while at < end:
            if end - at < ATTRIBUTE.size:
                self.fail(at, "an attribute that is cut short")
            length, type_ = ATTRIBUTE.unpack_from(self.data, at)
            if length < ATTRIBUTE.size or padded(length) > end - at:
                self.fail(at, f"an attribute of {length} bytes, where {end - at} are left")
            if any(self.data[at + length : at + padded(length)]):
                self.fail(at + length, "padding that is not zero")
            yield _Attribute(at, type_, at + ATTRIBUTE.size, at + length)
            at += padded(length)

    def _unknown(self, found: _Attribute) -> None:
        """Pass over an optional attribute; any other unknown one is an error."""
        if not found.type & OPTIONAL:
            self.fail(found.at, f"unknown attribute {found.type:#06x}")

    # --- items ------------------------------------------------------------------------------------------------------

    def _item(self, found: _Attribute) -> None:
        types = {Item.STRING: Item.STRING, Item.LIST | NLA_F_NESTED: Item.LIST, Item.NODE | NLA_F_NESTED: Item.NODE}
        item = types.get(found.type)
        if item is None:
            self._unknown(found)
            return
        number = self._number(found, found.start)
        goes_on = self.open is not None and number == len(self.items) and self.open.item is item
        if not goes_on and number != len(self.items) + 1:
            self.fail(found.start, f"item {number}, where {len(self.items) + 1} is next")
        if item is Item.NODE:
            self.open = None
            self.items.append(self._node(found))
            return
        if not goes_on:
            self.open = _Open(item)
            self.items.append(Made(None))
        assert self.open is not None
        self._go_on(self.open, found)

    def _go_on(self, item: _Open, found: _Attribute) -> None:
        """Add the attribute's content to the string or list that is open."""
        start = found.start + NUMBER.size
        if item.item is Item.STRING:
            item.text += self.data[start : found.end]
            self.items[-1] = Made(item)
            return
        for value in self._attributes(start, found.end):
            item.values.append(self._value(value, len(self.items) - 1))
        self.items[-1] = Made(item)

    def _close(self, at: int, number: int) -> Made:
        """Item ``number``; a string or list is complete when something refers to it."""
        made = self.items[number - 1]
        if not isinstance(made.value, _Open):
            return made
        if made.value is self.open:
            self.open = None
        try:
            made = self._complete(made.value)
        except ValueError as error:  # UnicodeDecodeError is one
            self.fail(at, f"item {number}: {error}")
        self.items[number - 1] = made
        return made

    def _complete(self, item: _Open) -> Made:
        if item.item is Item.STRING:
            return Made(item.text.decode())
        return self.assembler.list_of(item.values)

    def _node(self, found: _Attribute) -> Made:
        start = found.start + NODE_HEAD.size
        if start > found.end:
            self.fail(found.at, "a node that is cut short")
        _, number, zero = NODE_HEAD.unpack_from(self.data, found.start)
        kind = BY_NUMBER.get(number)
        if kind is None or zero:
            self.fail(found.start + NUMBER.size, f"unknown kind of node {number}")
        fields: dict[str, Made] = {}
        last = 0
        for attribute in self._attributes(start, found.end):
            field_schema = kind.by_number.get(attribute.type & ~NLA_F_NESTED)
            if field_schema is None or not attribute.type & NLA_F_NESTED:
                self._unknown(attribute)
                continue
            if field_schema.number <= last:
                self.fail(attribute.at, f"{kind.name}.{field_schema.name} out of order")
            last = field_schema.number
            fields[field_schema.name] = self._field(kind, attribute, field_schema.default is NOWHERE)
        try:
            return self.assembler.node(kind, fields)
        except ValueError as error:
            self.fail(found.at, str(error))

    def _field(self, kind: KindSchema, attribute: _Attribute, is_span: bool) -> Made:
        values = list(self._attributes(attribute.start, attribute.end))
        if len(values) != 1:
            self.fail(attribute.at, f"a field of {kind.name} with {len(values)} values")
        made = self._value(values[0], len(self.items))
        if isinstance(made.value, Span) != is_span:
            self.fail(attribute.at, "a place where none belongs, or none where one does")
        return made

    # --- values -----------------------------------------------------------------------------------------------------

    def _value(self, found: _Attribute, below: int) -> Made:
        """The value; it may refer to items numbered up to ``below``."""
        size = found.end - found.start
        payload = self.data[found.start : found.end]
        if found.type == Value.NONE and size == 0:
            return Made(None)
        if found.type == Value.BOOL and payload in (b"\0", b"\1"):
            return Made(payload == b"\1")
        if found.type == Value.INT and 1 <= size <= INTEGER_BYTES:
            return Made(int.from_bytes(payload, "big", signed=True))
        if found.type in (Value.STRING, Value.ITEM):
            made = self._referred(found, found.start, below)
            if size != NUMBER.size or isinstance(made.value, str) != (found.type == Value.STRING):
                self.fail(found.at, "a reference to the wrong kind of item")
            return made
        if found.type == Value.SPAN and size == SPAN.size:
            file = self._referred(found, found.start, below).value
            if not isinstance(file, str):
                self.fail(found.start, "a file's name that is no string")
            return Made(Span(file, *SPAN.unpack(payload)[1:]))
        return self.fail(found.at, f"no value has type {found.type:#06x} and {size} bytes")

    def _number(self, found: _Attribute, at: int) -> int:
        if found.end - at < NUMBER.size:
            self.fail(found.at, "a number that is cut short")
        return int(NUMBER.unpack_from(self.data, at)[0])

    def _referred(self, found: _Attribute, at: int, below: int) -> Made:
        number = self._number(found, at)
        if not 1 <= number <= below:
            self.fail(at, f"a reference to item {number}, which is not before this one")
        return self._close(at, number)

    def _end(self, start: int, end: int) -> Program:
        numbers: dict[int, int] = {}
        for found in self._attributes(start, end):
            if found.type not in list(End):
                self._unknown(found)
            elif found.end - found.start != NUMBER.size or found.type in numbers:
                self.fail(found.at, "an attribute of END twice, or of the wrong size")
            else:
                numbers[found.type] = self._number(found, found.start)
        if numbers.get(End.ITEMS) != len(self.items):
            self.fail(start, f"{len(self.items)} items, where {numbers.get(End.ITEMS)} are announced")
        root = numbers.get(End.ROOT, 0)
        if not 1 <= root <= len(self.items):
            self.fail(start, f"there is no root item {root}")
        program = self._close(start, root).value
        unused = next((i for i, made in enumerate(self.items, 1) if isinstance(made.value, _Open)), None)
        if unused is not None:
            self.fail(start, f"nothing refers to item {unused}")
        if not isinstance(program, Program):
            self.fail(start, "the root is no Program")
        return program
