"""Directives, macros and includes; the C preprocessor is the judge where there is one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from p4verify.semantics.p4.lexer import scan
from p4verify.semantics.p4.preprocess import SHIPPED, Preprocessed, preprocess
from p4verify.semantics.source import InputError

CPP = shutil.which("cpp")


def texts(text: str, **options: object) -> list[str]:
    return [token.text for token in preprocess("f.p4", text=text, **options).tokens]  # type: ignore[arg-type]


def errors(text: str) -> list[tuple[int, int, str]]:
    with pytest.raises(InputError) as caught:
        preprocess("f.p4", text=text)
    return [(d.span.line, d.span.column, d.message) for d in caught.value.diagnostics]


def run(tmp_path: Path, **files: str) -> Preprocessed:
    """Preprocess main.p4 with other files beside it (a name's ``_`` is a dot)."""
    for name, text in files.items():
        (tmp_path / name.replace("_", ".")).write_text(text)
    return preprocess(str(tmp_path / "main.p4"))


CHAIN = """#define x 3
#define f(a) f(x * (a))
#undef x
#define x 2
#define g f
#define z z[0]
#define h g(~
#define m(a) a(w)
#define w 0,1
#define t(a) a
f(y+1) + f(f(z)) % t(t(g)(0) + t)(1);
g(x+(3,4)-w) | h 5) & m(f)^m(m);"""

MACROS = [
    "#define W 8\nbit<W> x;",
    "#define A B\n#define B A\nA B",
    "#define f(x) x + x\nf(1) f (f(2)) f\n(3) f",
    "#define f(x, y) x ## y\nf(a, b) f(8w, 0xFF) f(, a) f(a, ) f(f, (1, 2))",
    '#define s(x) #x\ns(a  +  b) s("q\\n") s() s( a   b )',
    CHAIN,
    "#define EMPTY\nEMPTY a EMPTY b\n#define p() q\np() p ( ) p",
    "#define v(fmt, ...) log(fmt, __VA_ARGS__)\nv(1, 2, 3) v(1, 2)",
    "#define long a \\\n  b \\\n  c\nlong",
    "#define cat(a, b) a ## b\n#define xcat(a, b) cat(a, b)\nxcat(xcat(1, 2), 3)",
    "#define LPAREN (\n#define g(x) <x>\ng LPAREN 1) g(LPAREN 1 ))",
    "#define key 3\nkey keys bit\n#define bit int\nbit",
    "#if 0\n'unbalanced \" stuff\n#endif\na",
    "#if 1\na\n#elif 1\nb\n#else\nc\n#endif",
    "#if 0\na\n#elif 0\nb\n#elif 2\nc\n#elif 1\nd\n#else\ne\n#endif",
    "#ifdef X\na\n# if 1\nb\n# else\nc\n# endif\n#else\nd\n#endif",
    "#ifndef X\n#define X\na\n#endif\n#ifndef X\nb\n#endif",
    "#define V 20200408\n#if V >= 20200408 && defined(V) && !defined W\nnew\n#else\nold\n#endif",
    "#if 0 /* a\n comment */\na\n#endif /* another\n one */ b\nc",
    "#if (1 ? 2 : 0/0) == 2 && (0 && 1/0) == 0 && -1 < 0\na\n#endif",
    "#if 0xF == 15 && 010 == 8 && 1 << 3 == 8 && ~0 == -1\na\n#endif",
    "#if -1 > 0u\nunsigned\n#endif\n#if 7 / -2 == -3 && 7 % -2 == 1 && -7 % 2 == -1\nc division\n#endif",
    "#if 1 + 2 * 3 == 7 && (1 + 2) * 3 == 9 && 8 >> 1 == 4 && (1 | 2 ^ 3 & 1) == 3 && 1 < 2 == 1\na\n#endif",
    "#if UNKNOWN || UNKNOWN + 0\na\n#else\nb\n#endif",
    '#pragma anything goes "here\nx',
    "a # b",
    "__LINE__ a\n\n__LINE__",
    "#define L __LINE__\n\nL",
    "#\n# /* nothing */\na",
]


@pytest.mark.skipif(CPP is None, reason="there is no cpp to compare with")
@pytest.mark.parametrize("text", MACROS)
def test_as_the_c_preprocessor_does(text: str) -> None:
    assert CPP
    command = [CPP, "-C", "-P", "-undef", "-nostdinc", "-x", "assembler-with-cpp", "-"]
    theirs = subprocess.run(command, input=text, capture_output=True, text=True, check=False).stdout
    kept = "\n".join("" if line.startswith(("# ", "#pragma")) else line for line in theirs.split("\n"))
    assert texts(text) == [token.text for token in scan(kept)]


def test_definitions_from_outside() -> None:
    assert texts("A B C", defines=["A", "B=2"]) == ["1", "2", "C"]
    assert texts("A(3)", defines={"A(x)": "x+x"}) == ["3", "+", "3"]


def test_places_survive_macros_and_includes(tmp_path: Path) -> None:
    done = run(tmp_path, main_p4='#define f(x) x + one\n#include "inc.p4"\n  f(  two ) three', inc_p4="\n a")
    places = [(t.text, Path(t.span.file).name, t.span.line, t.span.column) for t in done.tokens]
    assert places == [
        ("a", "inc.p4", 2, 2),
        ("two", "main.p4", 3, 7),
        ("+", "main.p4", 3, 3),
        ("one", "main.p4", 3, 3),
        ("three", "main.p4", 3, 13),
    ]


def test_line_directive_names_the_lines() -> None:
    tokens = list(preprocess("f.p4", text='a\n#line 70 "g.p4"\nb\n\nc\n# 5 "h.p4"\nd').tokens)
    places = [(t.text, t.span.file, t.span.line) for t in tokens]
    assert places == [("a", "f.p4", 1), ("b", "g.p4", 70), ("c", "g.p4", 72), ("d", "h.p4", 5)]


def test_search_order(tmp_path: Path) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.p4").write_text(name)
    (tmp_path / "here" / "core.p4").write_text("mine")
    main = tmp_path / "here" / "main.p4"
    main.write_text('#include "x.p4"\n#include <x.p4>\n#include "core.p4"\n#define WHERE <x.p4>\n#include WHERE')
    tokens = [t.text for t in preprocess(str(main), [str(tmp_path / "there")]).tokens]
    assert tokens == ["here", "there", "mine", "there"]


def test_shipped_files_are_found() -> None:
    done = preprocess("f.p4", text="#include <core.p4>\n#include <v1model.p4>")
    assert {Path(name).parent for name in done.texts if name != "f.p4"} == {Path(SHIPPED)}


def test_include_guards_and_once(tmp_path: Path) -> None:
    guarded = "#ifndef G\n#define G\nguarded\n#endif"
    done = run(tmp_path, main_p4='#include "g.p4"\n#include "g.p4"\n#include "o.p4"\n#include "o.p4"', g_p4=guarded,
               o_p4="#pragma once\nonce")  # fmt: skip
    assert [t.text for t in done.tokens] == ["guarded", "once"]


def test_included_tokens_are_shared_until_something_changes(tmp_path: Path) -> None:
    main, inc = tmp_path / "main.p4", tmp_path / "inc.p4"
    main.write_text('#include "inc.p4"\n')
    inc.write_text("W")
    first = [chunk for chunk in preprocess(str(main)).chunks if chunk.shared]
    assert [chunk for chunk in preprocess(str(main)).chunks if chunk.shared] == first
    assert [t.text for t in preprocess(str(main), defines=["W=9"]).tokens] == ["9"]
    inc.write_text("changed")
    assert [t.text for t in preprocess(str(main)).tokens] == ["changed"]


def test_loops_end(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nested too deeply, probably in a loop") as caught:
        run(tmp_path, main_p4='#include "a.p4"\n', a_p4='#include "main.p4"\n#include "main.p4"\n')
    assert len(caught.value.diagnostics) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('\n  #include "gone.p4"\nx', (2, 12, "cannot find the included file 'gone.p4'")),
        ("#include <gone.p4>", (1, 10, "cannot find the included file 'gone.p4'")),
        ("#include", (1, 1, '#include needs "file" or <file>')),
        ("#include 3", (1, 1, '#include needs "file" or <file>')),
        ('#include ""', (1, 10, "the name of the included file is empty")),
        ("#if 1\na", (1, 1, "this #if has no #endif")),
        ("a\n#endif", (2, 1, "#endif without #if")),
        ("#else", (1, 1, "#else without #if")),
        ("#if 1\n#else\n#elif 1\n#endif", (3, 1, "#elif after #else")),
        ("#if\n#endif", (1, 1, "the condition is not complete")),
        ("#if 1 +\n#endif", (1, 1, "the condition is not complete")),
        ("#if 1 2\n#endif", (1, 7, "'2' is not expected in this condition")),
        ("#if (1\n#endif", (1, 1, "expected ')' in this condition, found the end of the line")),
        ("#if 1 / 0\n#endif", (1, 7, "division by zero in this condition")),
        ("#if defined\n#endif", (1, 1, "'defined' needs the name of a macro")),
        ('#if "a"\n#endif', (1, 5, "'\"a\"' is not expected in this condition")),
        ("#ifdef\n#endif", (1, 1, "#ifdef needs the name of a macro")),
        ("#define", (1, 1, "#define needs the name of a macro")),
        ("#define 3", (1, 9, "#define needs the name of a macro")),
        ("#define f(x", (1, 9, "the parameters of this macro are not a list of different names in parentheses")),
        ("#define f(x,x) x", (1, 9, "the parameters of this macro are not a list of different names in parentheses")),
        ("#define f ## x", (1, 11, "'##' cannot be at either end of a macro's body")),
        ("#define f(x) #y\nf(1)", (2, 1, "'#' is followed by 'y', which is no parameter of the macro")),
        ("#define f(x) x\nf(1, 2)", (2, 1, "macro 'f' takes 1 argument, 2 given")),
        ("#define f(x) x\nf(1", (2, 1, "the arguments of macro 'f' have no closing parenthesis")),
        ("#line x", (1, 1, "#line needs the number of a line")),
        ("#undef", (1, 1, "#undef needs the name of a macro")),
    ],
)
def test_mistakes(text: str, expected: tuple[int, int, str]) -> None:
    assert errors(text) == [expected]


def test_error_and_warning_directives() -> None:
    done = preprocess("f.p4", text="#error one two\n#warning three\n#nonsense\n#define A 1\n#define A 2\nA")
    found = [(d.span.line, d.severity, d.message) for d in done.diagnostics]
    assert found == [
        (1, "error", "#error one two"),
        (2, "warning", "#warning three"),
        (3, "error", "unknown directive '#nonsense'"),
        (5, "warning", "macro 'A' is redefined"),
    ]


@pytest.mark.long
@pytest.mark.parametrize(
    "text",
    [
        "".join(f"#define a{i} a{i - 1} a{i - 1}\n" for i in range(1, 60)) + "a59",
        "#define f(x) x x\n" + "f(" * 3000 + "1" + ")" * 3000,
        "#if " + "(" * 5000 + "1" + ")" * 5000 + "\n#endif",
        "#if " + "1?" * 5000 + "1" + ":1" * 5000 + "\n#endif",
        "#if 1\n" * 5000,
    ],
    ids=["growth", "calls", "parentheses", "conditionals", "groups"],
)
def test_too_much_is_one_message(text: str) -> None:
    assert len(errors(text)) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b" \n\t\n", "the file is empty"),
        (b"\x7fELF\x00\x01", "is a binary file, not P4 source"),
        ("error { A }".encode("utf-16"), "is a binary file, not P4 source"),
    ],
)
def test_files_that_are_no_source(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "main.p4"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        preprocess(str(path))
    [diagnostic] = caught.value.diagnostics
    assert diagnostic.message.endswith(message)


def test_no_file_and_a_directory(tmp_path: Path) -> None:
    for path, message in [(tmp_path / "gone.p4", "No such file"), (tmp_path, "is a directory")]:
        with pytest.raises(InputError, match=message):
            preprocess(str(path))


def test_byte_order_mark_and_foreign_bytes(tmp_path: Path) -> None:
    path = tmp_path / "main.p4"
    path.write_bytes(b"\xef\xbb\xbfa // caf\xe9\n b")
    assert [(t.text, t.span.column) for t in preprocess(str(path)).tokens] == [("a", 1), ("b", 2)]


def test_directives_within_strings_take_effect() -> None:
    text = '"a\n#if 0\nb "\n#else\nc\n#endif\n# 70 "g.p4"\n"\nd'
    tokens = list(preprocess("f.p4", text=text).tokens)
    assert [(t.text, t.span.file, t.span.line) for t in tokens] == [('"a\n\nc\n\n\n"', "f.p4", 1), ("d", "g.p4", 71)]


def test_a_comment_may_stand_before_a_directive() -> None:
    assert texts("/* c */ # define A 1\nA") == ["1"]


def test_directives_before_the_first_token_take_effect() -> None:
    assert texts("#define A B\nA") == ["B"]
