"""P4Info against the expected files of p4c: equal as messages, save for what is listed by name with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4verify.semantics import p4info
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.source import InputError, Unsupported
from tests.support.p4info_corpus import plain

pytestmark = pytest.mark.corpus

_OUTPUTS = "p4c/p4_16_samples_outputs"
_ARCH = "the program has a package of its own; the file was made with --arch v1model"

OTHERWISE = {
    "action_profile_max_group_size_annotation": "the program names two objects ap; the file has another name for one",
    "elimActRun1": _ARCH,
    "issue5035": _ARCH,
}
"""Programs whose P4Info differs."""

NOT_LOADED = {
    "array1": "an array of numbers in a header (P4-16 1.2.6)",
    "array2": "an array of numbers in a header (P4-16 1.2.6)",
    "gauntlet_various_ops-bmv2": "bitwise operators on int literals (P4-16 8.11.3)",
}
"""Programs that the front end does not take."""


def _expected(corpus: Path) -> list[Path]:
    return sorted((corpus / _OUTPUTS).rglob("*.p4.p4info.txtpb"))


def _name(file: Path, corpus: Path) -> str:
    return file.relative_to(corpus / _OUTPUTS).as_posix().removesuffix(".p4.p4info.txtpb")


def _compare(files: list[Path], corpus: Path) -> None:
    wrong: list[str] = []
    for file in files:
        name = _name(file, corpus)
        source = corpus / "p4c" / "p4_16_samples" / f"{name}.p4"
        try:
            program = load_program(str(source))
        except (InputError, Unsupported) as error:
            if name not in NOT_LOADED:
                wrong.append(f"{name}: {str(error).splitlines()[0]}")
            continue
        same = plain(p4info.to_text(program), name) == plain(file.read_text(), str(file))
        if not same and name not in OTHERWISE:
            wrong.append(f"{name}: differs")
    assert not wrong, "\n".join(wrong)


@pytest.mark.long
def test_a_sample_of_the_corpus(corpus: Path) -> None:
    files = _expected(corpus)
    assert len(files) > 400
    _compare(files[::8], corpus)


@pytest.mark.parametrize(
    "name",
    ["v1model-p4runtime-most-types1", "structured_annotations", "p4rt_digest_complex", "action_selector_shared-bmv2",
     "pvs-struct-2-bmv2", "pkginfo_annotation", "issue3329-bmv2", "psa-example-counters-bmv2", "issue2904",
     "fabric_20190420/fabric"],
)  # fmt: skip
def test_each_sort_of_object(corpus: Path, name: str) -> None:
    file = corpus / "p4c" / "p4_16_samples_outputs" / f"{name}.p4.p4info.txtpb"
    _compare([file], corpus)


@pytest.mark.campaign
def test_the_whole_corpus(corpus: Path) -> None:
    _compare(_expected(corpus), corpus)


def test_what_is_excused_exists(corpus: Path) -> None:
    known = {_name(f, corpus) for f in _expected(corpus)}
    assert set(OTHERWISE) | set(NOT_LOADED) <= known
