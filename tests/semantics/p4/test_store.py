"""Included files on disk: found again by content, never trusted, safe to delete, safe for many processes at once."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from p4verify.semantics import ir
from p4verify.semantics.p4 import parser, preprocess, store, syntax, tree
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.source import InputError

PROGRAM = """#include <core.p4>
#include "types.p4"
control c(inout type_t x) { apply { x = VALUE; } }
control proto(inout type_t x);
package top(proto p);
top(c()) main;
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of entries, and a process that knows nothing yet."""
    folder = tmp_path / "entries"
    monkeypatch.setenv(store.VARIABLE, str(folder))
    forget()
    yield folder
    forget()


def forget() -> None:
    """As in a new process."""
    preprocess._memo.clear()
    parser._parsed.clear()


def program(folder: Path, types: str = "typedef bit<8> type_t;\n#define VALUE 1\n") -> str:
    (folder / "types.p4").write_text(types)
    (folder / "main.p4").write_text(PROGRAM)
    return str(folder / "main.p4")


def shown(program: syntax.Program) -> str:
    """Everything in a tree, with its places."""
    made = []
    for node in tree.walk(program):
        values = [getattr(node, name) for name in tree.field_names(type(node))]
        made.append(f"{node!r} {[v for v in values if isinstance(v, str | int | None)]}")
    return "\n".join(made)


def parsed(path: str, *dirs: str, defines: tuple[str, ...] = ()) -> str:
    forget()
    return shown(parser.parse_program(path, dirs, defines))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The included files that were scanned rather than taken from the store."""
    names: list[str] = []
    real = preprocess.Preprocessor._read

    def spy(self: preprocess.Preprocessor, path: str, *rest: object) -> preprocess.Chunk:
        names.append(os.path.basename(path))
        return real(self, path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(preprocess.Preprocessor, "_read", spy)
    return names


def test_what_was_read_once_is_not_read_again(home: Path, tmp_path: Path, read: list[str]) -> None:
    path = program(tmp_path)
    first = parsed(path)
    assert read == ["core.p4", "types.p4"]
    assert parsed(path) == first
    assert len(read) == 2
    assert load_program(path).controls[0].params[0].type == ir.bits(8)
    assert all(len(p.name) == 64 for p in home.iterdir())


def test_entries_are_found_by_content(home: Path, tmp_path: Path, read: list[str]) -> None:
    path = program(tmp_path)
    parsed(path)
    program(tmp_path, "typedef bit<16> type_t;\n#define VALUE 2\n")
    assert "[16, None" in parsed(path)
    assert read == ["core.p4", "types.p4", "types.p4"]
    program(tmp_path)
    assert "[16, None" not in parsed(path)
    assert len(read) == 3


def test_macros_and_includes_within_includes_count(home: Path, tmp_path: Path, read: list[str]) -> None:
    text = '#include "width.p4"\n#ifdef WIDE\ntypedef bit<64> type_t;\n#else\ntypedef bit<WIDTH> type_t;\n#endif\n'
    path = program(tmp_path, text + "#define VALUE 1\n")
    (tmp_path / "width.p4").write_text("#define WIDTH 9\n")
    assert "[9, None" in parsed(path)
    (tmp_path / "width.p4").write_text("#define WIDTH 11\n")
    assert "[11, None" in parsed(path)
    assert "[64, None" in parsed(path, defines=("WIDE",))
    (tmp_path / "width.p4").unlink()
    with pytest.raises(InputError, match=r"width\.p4"):
        parsed(path)


def test_a_file_that_is_now_found_earlier_counts(home: Path, tmp_path: Path) -> None:
    path = program(tmp_path, "#include <more.p4>\n")
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    (second / "more.p4").write_text("typedef bit<5> type_t;\n#define VALUE 1\n")
    assert "[5, None" in parsed(path, str(first), str(second))
    (first / "more.p4").write_text("typedef bit<6> type_t;\n#define VALUE 1\n")
    assert "[6, None" in parsed(path, str(first), str(second))


class Evil:
    """What a foreign entry might try."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch evil",)


def whole(payload: bytes) -> bytes:
    return hashlib.sha256(payload).digest() + payload


DAMAGE = {
    "cut off": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "changed": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "no pickle": lambda data: whole(b"nonsense"),
    "something else": lambda data: whole(pickle.dumps(("a", 1))),
    "foreign objects": lambda data: whole(pickle.dumps(Evil())),
    "a name with dots": lambda data: whole(b"\x80\x04\x8c\x1bp4verify.semantics.p4.store\x8c\x09os.getcwd\x93)R."),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_entries_are_ignored_and_written_anew(
    damage: str, home: Path, tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = program(tmp_path)
    first = parsed(path)
    good = {entry: entry.read_bytes() for entry in home.iterdir()}
    for entry, data in good.items():
        entry.write_bytes(DAMAGE[damage](data))
    assert parsed(path) == first
    assert read == ["core.p4", "types.p4"] * 2
    assert parsed(path) == first
    assert len(read) == 4
    assert set(home.iterdir()) == set(good)
    assert not (tmp_path / "evil").exists()


def test_classes_of_the_front_end_only(home: Path) -> None:
    for thing in (Evil(), Path("x"), os.getcwd, preprocess.preprocess):
        with pytest.raises(pickle.UnpicklingError):
            store.unpacked(pickle.dumps(thing))


def test_without_a_folder_everything_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program(tmp_path)
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    results = []
    for value in ("off", "0", str(in_the_way), str(in_the_way / "below"), "/proc/none"):
        monkeypatch.setenv(store.VARIABLE, value)
        results.append(parsed(path))
    assert all(result == results[0] for result in results)
    assert in_the_way.read_text() == ""


def test_the_place_of_entries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(store.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert store.folder() == tmp_path / "p4verify"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert store.folder() == tmp_path / "home" / ".cache" / "p4verify"
    monkeypatch.setenv(store.VARIABLE, "OFF")
    assert store.folder() is None


def test_the_folder_may_be_deleted_at_any_time(home: Path, tmp_path: Path) -> None:
    path = program(tmp_path)
    first = parsed(path)
    forget()
    source = preprocess.preprocess(path)
    for entry in home.iterdir():
        entry.unlink()
    home.rmdir()
    assert [t.text for t in source.tokens] == [t.text for t in preprocess.preprocess(path).tokens]
    assert parsed(path) == first
    assert home.is_dir()


def test_old_entries_are_thinned_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_ENTRIES", 8)
    for i in range(40):
        store.save(store.key_of(i), i)
        os.utime(home / store.key_of(i), (i, i))
        assert len(list(home.iterdir())) <= 8
    assert store.load(store.key_of(39)) == 39


def _work(path: str) -> str:
    forget()
    return hashlib.sha256(shown(parser.parse_program(path)).encode()).hexdigest()


def test_many_processes_at_once(home: Path, tmp_path: Path) -> None:
    path = program(tmp_path)
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        results = pool.map(_work, [path] * 12, chunksize=1)
    assert len(set(results)) == 1
    assert results[0] == _work(path)
    assert not list(home.glob(".new-*"))


def test_errors_in_included_files_are_told_every_time(home: Path, tmp_path: Path) -> None:
    path = program(tmp_path, "typedef bit<8 type_t;\n")
    told = []
    for _ in range(3):
        with pytest.raises(InputError) as caught:
            parsed(path)
        told.append(str(caught.value))
    assert told[0] == told[1] == told[2]
    assert "types.p4:1" in told[0]
