"""`diff` as a user runs it: what goes where, and with which exit code."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from oci_layout import Layer, write_image

from rebase.model import NAMESPACE, PACKAGE
from unit.helpers import Run, executable, pinned, read_tree, write_tree
from unit.test_cli import write_bundle
from unit.test_sides import archive

Diff = Callable[..., Run]
SAME, DIFFERENT = 0, 1
KSERVE = "assets/kserve"
DEVICE = f"usr/lib/microshift/manifests.d/010-{PACKAGE}-kserve"


def service(name: str, kind: str = "Service") -> str:
    return f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: '{name}', namespace: {NAMESPACE}}}\n"


def part(directory: str, *objects: str) -> dict[str, str | bytes]:
    return {
        f"{directory}/kustomization.yaml": "resources: [a.yaml]\n",
        f"{directory}/a.yaml": "---\n".join(objects),
    }


@pytest.fixture
def diff(run: Callable[..., Run], on_path: Path, tmp_path: Path, kustomize_path: Path) -> Diff:
    """Runs it below a directory with the trees `old`, `same` and `new`, without git."""
    write_tree(tmp_path / "old", part(KSERVE, service("a")))
    write_tree(tmp_path / "same", part(KSERVE, service("a")))
    write_tree(tmp_path / "new", part(KSERVE, service("a"), service("[bold]b")))

    def diff(*words: object) -> Run:
        sides = [str(tmp_path / word) if word in ("old", "same", "new") else word for word in words]
        return run("diff", "--root", tmp_path, "--kustomize", kustomize_path, *sides)

    return diff


def test_the_same(diff: Diff, tmp_path: Path) -> None:
    before = read_tree(tmp_path)
    said = diff("old", "same")
    assert said.code == SAME, said.err
    assert said.out.startswith(f"What is different\n{tmp_path}/old → {tmp_path}/same\n")
    assert "  = both sides ship the same\n" in said.out
    assert "\x1b" not in said.out
    assert said.err == "Comparing\n"
    assert read_tree(tmp_path) == before


def test_different(diff: Diff) -> None:
    said = diff("old", "new")
    assert said.code == DIFFERENT, said.err
    assert "  1 object: 1 added\n" in said.out
    assert "\n  + Service [bold]b  kserve\n" in said.out


@pytest.mark.parametrize(
    ("words", "start"),
    [
        (("--json", "old", "new"), "{\n"),
        (("old", "--json", "new"), "{\n"),
        (("old", "new", "--json"), "{\n"),
        (("old", "new", "--markdown"), "# What is different\n"),
        (("old", "new", "--html"), "<!doctype html>\n"),
        (("old", "new", "--html", "--markdown", "--json"), "{\n"),
    ],
)
def test_forms_on_stdout(diff: Diff, words: tuple[str, ...], start: str) -> None:
    """Options may stand anywhere; of several forms the last one counts."""
    said = diff(*words)
    assert said.code == DIFFERENT, said.err
    assert said.out.startswith(start)
    if "--json" in words:
        assert json.loads(said.out)["objects"]["added"][0]["name"] == "[bold]b"
    assert said.err == "Comparing\n"


def test_reports_as_files(diff: Diff, tmp_path: Path) -> None:
    files = [tmp_path / f"report{suffix}" for suffix in (".md", ".html", ".json")]
    words = [word for file in files for word in ("--report", file)]
    said = diff("old", "new", *words)
    assert said.code == DIFFERENT, said.err
    assert said.out.startswith("What is different\n")
    for file, form in zip(files, ("--markdown", "--html", "--json"), strict=True):
        assert file.read_text() == diff("old", "new", form).out


@pytest.mark.parametrize(("other", "code"), [("same", SAME), ("new", DIFFERENT)])
def test_quiet_says_nothing_but_what_was_asked_for(
    diff: Diff, tmp_path: Path, other: str, code: int
) -> None:
    assert diff("old", other, "--quiet") == Run(code, "", "")
    said = diff("old", other, "--quiet", "--json", "--report", tmp_path / "a.md")
    assert (said.code, said.err) == (code, "")
    assert json.loads(said.out)["same"] is (code == SAME)
    assert (tmp_path / "a.md").is_file()


def test_measured(diff: Diff) -> None:
    said = diff("old", "new", "--measure", "--json")
    costs = json.loads(said.out)["new"]["costs"]["kserve"]
    assert costs["seconds"] > 0
    assert costs["peak_bytes"] > 0


# What fails


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "Missing argument 'OLD'"),
        (("old",), "Missing argument 'NEW'"),
        (("old", "new", "more"), "unexpected extra argument"),
        (("old", "new", "--nonsense"), "No such option"),
        (("old", "new", "--report", "a.pdf"), "--report a.pdf: the suffix says which form"),
        (("old", "new", "--report", "/gone/a.md"), "/gone is not a directory"),
        (("old", "nothing"), "nothing is no file, no directory and no commit"),
        (("nothing.rpm", "new"), "nothing.rpm: no such file or directory"),
        (("old", "new", "--operator-image", "a.io/b:1"), "new is no bundle"),
        (("old", "new", "--old-module-image", "a.io/b:1"), "old is no bundle"),
    ],
)
def test_usage_errors(diff: Diff, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    before = read_tree(tmp_path)
    said = diff(*words)
    assert (said.code, said.out) == (2, "")
    assert told in said.err
    assert "Traceback" not in said.err
    assert read_tree(tmp_path) == before


def test_a_directory_that_ships_nothing(diff: Diff, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    said = diff("old", tmp_path / "empty")
    assert (said.code, said.out) == (2, "")
    assert f"error: {tmp_path}/empty ships nothing of ours" in said.err
    assert "hint: " in said.err


def test_sides_without_a_common_part(diff: Diff, tmp_path: Path) -> None:
    write_tree(tmp_path / "core", part(DEVICE, service("a")))
    llm_d = DEVICE.replace("010", "030").replace("kserve", "llm-d")
    write_tree(tmp_path / "llm-d", part(llm_d, service("b")))
    said = diff(tmp_path / "core", tmp_path / "llm-d")
    assert (said.code, said.out) == (2, "")
    assert f"{tmp_path}/core has kserve; {tmp_path}/llm-d has llm-d" in said.err


def test_without_kustomize(diff: Diff, tmp_path: Path) -> None:
    said = diff("old", "new", "--kustomize", tmp_path / "gone")
    assert (said.code, said.out) == (3, "")
    assert "kustomize" in said.err
    assert "hint: " in said.err


def test_what_does_not_render(diff: Diff, tmp_path: Path) -> None:
    (tmp_path / "new" / KSERVE / "a.yaml").unlink()
    said = diff("old", "new")
    assert (said.code, said.out) == (25, "")
    assert f"error: {tmp_path}/new: assets/kserve does not render\n" in said.err
    assert "a.yaml" in said.err


def test_broken_json_names_its_side(diff: Diff, tmp_path: Path) -> None:
    write_tree(tmp_path, {"new/release/release-ai-model-serving-x86_64.json": "{"})
    said = diff("old", "new")
    assert (said.code, said.out) == (22, "")
    assert f"{tmp_path}/new: release/release-ai-model-serving-x86_64.json is no" in said.err


# Sides


def test_a_package_and_the_tree_that_it_is_of(diff: Diff, on_path: Path, tmp_path: Path) -> None:
    script = '#!/bin/sh\n/bin/cp "$2" "$2.tar"\n'
    executable(on_path, "rpm2archive", script)
    files = part(f"./{DEVICE}", service("a"))
    data = archive(texts={path: str(text) for path, text in files.items()})
    (tmp_path / "a.rpm").write_bytes(data)
    said = diff(tmp_path / "a.rpm", "old")
    assert said.code == SAME, said.err
    assert "\nOnly kserve can be compared. " in said.out


@pytest.fixture
def bundle(skopeo: Callable[..., Path], tmp_path: Path) -> list[str]:
    """The small bundle of the command line's tests, as a side and its option."""
    skopeo()
    write_bundle(tmp_path)
    return [f"oci:{tmp_path}/bundle:image", f"oci:{tmp_path}/operator:image"]


def test_a_bundle_and_the_tree_that_it_gives(
    diff: Diff, run: Callable[..., Run], kustomize_path: Path, tmp_path: Path, bundle: list[str]
) -> None:
    name, operator = bundle
    root = tmp_path / "root"
    root.mkdir()
    options: list[Any] = ["--kustomize", kustomize_path, "--root", root]
    assert run("to", name, "--operator-image", operator, *options).code == 0
    before = read_tree(root)
    said = diff(root, name, "--operator-image", operator)
    assert said.code == SAME, said.err
    assert said.out.startswith(f"RHOAI 2.25.1\n{root} → {name}\n")
    assert diff(name, root, "--old-operator-image", operator).code == SAME
    image = f"ovms-image={pinned('mine')}"
    said = diff(root, name, "--operator-image", operator, "--image", image)
    assert said.code == DIFFERENT
    assert "  1 image: 1 changed\n" in said.out
    assert read_tree(root) == before


def test_a_bundle_that_fails_is_named(diff: Diff, tmp_path: Path, bundle: list[str]) -> None:
    name, _ = bundle
    said = diff("old", name, "--operator-image", f"oci:{tmp_path}/gone:image")
    assert (said.code, said.out) == (10, "")
    assert f"error: {name}: oci:{tmp_path}/gone:image: " in said.err
    assert said.err.splitlines()[-1].startswith("hint: ")


def test_images_that_no_record_tells_of(
    diff: Diff, skopeo: Callable[..., Path], tmp_path: Path
) -> None:
    """The registries are asked about both sides' images once; what they lack is a warning."""
    write_image(tmp_path / "image", [Layer().file("a", b"a")], labels={"version": "v9"})
    log = skopeo(layouts={f"docker://{pinned('a')}": str(tmp_path / "image")})
    info = "release/release-ai-model-serving-x86_64.json"
    for side, other in (("old", "b"), ("new", "c")):
        images = {"a": pinned("a"), "other": pinned(other)}
        text = json.dumps({"release": {"base": "3.4.0"}, "images": images})
        write_tree(tmp_path / side, {info: text})
    said = diff("old", "new", "--verify-images", "--json")
    assert said.code == DIFFERENT, said.err
    for side in ("old", "new"):
        found = json.loads(said.out)[side]["images"]
        assert found["a"]["label"] == "v9"
        assert found["a"]["sizes"]["x86_64"] > 0
        assert found["other"]["sizes"] == {}
    assert said.err.count("warning: registry.example.com/test/") == 2
    assert said.err.count("Asking the registries for x86_64 images\n") == 1
    assert log.read_text().splitlines().count("OpenImage") == 3
