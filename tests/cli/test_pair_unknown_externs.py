"""Pairs of programs with externs or packages of their own, in architectures whose names are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command

DECLARED = """#include <core.p4>
#include <v1model.p4>
extern bit<8> f(in bit<8> x);
extern Box {{ Box(); bit<8> get(in bit<8> x); }}
header h_t {{ bit<8> a; }}
struct hs {{ h_t h; }}
struct m_t {{ }}
parser p(packet_in pk, out hs s, inout m_t m, inout standard_metadata_t d) {{
    state start {{ pk.extract(s.h); transition accept; }}
}}
control v(inout hs s, inout m_t m) {{ apply {{ }} }}
control i(inout hs s, inout m_t m, inout standard_metadata_t d) {{
    Box() box;
    apply {{ d.egress_spec = 1; s.h.a = {value}; }}
}}
control e(inout hs s, inout m_t m, inout standard_metadata_t d) {{ apply {{ }} }}
control c(inout hs s, inout m_t m) {{ apply {{ }} }}
control o(packet_out pk, in hs s) {{ apply {{ pk.emit(s.h); }} }}
V1Switch(p(), v(), i(), e(), c(), o()) main;
"""


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        ("f(s.h.a)", "(bit<8>)(bit<7>)f(s.h.a)", 1),
        ("box.get(s.h.a)", "(bit<8>)(bit<7>)box.get(s.h.a)", 1),
        ("f(s.h.a)", "(bit<8>)(bit<9>)f(s.h.a)", 0),
    ],
)
def test_a_difference_in_what_an_unknown_extern_answers_is_run_with_its_answers(
    p4verify: Command, tmp_path: Path, first: str, second: str, code: int
) -> None:
    paths = [tmp_path / "a.p4", tmp_path / "b.p4"]
    for path, value in zip(paths, (first, second), strict=True):
        path.write_text(DECLARED.format(value=value))
    ended = p4verify("check", paths[0], "--against", paths[1], "--format", "json")
    (result,) = ended.json()["results"]
    assert ended.code == code, result["reason"]
    if code:
        assert "interpreter of both programs" in result["counterexample"]["confirmed_by"]


OTHER = """#include <core.p4>
parser Parser<H>(packet_in pk, out H s);
control Deparser<H>(packet_out pk, in H s);
package V1Switch<H>(Parser<H> first, Deparser<H> last);
header h_t {{ bit<8> a; }}
struct hs {{ h_t h; }}
parser p(packet_in pk, out hs s) {{ state start {{ pk.extract(s.h); transition accept; }} }}
control o(packet_out pk, in hs s) {{ apply {{ if ({when}) {{ pk.emit(s.h); }} }} }}
V1Switch(p(), o()) main;
"""


def test_a_package_that_only_has_the_name_of_an_architectures_is_one_of_the_programs_own(
    p4verify: Command, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{name}.p4" for name in "abc"]
    for path, when in zip(paths, ("s.h.a == 1", "s.h.a == 2", "1 == s.h.a"), strict=True):
        path.write_text(OTHER.format(when=when))
    assert p4verify("check", paths[0], "--against", paths[1]).code == 1
    assert p4verify("check", paths[0], "--against", paths[2]).code == 0
