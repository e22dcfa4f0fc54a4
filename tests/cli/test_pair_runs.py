"""Pairs of programs that differ where no proof gets: random runs show it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command

MIXED = """
        bit<64> x = h.h.a * 0x9E3779B97F4A7C15 + h.h.b;
        x = (x ^ (x >> 29)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 32)) * (x | 1);
        x = (x ^ (x >> 31)) * 0x94D049BB133111EB;
        bit<8> unset;
        if (x[63:56] == 5) {{ h.h.c = {value}; }}
"""
"""One of 256 inputs is in the branch, and a solver has to find the factors of it."""

HEADERS = """#include <core.p4>
header h_t {{ bit<64> a; bit<64> b; bit<8> c; }}
struct headers {{ h_t h; }}
struct meta_t {{ }}
"""

V1MODEL = (
    "#include <v1model.p4>\n"
    + HEADERS
    + """
parser p(packet_in pk, out headers h, inout meta_t m, inout standard_metadata_t s) {{
    state start {{ pk.extract(h.h); transition accept; }}
}}
control v(inout headers h, inout meta_t m) {{ apply {{ }} }}
control i(inout headers h, inout meta_t m, inout standard_metadata_t s) {{
    apply {{ s.egress_spec = 1; """
    + MIXED
    + """ }}
}}
control e(inout headers h, inout meta_t m, inout standard_metadata_t s) {{ apply {{ }} }}
control c(inout headers h, inout meta_t m) {{ apply {{ }} }}
control d(packet_out pk, in headers h) {{ apply {{ pk.emit(h.h); }} }}
V1Switch(p(), v(), i(), e(), c(), d()) main;
"""
)

OWN = (
    HEADERS
    + """
control i(inout headers h) {{ apply {{ """
    + MIXED
    + """ }} }}
control block(inout headers h);
package Top(block b);
Top(i()) main;
"""
)


@pytest.mark.long
@pytest.mark.parametrize(("text", "confirmed"), [(V1MODEL, "interpreter of both programs"), (OWN, "meaning")])
def test_a_difference_behind_what_no_solver_inverts_is_found(
    p4verify: Command, tmp_path: Path, text: str, confirmed: str
) -> None:
    result = _checked(p4verify, tmp_path, text, "1", "2")
    assert result["verdict"] == "reject", result["reason"]
    seen = result["counterexample"]["confirmed_by"]
    assert any(confirmed in one for one in seen)


@pytest.mark.long
def test_what_the_first_program_leaves_open_there_is_none(p4verify: Command, tmp_path: Path) -> None:
    """What the second one writes may have been there. The other way round it is one."""
    assert _checked(p4verify, tmp_path, V1MODEL, "unset", "2", seconds=5)["verdict"] != "reject"
    assert _checked(p4verify, tmp_path, V1MODEL, "2", "unset")["verdict"] == "reject"


def _checked(p4verify: Command, folder: Path, text: str, *values: str, seconds: int = 60) -> dict[str, object]:
    paths = [folder / "a.p4", folder / "b.p4"]
    for path, value in zip(paths, values, strict=True):
        path.write_text(text.format(value=value))
    ended = p4verify("check", paths[0], "--against", paths[1], "--timeout", seconds, "--no-cache", "--format", "json")
    (result,) = ended.json()["results"]
    return result  # type: ignore[no-any-return]
