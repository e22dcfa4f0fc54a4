"""Protocol buffers' text format."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4verify.semantics.rules.protobuf_text import Message, Scalar, parse
from p4verify.semantics.source import InputError


def value(text: str) -> object:
    scalar = parse(text, "t").scalar("x")
    assert scalar is not None
    return scalar.value


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("x: 5", 5), ("x:-5", -5), ("x: 0x1F", 31), ("x: 017", 15), ("x: FOO", "FOO"), ('x: "ab"', b"ab"),
        ("x: 'a\"b'", b'a"b'), (r'x: "\001\x41\n\\"', b"\x01A\n\\"),
        ('x: "a" "b"\n"c"', b"abc"), ("x: 1, y: 2; x: 3", 3),
        ("# c\nx: 5 # d", 5), ('x: "\u00e9"', "\u00e9".encode()),
    ],
)  # fmt: skip
def test_values(text: str, wanted: object) -> None:
    assert value(text) == wanted


def test_messages_nest_and_repeat() -> None:
    message = parse("a { b: 1 b: 2 } a: < b: [3, 4] c {} >", "t")
    assert [[s.value for s in m.all("b") if isinstance(s, Scalar)] for m in message.messages("a")] == [[1, 2], [3, 4]]
    assert message.messages("a")[1].message("c") == Message((), message.messages("a")[1].messages("c")[0].span)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("x: $", 1, 4, "unexpected character"),
        ("\n  x {", 2, 3, "does not end"),
        ("x { > ", 1, 5, "unexpected >"),
        ("}", 1, 1, "unexpected }"),
        ("x:", 1, 3, "missing"),
        (": 5", 1, 1, "field's name"),
        ("x: 1.5", 1, 4, "no whole number"),
        (r'x: "\q"', 1, 4, "unknown escape"),
        ("x: " + "9" * 100, 1, 4, "too long"),
        ("x {" * 100, 1, 193, "nested deeper"),
        ('x: "abc', 1, 4, "unexpected character"),
    ],
)
def test_errors_have_places(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text, "t")
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.span.line, diagnostic.span.column) == (line, column)
    assert message in diagnostic.message


def test_a_message_is_no_value_and_a_value_no_message() -> None:
    message = parse("a { } b: 1", "t")
    with pytest.raises(InputError, match="must be a value"):
        message.scalar("a")
    with pytest.raises(InputError, match="must be a message"):
        message.messages("b")


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    lines = [1]
    try:
        parse(text, "t")
    except InputError as refused:
        lines = [d.span.line for d in refused.diagnostics]
    assert all(line >= 1 for line in lines)


@given(st.binary(max_size=20))
def test_octal_escapes_give_any_bytes(data: bytes) -> None:
    assert value('x: "' + "".join(f"\\{byte:03o}" for byte in data) + '"') == data
