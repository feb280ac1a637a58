"""`check` as a user runs it, on a small tree that has no record."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rebase.catalogue import CATALOGUE
from rebase.model import NAMESPACE
from unit.helpers import Run, write_tree

Check = Callable[..., Run]
INFO = "release/release-ai-model-serving-x86_64.json"
NO_RECORD = "error no-record: release/rebase.json: it is not there: nobody can tell what the tree"
WAIVER = '[[waivers]]\nid = "no-record"\nreason = "of another tool"\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_tree(
        tmp_path / "root",
        {
            "assets/kserve/kustomization.yaml": "resources: [a.yaml]\n",
            "assets/kserve/a.yaml": f"apiVersion: v1\nkind: Namespace\n"
            f"metadata: {{name: {NAMESPACE}}}\n",
            INFO: '{"release": {"base": "2.25.1"}, "images": {}}\n',
        },
    )


@pytest.fixture
def check(run: Callable[..., Run], root: Path, kustomize_path: Path) -> Check:
    """Runs it with a fake kustomize."""

    def check(*words: str) -> Run:
        return run("check", "--root", root, "--kustomize", kustomize_path, *words)

    return check


def test_findings_are_lines_and_fail(check: Check) -> None:
    said = check()
    assert said.code == 25
    first, *others = said.out.splitlines()
    assert first.startswith(NO_RECORD)
    assert others[-2:] == [
        "RHOAI 2.25.1: 1 error",
        "`rhoai-rebase check --explain ID` tells what a finding means and what to do",
    ]
    assert [line.split(": ")[1] for line in others if line.startswith("not checked: ")] == [
        *("edits", "images", "sizes of images"),
    ]
    assert any(line.startswith("core: 0.0 MB rendered of 4, ") for line in others)
    assert "\x1b" not in said.out
    assert said.err == "Rendering with kustomize v5.8.1\nChecking\n"


def test_without_findings_it_says_so(check: Check, root: Path) -> None:
    write_tree(root, {"rhoai-rebase.toml": WAIVER})
    said = check()
    assert said.code == 0, said.out
    assert said.out.splitlines()[0].startswith("waived no-record: release/rebase.json: ")
    assert said.out.splitlines()[0].endswith("  (of another tool)")
    assert said.out.endswith("\nRHOAI 2.25.1: 1 waived\n")


def test_quiet_tells_what_fails_and_nothing_else(check: Check, root: Path) -> None:
    said = check("--quiet")
    assert (said.code, said.err) == (25, "")
    assert said.out.startswith(NO_RECORD)
    assert said.out.count("\n") == 1
    write_tree(root, {"rhoai-rebase.toml": WAIVER})
    assert check("--quiet") == Run(0, "", "")


def test_strict_lets_warnings_fail(check: Check, root: Path) -> None:
    budget = "[budgets.core]\nrender-memory-mb = 0.5\n"
    write_tree(root, {"rhoai-rebase.toml": WAIVER + budget})
    said = check()
    assert said.code == 0
    assert said.out.startswith("warning render-memory: core: ")
    assert "\nRHOAI 2.25.1: 1 warning, 1 waived\n" in said.out
    assert check("--quiet").out == ""
    strict = check("--strict", "--quiet")
    assert strict.code == 25
    assert strict.out.startswith("warning render-memory: core: ")


def test_everything_as_json(check: Check, root: Path) -> None:
    write_tree(root, {"rhoai-rebase.toml": "[budgets.core]\nrender-memory-mb = 0.5\n" + WAIVER})
    said = check("--json")
    assert said.code == 0
    found: dict[str, Any] = json.loads(said.out)
    assert {name: type(value).__name__ for name, value in found.items()} == {
        "version": "str",
        "ok": "bool",
        "errors": "int",
        "warnings": "int",
        "findings": "list",
        "waived": "list",
        "not_checked": "list",
        "costs": "dict",
        "budgets": "dict",
    }
    (finding,) = found["findings"]
    assert set(finding) == {"id", "level", "where", "message", "title"}
    assert (finding["id"], finding["level"], finding["where"]) == (
        *("render-memory", "warning"),
        "core",
    )
    (waived,) = found["waived"]
    assert waived["reason"] == "of another tool"
    assert all(set(note) == {"what", "why", "ids"} for note in found["not_checked"])
    assert set(found["costs"]["core"]) == {"rendered_bytes", "seconds", "peak_bytes"}
    assert found["budgets"]["core"]["render_memory_mb"] == 0.5


@pytest.mark.parametrize("check_id", CATALOGUE)
def test_each_id_is_explained(run: Callable[..., Run], check_id: str) -> None:
    said = run("check", "--explain", check_id)
    assert (said.code, said.err) == (0, "")
    head, blank, *text = said.out.splitlines()
    entry = CATALOGUE[check_id]
    assert (head, blank) == (f"{check_id} ({entry.level}): {entry.title}", "")
    assert " ".join(text) == entry.text
    assert all(len(line) <= 90 for line in text)


def test_ids_are_listed_on_demand_and_for_one_that_there_is_not(run: Callable[..., Run]) -> None:
    listed = run("check", "--list")
    assert (listed.code, listed.err) == (0, "")
    assert [line.split()[0] for line in listed.out.splitlines()] == list(CATALOGUE)
    unknown = run("check", "--explain", "nonsense")
    assert (unknown.code, unknown.out) == (2, "")
    assert "there is no finding nonsense" in unknown.err
    assert all(check_id in unknown.err for check_id in CATALOGUE)


def test_help_has_examples(run: Callable[..., Run]) -> None:
    said = run("check", "--help")
    assert said.code == 0
    assert "rhoai-rebase check --explain" in said.out.partition("Examples:")[2]


def test_colours_are_for_terminals_and_not_for_those_who_want_none(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("click._compat.isatty", lambda stream: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_: False)
    assert check("--quiet").out.startswith("\x1b[31merror no-record")
    monkeypatch.setenv("NO_COLOR", "1")
    assert check("--quiet").out.startswith(NO_RECORD)


def test_an_empty_tree_has_no_record(check: Check, root: Path) -> None:
    for name in ("assets/kserve/kustomization.yaml", "assets/kserve/a.yaml", INFO):
        (root / name).unlink()
    said = check()
    assert said.code == 25
    assert said.out.startswith(NO_RECORD)
    assert "\nthe tree: 1 error\n" in said.out


def test_a_release_info_that_is_none_is_a_finding_among_others(check: Check, root: Path) -> None:
    write_tree(root, {INFO: "[]"})
    said = check("--quiet")
    assert f"error release-info: {INFO}: it cannot be read: " in said.out
    assert NO_RECORD in said.out
