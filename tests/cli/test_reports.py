"""Reports for machines: JUnit XML and SARIF 2.1.0 are what their readers take."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from .conftest import Command

File = Callable[[str], Path]


@pytest.fixture
def checked(p4verify: Command, example: File) -> Callable[[str, str], str]:
    """The report of a check that ends with the verdict named, in the form named."""

    def run(verdict: str, form: str) -> str:
        acl, router = example("acl.p4"), example("router.p4")
        arguments, code = {
            "accept": ((acl, "--target", "ebpf"), 0),
            "reject": ((acl, "--against", example("acl.wrong.tc"), "--rules", example("acl.rules.cli")), 1),
            "unsupported": ((router, "--target", "u32"), 3),
            "undecided": ((router, "--target", "ebpf", "--timeout", "0.01"), 4),
        }[verdict]
        ended = p4verify("check", *arguments, "--no-machines", "--format", form)
        assert ended.code == code
        assert ended.err == ""
        return ended.out

    return run


verdicts = pytest.mark.parametrize("verdict", ["accept", "reject", "unsupported", "undecided"])


@verdicts
def test_junit(checked: Callable[[str, str], str], verdict: str) -> None:
    root = ET.fromstring(checked(verdict, "junit"))
    assert root.tag == "testsuites"
    (suite,) = root
    assert suite.tag == "testsuite"
    assert suite.get("name")
    counts = {key: int(suite.get(key, "")) for key in ("tests", "failures", "errors", "skipped")}
    expected = {"accept": None, "reject": "failures", "unsupported": "skipped", "undecided": "errors"}[verdict]
    assert counts == {key: int(key in ("tests", expected)) for key in counts}
    (case,) = suite
    assert case.tag == "testcase"
    assert case.get("name")
    assert case.get("classname")
    assert float(case.get("time", "")) >= 0
    tags = {"failures": ["failure"], "skipped": ["skipped"], "errors": ["error"], None: []}[expected]
    assert [child.tag for child in case] == tags
    for child in case:
        assert child.get("message")
    if verdict == "reject":
        assert "packet:" in (case[0].text or "")


def sarif_result(text: str) -> dict[str, Any]:
    """The one result, after a look at what SARIF requires around it."""
    data = json.loads(text)
    assert data["version"] == "2.1.0"
    assert data["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = data["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "p4verify"
    rules = {rule["id"] for rule in driver["rules"]}
    assert len(rules) == len(driver["rules"])
    (result,) = run["results"]
    assert result["ruleId"] in rules
    assert result["message"]["text"]
    assert result["kind"] in ("pass", "fail", "open", "notApplicable", "review", "informational")
    assert result["level"] in ("none", "note", "warning", "error")
    assert result["level"] == "none" or result["kind"] == "fail"  # SARIF 3.27.10
    found: dict[str, Any] = result
    return found


@verdicts
def test_sarif(checked: Callable[[str, str], str], verdict: str) -> None:
    result = sarif_result(checked(verdict, "sarif"))
    kinds = {"accept": "pass", "reject": "fail", "unsupported": "notApplicable", "undecided": "open"}
    assert result["kind"] == kinds[verdict]
    assert result["level"] == ("error" if verdict == "reject" else "none")
    (location,) = result["locations"]
    place = location["physicalLocation"]
    assert place["artifactLocation"]["uri"]
    if verdict == "unsupported":
        assert place["region"]["startLine"] > 1
        assert place["region"]["startColumn"] >= 1


def test_sarif_uris_of_odd_names(p4verify: Command, example: File, tmp_path: Path) -> None:
    path = tmp_path / "an odd name, 100% [x].p4"
    path.write_text(example("acl.p4").read_text())
    result = sarif_result(p4verify("check", path, "--target", "ebpf", "--format", "sarif").out)
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert not set(uri) & set(' "<>[]^`{|}\\')
    assert unquote(uri) == str(path)


def test_junit_of_odd_names(p4verify: Command, example: File, tmp_path: Path) -> None:
    path = tmp_path / 'a <b> & "c" \x01.p4'
    path.write_text(example("acl.p4").read_text())
    root = ET.fromstring(p4verify("check", path, "--target", "ebpf", "--format", "junit").out)
    name = root[0].get("name") or ""
    assert '<b> & "c"' in name


@pytest.mark.parametrize("form", ["text", "json", "sarif", "junit"])
def test_reports_to_a_file(p4verify: Command, example: File, tmp_path: Path, form: str) -> None:
    arguments = ("check", example("acl.p4"), "--target", "ebpf", "--format", form)
    ended = p4verify(*arguments, "-o", tmp_path / "report")
    assert (ended.code, ended.out) == (0, "")
    written = (tmp_path / "report").read_text()
    assert written.endswith("\n")
    assert len(written.splitlines()) == len(p4verify(*arguments).out.splitlines())


def test_json_of_the_contract(checked: Callable[[str, str], str]) -> None:
    result = json.loads(checked("reject", "json"))["results"][0]
    found = result["counterexample"]
    assert set(found) >= {"packet", "port", "rules", "expected", "actual", "confirmed_by"}
    bytes.fromhex(found["packet"])
    for side in (found["expected"], found["actual"]):
        assert isinstance(side["dropped"], bool)
        assert isinstance(side["state"], dict)
        for output in side["outputs"]:
            bytes.fromhex(output["packet"])
            assert "port" in output


@pytest.mark.parametrize("form", ["text", "json", "sarif", "junit"])
def test_a_name_that_is_not_unicode(p4verify: Command, example: File, tmp_path: Path, form: str) -> None:
    path = tmp_path / b"\xff.p4".decode(errors="surrogateescape")
    path.write_text(example("acl.p4").read_text())
    arguments = ("check", path, "--target", "ebpf", "--format", form)
    assert p4verify(*arguments).code == 0
    assert p4verify(*arguments, "-o", tmp_path / "report").code == 0
    assert (tmp_path / "report").read_text()
