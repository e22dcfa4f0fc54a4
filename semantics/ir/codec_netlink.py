"""p4ast → TC netlink: a table of numbered items in messages of attributes. ``docs/netlink.md`` is the specification.

Equal items are written once, so a named type is one item however often it is mentioned. References lead to smaller
numbers only: a reader needs one pass and no recursion, and there can be no cycle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..source import Span, Unsupported
from .codec_netlink_read import from_netlink, recognises
from .program import Program
from .schema import BY_CLASS, FieldSchema
from .traverse import fold
from .wire import (
    CHUNK_BYTES,
    INTEGER_BYTES,
    MAGIC,
    MESSAGE,
    MESSAGE_BYTES,
    MESSAGE_TYPE,
    NLA_F_NESTED,
    NLM_F_MULTI,
    NODE_HEAD,
    NUMBER,
    SPAN,
    VERSION,
    Command,
    End,
    Item,
    Value,
    attribute,
)

__all__ = ["from_netlink", "recognises", "to_netlink"]


def to_netlink(program: Program) -> bytes:
    """The program as netlink messages, one after the other.

    Raises:
        Unsupported: an integer or a place in a file is larger than the format's.
    """
    writer = _Writer()
    root = fold(program, writer.scalar, writer.known, writer.item)
    return writer.messages(root)


@dataclass
class _Writer:
    """Encodes parts before wholes. The result for each value is the value attribute that stands for it."""

    attributes: list[bytes] = field(default_factory=list)
    """Attributes of DATA messages, in order."""
    items: int = 0
    number_of_content: dict[tuple[int, bytes], int] = field(default_factory=dict)
    value_of_id: dict[int, bytes] = field(default_factory=dict)

    def scalar(self, value: object) -> bytes:
        match value:
            case None:
                return attribute(Value.NONE, b"")
            case bool():
                return attribute(Value.BOOL, bytes([value]))
            case int():
                return attribute(Value.INT, _integer(value))
            case str():
                return attribute(Value.STRING, NUMBER.pack(self._string(value)))
            case Span(file):
                places = (value.line, value.column, value.end_line, value.end_column)
                if not all(0 <= place < 1 << 32 for place in places):
                    raise Unsupported("a place beyond line or column 2**32", value)
                return attribute(Value.SPAN, SPAN.pack(self._string(file), *places))
        raise TypeError(f"{type(value).__name__} is no value of p4ast")

    def known(self, value: object) -> bytes | None:
        return self.value_of_id.get(id(value))

    def item(self, value: object, fields: Sequence[FieldSchema], parts: Sequence[bytes]) -> bytes:
        if isinstance(value, tuple):
            number = self._list(parts)
        else:
            content = b"".join(attribute(NLA_F_NESTED | f.number, p) for f, p in zip(fields, parts, strict=True))
            kind = BY_CLASS[type(value)].number
            number = self._add(Item.NODE, [content], NODE_HEAD.pack(0, kind, 0)[NUMBER.size :])
        made = self.value_of_id[id(value)] = attribute(Value.ITEM, NUMBER.pack(number))
        return made

    def _string(self, text: str) -> int:
        data = text.encode()
        return self._add(Item.STRING, [data[i : i + CHUNK_BYTES] for i in range(0, len(data), CHUNK_BYTES)] or [b""])

    def _list(self, values: Sequence[bytes]) -> int:
        chunks, chunk = [], b""
        for value in values:
            if chunk and len(chunk) + len(value) > CHUNK_BYTES:
                chunks.append(chunk)
                chunk = b""
            chunk += value
        return self._add(Item.LIST, [*chunks, chunk])

    def _add(self, type_: Item, chunks: Sequence[bytes], head: bytes = b"") -> int:
        """The number of the item with this content: an old one, or the next."""
        key = (type_, head + b"".join(chunks))
        number = self.number_of_content.setdefault(key, self.items + 1)
        if number > self.items:
            self.items = number
            flag = 0 if type_ is Item.STRING else NLA_F_NESTED
            self.attributes += [attribute(type_ | flag, NUMBER.pack(number) + head + chunk) for chunk in chunks]
        return number

    def messages(self, root: bytes) -> bytes:
        bodies: list[tuple[Command, bytes]] = [(Command.BEGIN, b"")]
        body: list[bytes] = []
        size = 0
        for data in self.attributes:
            if body and MESSAGE.size + size + len(data) > MESSAGE_BYTES:
                bodies.append((Command.DATA, b"".join(body)))
                body, size = [], 0
            body.append(data)
            size += len(data)
        bodies.append((Command.DATA, b"".join(body)))
        end = attribute(End.ITEMS, NUMBER.pack(self.items)) + attribute(End.ROOT, root[-NUMBER.size :])
        bodies.append((Command.END, end))
        return b"".join(_message(i, command, content) for i, (command, content) in enumerate(bodies))


def _integer(value: int) -> bytes:
    """Two's complement, most significant byte first, as short as it can be."""
    length = ((value if value >= 0 else ~value).bit_length() + 8) // 8
    if length > INTEGER_BYTES:
        raise Unsupported(f"an integer of {length} bytes; netlink takes {INTEGER_BYTES}")
    return value.to_bytes(length, "big", signed=True)


def _message(sequence: int, command: Command, body: bytes) -> bytes:
    length = MESSAGE.size + len(body)
    return MESSAGE.pack(length, MESSAGE_TYPE, NLM_F_MULTI, sequence, 0, MAGIC, VERSION, command, 0) + body
