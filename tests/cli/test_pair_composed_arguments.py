"""Actions whose arguments in the source are structs, stacks, headers or unions, in `check A.p4 --against B.p4`.

No known control plane can give such an action arguments, but the source can (P4-16 spec 14.2.1.3, "Default action").
A difference is run with them before it counts.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command

PROGRAM = """#include <core.p4>
struct inner_t {{ bit<8> a; bool f; }}
struct nested_t {{ inner_t one; bit<0> none; bit<8> z; }}
header h_t {{ bit<8> a; }}
header_union u_t {{ h_t one; h_t two; }}
struct s_t {{ bit<8> k; bit<8> x; }}
control c(inout s_t s) {{
    action nothing() {{ }}
    action run({type} value) {{ s.x = {result}; }}
    table t {{ key = {{ s.k : exact; }} actions = {{ run; nothing; }} {default} }}
    apply {{ t.apply(); }}
}}
control proto(inout s_t s);
package top(proto p);
top(c()) main;
"""
ARGUMENTS = {
    "struct": ("inner_t", "(inner_t){a = 8w5, f = true}", "value.a", "value.f ? value.a : 8w1"),
    "nested struct": ("nested_t", "(nested_t){one = (inner_t){a = 1, f = true}, none = 0, z = 7}", "value.z", "1"),
    "stack": ("inner_t[2]", "(inner_t[2]){(inner_t){a = 1, f = true}, (inner_t){a = 9, f = true}}", "value[1].a",
              "value[0].a"),
    "header": ("h_t", "(h_t){a = 8w7}", "value.isValid() ? value.a : 0", "value.isValid() ? 8w0 : 1"),
    "invalid header": ("h_t", "(h_t){#}", "value.isValid() ? value.a : 8w3", "value.isValid() ? value.a : 8w4"),
    "invalid union": ("u_t", "(u_t){#}", "value.one.isValid() ? value.one.a : 8w3", "value.two.isValid() ? 8w3 : 4"),
    "default": ("inner_t", "(inner_t)...", "value.a", "value.a + 1"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ARGUMENTS)
def test_what_a_default_action_with_such_an_argument_does_is_compared(
    p4verify: Command, tmp_path: Path, kind: str
) -> None:
    type_, argument, first, second = ARGUMENTS[kind]
    default = f"default_action = run({argument});"
    files = tmp_path / "a.p4", tmp_path / "b.p4", tmp_path / "c.p4"
    same = f"({first}) + 1 - 1"
    for file, result in zip(files, (first, second, same), strict=True):
        file.write_text(PROGRAM.format(type=type_, default=default, result=result))
    for file, code in zip(files[1:], (1, 0), strict=True):
        ended = p4verify("check", files[0], "--against", file, "--format", "json")
        (found,) = ended.json()["results"]
        assert ended.code == code, (found["reason"], ended.err)


def test_the_leaves_are_given_in_the_order_of_the_fields(p4verify: Command, tmp_path: Path) -> None:
    """With const entries nothing is open, so the numbers themselves are run."""
    entries = "const entries = { 8w1 : run((nested_t){one = (inner_t){a = 4, f = true}, none = 0, z = 6}); }"
    default = (
        f"{entries} const default_action = run((nested_t){{one = (inner_t){{a = 1, f = false}}, none = 0, z = 2}});"
    )
    for result, constant, code in (
        ("value.z - value.one.a + (value.one.f ? 8w10 : 0)", "s.k == 1 ? 8w12 : 1", 0),
        ("value.one.a - value.z", "s.k == 1 ? 8w2 : 1", 1),
    ):
        a, c = tmp_path / "a.p4", tmp_path / "b.p4"
        a.write_text(PROGRAM.format(type="nested_t", default=default, result=result))
        c.write_text(PROGRAM.format(type="nested_t", default=default, result=constant))
        ended = p4verify("check", a, "--against", c, "--format", "json")
        (found,) = ended.json()["results"]
        assert ended.code == code, (found["reason"], ended.err)
