"""The text format: what is written reads back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p4verify.semantics.p4info import model as m
from p4verify.semantics.p4info import write
from p4verify.semantics.rules.protobuf_text import Message, Scalar, parse


def _scalar(message: Message, *path: str) -> object:
    for name in path[:-1]:
        inner = message.message(name)
        assert inner is not None
        message = inner
    found = message.scalar(path[-1])
    return None if found is None else found.value


@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_strings_read_back(text: str) -> None:
    message = parse(write(m.P4Info(m.PkgInfo(name=f"x{text}"))), "p4info")
    value = _scalar(message, "pkg_info", "name")
    assert isinstance(value, bytes)
    assert value.decode() == f"x{text}"


@given(st.binary(min_size=1))
def test_bytes_read_back(data: bytes) -> None:
    call = m.TableActionCall(1, (m.Argument(1, data),))
    table = m.Table(m.Preamble(2, "t", "t"), initial_default_action=call)
    message = parse(write(m.P4Info(tables=(table,))), "p4info")
    assert _scalar(message, "tables", "initial_default_action", "arguments", "value") == data


def test_fields_at_their_default_are_absent_and_empty_messages_present() -> None:
    profile = m.ActionProfile(m.Preamble(1, "p", "p"), with_selector=True, sum_of_weights=m.Empty())
    message = parse(write(m.P4Info(action_profiles=(profile,))), "p4info").messages("action_profiles")[0]
    assert [name for name, _ in message.fields] == ["preamble", "with_selector", "sum_of_weights"]
    assert _scalar(message, "with_selector") == "true"


def test_values_of_a_oneof_are_there_even_at_their_default() -> None:
    values = m.ExpressionList((m.Expression(int64_value=0), m.Expression(bool_value=False), m.Expression("")))
    annotation = m.StructuredAnnotation("a", values)
    message = parse(write(m.P4Info(m.PkgInfo(structured_annotations=(annotation,)))), "p4info")
    inner = message.messages("pkg_info")[0].messages("structured_annotations")[0].messages("expression_list")[0]
    found = [v.fields[0] for v in inner.messages("expressions")]
    assert [(name, value.value) for name, value in found if isinstance(value, Scalar)] == [
        ("int64_value", 0),
        ("bool_value", "false"),
        ("string_value", b""),
    ]


def test_maps_are_sorted_by_key() -> None:
    types = m.TypeInfo(structs={"b": m.StructSpec(), "a": m.StructSpec()})
    message = parse(write(m.P4Info(type_info=types)), "p4info").messages("type_info")[0]
    assert [_scalar(entry, "key") for entry in message.messages("structs")] == [b"a", b"b"]
