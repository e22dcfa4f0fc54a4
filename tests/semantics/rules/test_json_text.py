"""JSON with places, against the standard library's reader."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4verify.semantics.rules.json_text import Node, parse_json
from p4verify.semantics.source import InputError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


def plain(node: Node) -> Any:
    match node.value:
        case list():
            return [plain(n) for n in node.value]
        case dict():
            return {k: plain(n) for k, n in node.value.items()}
    return node.value


@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_it_reads_what_json_writes(value: Any, indent: int | None, ascii_: bool) -> None:
    assert plain(parse_json(json.dumps(value, indent=indent, ensure_ascii=ascii_), "t")) == value


@given(st.text(alphabet='{}[]",:0123 \\nabtrue-', max_size=30))
def test_it_refuses_what_json_refuses(text: str) -> None:
    try:
        wanted = json.loads(text, parse_float=lambda _: 1 / 0)
    except (ValueError, ZeroDivisionError):
        with pytest.raises(InputError):
            parse_json(text, "t")
        return
    try:
        read = plain(parse_json(text, "t"))
    except InputError as refused:
        told = str(refused)
    else:
        assert read == wanted
        return
    assert "twice" in told  # the library takes the last of two members of one name


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ('{"a": 1,\n "b" 2}', 2, 6),
        ("[1, 2", 1, 6),
        ('{"a": 1, "a": 2}', 1, 10),
        ("[1.5]", 1, 2),
        ("[" * 100, 1, 66),
        ("1 2", 1, 3),
    ],
)
def test_errors_have_places(text: str, line: int, column: int) -> None:
    with pytest.raises(InputError) as caught:
        parse_json(text, "t.json")
    span = caught.value.diagnostics[0].span
    assert (span.file, span.line, span.column) == ("t.json", line, column)
