"""The programs of others: they parse, come back from the printer, and broken they are refused.

Every day a sample of them; ``-m campaign`` walks all.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from p4verify.semantics.p4 import tree
from p4verify.semantics.p4.lexer import scan
from p4verify.semantics.p4.parser import parse_program, parse_text
from p4verify.semantics.p4.preprocess import SHIPPED, preprocess
from p4verify.semantics.p4.printer import to_text
from p4verify.semantics.source import Diagnostic, InputError

CORPUS = Path(os.environ.get("P4VERIFY_CORPUS", Path(__file__).resolve().parents[3].parent / "shared" / "corpus"))
VALID = ("p4_16_samples", "p4_16_samples_outputs", "p4tc_samples", "p4tc_samples_outputs")
pytestmark = pytest.mark.corpus

NO_PROGRAM = {
    **dict.fromkeys(
        [
            "checksum",
            "packetio",
            "port_counter",
            "int_main",
            "int_report",
            "int_sink",
            "int_source",
            "int_transit",
            "parser",
            "spgw",
        ],
        "a part of a program, included by another after what it needs",
    ),
}
"""What is in the folders of valid programs and is none, by name."""


def programs(*folders: str) -> list[Path]:
    """The programs of the corpus. Empty files are what a compiler wrote for a program that became nothing."""
    found = [path for folder in folders for path in (CORPUS / "p4c" / folder).rglob("*.p4")]
    return sorted(path for path in found if path.stat().st_size)


def excused(path: Path) -> bool:
    part = "outputs" in path.parent.name or "include" in path.parts
    return path.stem in NO_PROGRAM and part


def sample(paths: list[Path], size: int) -> list[Path]:
    """The same programs each day."""
    return sorted(random.Random(2026).sample(paths, min(size, len(paths))))


def check_round_trip(path: Path) -> None:
    program = parse_program(str(path))
    again = parse_text(to_text(program), "printed.p4")
    assert tree.difference(program, again) is None, path


def refusal(path: Path, text: str) -> list[Diagnostic]:
    """What is wrong with a program."""
    try:
        parse_text(text, str(path))
    except InputError as error:
        str(error).encode()
        return error.diagnostics
    return []


def failures(paths: list[Path]) -> list[str]:
    wrong = []
    for path in paths:
        try:
            check_round_trip(path)
        except InputError as error:
            if not excused(path):
                wrong.append(str(error))
    return wrong


@pytest.mark.long
def test_programs_parse_and_come_back() -> None:
    assert failures(sample(programs(*VALID), 300)) == []


@pytest.mark.campaign
def test_all_programs_parse_and_come_back() -> None:
    assert failures(programs(*VALID)) == []


def test_programs_with_mistakes_parse_or_are_refused() -> None:
    paths = programs("p4_16_errors")
    refused = [diagnostics for path in paths if (diagnostics := refusal(path, path.read_text(errors="replace")))]
    assert all(len(diagnostics) <= 20 and all(d.span.file for d in diagnostics) for diagnostics in refused)
    assert len(refused) < len(paths) / 4  # the others are wrong in meaning, not in syntax


def preprocessed_alike(path: Path) -> bool:
    command = ["cpp", "-C", "-P", "-undef", "-nostdinc", "-x", "assembler-with-cpp", "-I", SHIPPED, str(path)]
    theirs = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    kept = "\n".join("" if line.startswith("#") else line for line in theirs.split("\n"))
    pairs = (list(preprocess(str(path)).tokens), scan(kept))
    ours, others = ([re.sub(r"\n+", "\n", token.text) for token in tokens] for tokens in pairs)  # -P drops empty lines
    return ours == others


@pytest.mark.long
@pytest.mark.skipif(shutil.which("cpp") is None, reason="there is no cpp to compare with")
def test_preprocessed_as_the_c_preprocessor_does() -> None:
    directives = re.compile(r"^\s*#\s*(define|if|line)", re.MULTILINE)
    paths = [path for path in programs("p4_16_samples") if directives.search(path.read_text(errors="replace"))]
    assert [path for path in paths if not preprocessed_alike(path)] == []


# --- Broken programs -------------------------------------------------------------------------------------------------

STRAY = ["{", "}", "(", ")", "<", ">", ";", "@", "#", '"', "/*", "struct", "if", "[", "..", "transition",
         "\n#if X\n", "\n#define bit bits\n", "\0", "\ufffd", "é"]  # fmt: skip


def broken(text: str, dice: random.Random) -> str:
    """The program with some accident."""
    words = re.findall(r"\w+|\s+|.", text, re.DOTALL)
    place = dice.randrange(len(words))
    match dice.choice(["delete", "double", "swap", "cut", "bytes", "stray", "many"]):
        case "delete":
            del words[place]
        case "double":
            words.insert(place, words[place])
        case "swap":
            other = dice.randrange(len(words))
            words[place], words[other] = words[other], words[place]
        case "cut":
            del words[place:]
        case "bytes":
            for _ in range(5):
                words[dice.randrange(len(words))] = chr(dice.randrange(1, 300))
        case "stray":
            words.insert(place, dice.choice(STRAY))
        case "many":
            for _ in range(min(20, len(words))):
                del words[dice.randrange(len(words))]
    return "".join(words)


def survive(count: int, seed: int) -> None:
    dice = random.Random(seed)
    paths = programs("p4_16_samples")
    for _ in range(count):
        path = dice.choice(paths)
        text = broken(path.read_text(errors="replace"), dice)
        start = time.process_time()
        assert len(refusal(path, text)) <= 20
        assert time.process_time() - start < 5, path


def test_accidents_are_survived() -> None:
    survive(300, 1)


@pytest.mark.campaign
def test_many_accidents_are_survived() -> None:
    survive(20_000, 2)
