"""The codecs and the well-formedness check on the programs of others."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4verify.semantics.ir import codec_json, codec_netlink
from p4verify.semantics.ir.verify import verify
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.source import InputError, Unsupported
from tests.conftest import corpus_root
from tests.support.ir_nodes import same


def check(files: list[Path]) -> int:
    """How many of ``files`` are programs; each of them must survive both codecs and be well-formed."""
    programs = 0
    for file in files:
        try:
            program = load_program(str(file))
        except (InputError, Unsupported):
            continue
        programs += 1
        verify(program)
        assert same(codec_json.from_json(codec_json.to_json(program)), program), file
        assert same(codec_netlink.from_netlink(codec_netlink.to_netlink(program)), program), file
    return programs


@pytest.mark.corpus
def test_a_sample_of_the_corpus() -> None:
    files = sorted((corpus_root() / "p4c" / "p4_16_samples").rglob("*.p4"))[::25]
    assert check(files) > len(files) / 2


@pytest.mark.corpus
@pytest.mark.campaign
def test_the_whole_corpus() -> None:
    assert check(sorted(corpus_root().rglob("*.p4"))) > 4000
