"""The layout of p4ast in netlink: exact bytes, every way of being malformed, and the documentation's tables."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from p4verify.semantics import ir
from p4verify.semantics.ir import codec_netlink, schema, wire
from p4verify.semantics.ir.wire import attribute
from p4verify.semantics.source import InputError, Span, Unsupported

DOCUMENT = Path(__file__).parents[3] / "docs" / "netlink.md"


def message(sequence: int, command: int, body: bytes, **changed: int | bytes) -> bytes:
    header = {"type": 0x50, "flags": 2, "sequence": sequence, "port": 0, "magic": b"P4AS", "version": 1, "zero": 0}
    header |= changed
    length = changed.get("length", 24 + len(body))
    return (
        struct.pack("<IHHII", length, *(header[k] for k in ("type", "flags", "sequence", "port")))
        + struct.pack("<4sHBB", header["magic"], header["version"], command, header["zero"])
        + body
    )


def number(value: int) -> bytes:
    return struct.pack("<I", value)


def string(index: int, text: bytes) -> bytes:
    return attribute(1, number(index) + text)


def list_(index: int, *values: bytes) -> bytes:
    return attribute(0x8002, number(index) + b"".join(values))


def node(index: int, kind: int, **fields: bytes) -> bytes:
    """Fields are named ``f1``, ``f2``, ..."""
    body = b"".join(attribute(0x8000 | int(name[1:]), value) for name, value in fields.items())
    return attribute(0x8003, struct.pack("<IHH", index, kind, 0) + body)


def text_value(index: int) -> bytes:
    return attribute(4, number(index))


def item_value(index: int) -> bytes:
    return attribute(5, number(index))


NONE = attribute(1, b"")


def stream(items: list[bytes], root: int, count: int | None = None) -> bytes:
    end = attribute(1, number(len(items) if count is None else count)) + attribute(2, number(root))
    return message(0, 1, b"") + message(1, 2, b"".join(items)) + message(2, 3, end)


EMPTY = [
    string(1, b"x.p4"),
    string(2, b"v1model"),
    list_(3),
    node(
        4, 113, f1=text_value(1), f2=text_value(2),
        **{f"f{i}": item_value(3) for i in range(3, 12)}, f12=NONE,
    ),
]  # fmt: skip
EMPTY_PROGRAM = ir.Program("x.p4", "v1model", (), (), (), (), (), (), (), (), (), None)


def test_the_layout_byte_by_byte() -> None:
    """Written here by hand, after the documentation."""
    assert codec_netlink.to_netlink(EMPTY_PROGRAM) == stream(EMPTY, 4)
    assert codec_netlink.from_netlink(stream(EMPTY, 4)) == EMPTY_PROGRAM
    assert codec_netlink.recognises(stream(EMPTY, 4))
    assert not codec_netlink.recognises(b"\x7fELF")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "00"),
        (1, "01"),
        (127, "7f"),
        (128, "0080"),
        (-1, "ff"),
        (-128, "80"),
        (-129, "ff7f"),
        (1 << 64, "01" + "00" * 8),
    ],
)
def test_integers(value: int, expected: str) -> None:
    assert codec_netlink._integer(value).hex() == expected
    assert int.from_bytes(bytes.fromhex(expected), "big", signed=True) == value


def test_what_does_not_fit_is_unsupported() -> None:
    for body in (
        ir.Assign(ir.Var("x", ir.bits(9)), ir.Const(1 << 70_000, ir.bits(9))),
        ir.Assign(ir.Var("x", ir.bits(9)), ir.Const(1, ir.bits(9), Span("a", 1 << 33, 0))),
    ):
        control = ir.Control("C", "C", (), (), (), (), ir.Block((body,)))
        with pytest.raises(Unsupported):
            codec_netlink.to_netlink(ir.Program("", "", (), (), (), (), (), (), (), (control,), (), None))


def test_a_reader_takes_chunks_and_passes_over_what_is_optional() -> None:
    optional = attribute(wire.OPTIONAL | 77, b"news")
    chunked = [
        string(1, b"x."), string(1, b"p4"), optional, string(2, b"v1model"), list_(3), list_(3),
        node(4, 113, f1=text_value(1), f2=text_value(2), **{f"f{i}": item_value(3) for i in range(3, 12)}, f12=NONE),
    ]  # fmt: skip
    data = message(0, 1, optional) + message(1, 2, b"".join(chunked[:2])) + message(2, 2, b"".join(chunked[2:]))
    end = attribute(1, number(4)) + optional + attribute(2, number(4))
    assert codec_netlink.from_netlink(data + message(3, 3, end)) == EMPTY_PROGRAM


def _with(place: int, *items: bytes) -> bytes:
    return stream([*EMPTY[:place], *items, *EMPTY[place + 1 :]], 4, 4)


GOOD = stream(EMPTY, 4)
BAD: list[tuple[bytes, str]] = [
    (b"", "byte 0: the data end"),
    (GOOD[:23], "byte 0: the data end"),
    (GOOD[:24], "byte 24: the data end"),
    (GOOD[:-1], "bytes, where"),
    (GOOD + b"\0", "bytes after the END"),
    (message(0, 1, b"", magic=b"P4XX"), "byte 16: the magic"),
    (message(0, 1, b"", version=2), "byte 20: version 2"),
    (message(0, 1, b"", length=20), "byte 0: a message of 20 bytes"),
    (message(0, 1, b"", length=28), "byte 0: a message of 28 bytes"),
    (message(0, 1, b"\0" * 3, length=27), "byte 0: a message of 27 bytes"),
    (message(0, 1, b"", type=3), "byte 4: a header"),
    (message(0, 1, b"", flags=0), "byte 4: a header"),
    (message(0, 1, b"", port=9), "byte 4: a header"),
    (message(0, 1, b"", zero=9), "byte 4: a header"),
    (message(1, 1, b""), "byte 4: a header"),
    (message(0, 2, b""), "byte 22: the first message"),
    (message(0, 1, b"") + message(1, 1, b""), "byte 46: the first message"),
    (message(0, 9, b""), "byte 22: unknown command 9"),
    (message(0, 1, attribute(5, b"")), "byte 24: unknown attribute 0x0005"),
    (message(0, 1, b"\0\0\0\0"), "byte 24: an attribute of 0 bytes"),
    (message(0, 1, b"\x03\0\0\0"), "byte 24: an attribute of 3 bytes"),
    (message(0, 1, b"\xff\xff\0\0"), "byte 24: an attribute of 65535 bytes"),
    (message(0, 1, attribute(1, b"a")[:-1] + b"x"), "byte 29: padding"),
    (_with(0, attribute(0x8001, number(1) + b"x.p4")), "byte 48: unknown attribute 0x8001"),
    (_with(0, attribute(1, b"abc")), "cut short"),
    (_with(0, string(2, b"x.p4")), "byte 52: item 2, where 1 is next"),
    (_with(0, string(0, b"x.p4")), "item 0, where 1 is next"),
    (_with(1, list_(1)), "item 1, where 2 is next"),
    (_with(1, string(2, b"\xff")), "item 2: 'utf-8' codec"),
    (_with(2, list_(3), list_(4)), "item 4, where 5 is next"),
    (_with(2, list_(3, item_value(3))), "item 3, which is not before"),
    (_with(2, list_(3, item_value(99))), "item 99, which is not before"),
    (_with(2, list_(3, item_value(0))), "item 0, which is not before"),
    (_with(2, list_(3, item_value(1))), "wrong kind of item"),
    (_with(2, list_(3, attribute(2, b"\2"))), "no value has type 0x0002"),
    (_with(2, list_(3, attribute(3, b""))), "no value has type 0x0003"),
    (_with(2, list_(3, attribute(9, b""))), "no value has type 0x0009"),
    (_with(2, list_(3, attribute(4, b"\1"))), "cut short"),
    (_with(2, list_(3, attribute(4, number(1) * 2))), "wrong kind of item"),
    (_with(2, list_(3, attribute(6, number(1) * 5))), "Program.errors must be list"),
    (_with(2, list_(3, attribute(6, number(9) * 5))), "item 9, which is not before"),
    (_with(3, node(4, 999)), "unknown kind of node 999"),
    (_with(3, attribute(0x8003, number(4))), "a node that is cut short"),
    (_with(3, node(4, 113)), "Program without file"),
    (_with(3, node(4, 113, f2=text_value(2), f1=text_value(1))), "Program.file out of order"),
    (_with(3, node(4, 113, f1=text_value(1) * 2)), "a field of Program with 2 values"),
    (_with(3, node(4, 113, f1=b"")), "a field of Program with 0 values"),
    (_with(3, node(4, 113, f50=text_value(1))), "unknown attribute 0x8032"),
    (_with(3, node(4, 113, f1=NONE)), "Program.file must be str, not nothing|Program without"),
    (stream([string(1, b"x"), node(2, 64, f1=attribute(6, number(1) * 5))], 2), "the root is no Program"),
    (_with(3, node(4, 64, f1=NONE)), "a place where none belongs"),
    (stream([string(1, b"a"), *EMPTY[1:]], 9), "no root item 9"),
    (stream(EMPTY, 4, 5), "4 items, where 5"),
    (stream([*EMPTY, string(5, b"lost")], 4), "nothing refers to item 5"),
    (message(0, 1, b"") + message(1, 3, b""), "0 items, where None"),
    (message(0, 1, b"") + message(1, 3, attribute(1, number(0)) * 2), "twice"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "text"), BAD, ids=range(len(BAD)))
def test_malformed(data: bytes, text: str) -> None:
    with pytest.raises(InputError, match=text) as caught:
        codec_netlink.from_netlink(data, "bad.nl")
    assert len(caught.value.diagnostics) == 1
    assert re.match(r"bad.nl: error: not a p4ast in netlink: byte \d+: ", str(caught.value))


@pytest.mark.parametrize("end", range(len(GOOD)))
def test_truncated_anywhere(end: int) -> None:
    with pytest.raises(InputError):
        codec_netlink.from_netlink(GOOD[:end])


@pytest.mark.long
def test_messages_and_attributes_are_small() -> None:
    """Netlink's own limits: an attribute's length has 16 bits; a message should fit a socket's buffer."""
    body = tuple(ir.Assign(ir.Var("v" * 50_000, ir.bits(i)), ir.Const(i, ir.bits(8))) for i in range(20_000))
    control = ir.Control("C", "C", (), (), (), (), ir.Block(body))
    data = codec_netlink.to_netlink(ir.Program("", "", (), (), (), (), (), (), (), (control,), (), None))
    at = 0
    while at < len(data):
        length = struct.unpack_from("<I", data, at)[0]
        assert 24 <= length <= wire.MESSAGE_BYTES
        at += length
    assert at == len(data)


def test_the_document_is_up_to_date() -> None:
    """The tables between the marks are generated: write ``schema.markdown_table()`` there."""
    text = DOCUMENT.read_text()
    tables = dict(re.findall(r"<!-- generated: (\w+) -->\n(.*?)<!-- end -->", text, re.DOTALL))
    assert tables["kinds"] == schema.markdown_table()
    assert tables["constants"] == constants()


def constants() -> str:
    """The constants of the layout as the document's table."""
    rows = [("magic", wire.MAGIC.decode()), ("version", wire.VERSION), ("nlmsg_type", f"{wire.MESSAGE_TYPE:#x}")]
    rows += [("nlmsg_flags", f"NLM_F_MULTI {wire.NLM_F_MULTI:#x}"), ("optional flag", f"{wire.OPTIONAL:#x}")]
    for enum in (wire.Command, wire.Item, wire.End, wire.Value):
        rows += [(f"{enum.__name__}.{member.name}", member.value) for member in enum]
    rows += [("longest message that a writer makes", wire.MESSAGE_BYTES), ("chunk", wire.CHUNK_BYTES)]
    rows += [("longest integer, bytes", wire.INTEGER_BYTES)]
    return "| what | number |\n|---|---|\n" + "".join(f"| {name} | {value} |\n" for name, value in rows)
