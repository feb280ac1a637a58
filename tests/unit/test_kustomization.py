"""Kustomizations as a graph: what an entry reaches, what is missing, what is refused."""

from pathlib import Path

import pytest

from rebase.errors import TreeError
from rebase.kustomization import DirectoryFiles, env_files, find, walk
from unit.helpers import tree, write_tree


def reached(files: dict[str, str], entry: str = "app") -> set[str]:
    found = walk(tree(files), entry)
    assert found.whole, found.missing
    return found.files


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("resources: [a.yaml]", "app/a.yaml"),
        ("bases: [../base]", "base/kustomization.yaml"),
        ("components: [../base]", "base/kustomization.yaml"),
        ("crds: [crd.json]", "app/crd.json"),
        ("configurations: [params.yaml]", "app/params.yaml"),
        ("generators: [gen.yaml]", "app/gen.yaml"),
        ("transformers: [t.yaml]", "app/t.yaml"),
        ("validators: [v.yaml]", "app/v.yaml"),
        ("patchesStrategicMerge: [patches/p.yaml]", "app/patches/p.yaml"),
        ("patchesJson6902: [{path: p.json, target: {kind: A}}]", "app/p.json"),
        ("patches: [{path: p.yaml}]", "app/p.yaml"),
        ("replacements: [{path: r.yaml}]", "app/r.yaml"),
        ("configMapGenerator: [{name: a, envs: [params.env]}]", "app/params.env"),
        ("configMapGenerator: [{name: a, env: params.env}]", "app/params.env"),
        ("configMapGenerator: [{name: a, files: [key=file.txt]}]", "app/file.txt"),
        ("configMapGenerator: [{name: a, files: [file.txt]}]", "app/file.txt"),
        ("secretGenerator: [{name: a, files: [file.txt]}]", "app/file.txt"),
        ("openapi: {path: schema.json}", "app/schema.json"),
        ("resources: [./sub/../a.yaml]", "app/a.yaml"),
    ],
)
def test_every_field_that_names_a_file(text: str, path: str) -> None:
    files = {"app/kustomization.yaml": text, path: "kind: A", "app/other.yaml": "kind: Other"}
    assert reached(files) == {"app/kustomization.yaml", path}
    del files[path]
    missing = walk(tree(files), "app").missing
    assert len(missing) == 1
    assert missing[0].kustomization == "app/kustomization.yaml"
    assert "is not there" in str(missing[0])


@pytest.mark.parametrize(
    "text",
    [
        "patchesStrategicMerge:\n- |\n  kind: A\n  metadata: {name: a}",
        "patches:\n- patch: |\n    kind: A\n  target: {kind: A}",
        "patchesJson6902:\n- patch: '[]'\n  target: {kind: A}",
        "transformers:\n- |\n  kind: A\n  b: c",
        'patchesStrategicMerge: [\'{"kind": "A", "metadata": {"name": "a"}}\']',
        "replacements:\n- source: {kind: A}\n  targets: []",
        "configMapGenerator: [{name: a, literals: [b=c.yaml]}]",
        "images: [{name: a, newName: b/c}]",
        "namespace: here",
        "{}",
    ],
)
def test_what_stands_inline_names_no_file(text: str) -> None:
    assert reached({"app/kustomization.yaml": text}) == {"app/kustomization.yaml"}


@pytest.mark.parametrize("name", ["kustomization.yaml", "kustomization.yml", "Kustomization"])
def test_names_of_a_kustomization(name: str) -> None:
    files = {f"app/{name}": "resources: [a.yaml]", "app/a.yaml": "kind: A"}
    assert reached(files) == set(files)
    assert find(tree(files), "app") == f"app/{name}"
    assert find(tree(files), "other") is None


def test_directories_are_followed_to_their_end_and_once() -> None:
    files = {
        "app/kustomization.yaml": "resources: [../base, ../left, ../right]",
        "left/kustomization.yaml": "resources: [../base]",
        "right/kustomization.yaml": "components: [../base, part]",
        "right/part/kustomization.yaml": "patches: [{path: p.yaml}]",
        "right/part/p.yaml": "",
        "base/kustomization.yaml": "resources: [a.yaml]",
        "base/a.yaml": "",
    }
    assert reached(files) == set(files)
    assert set(walk(tree(files), "app").kustomizations) == {p for p in files if "kustom" in p}


def test_a_cycle_ends() -> None:
    files = {
        "app/kustomization.yaml": "resources: [../base]",
        "base/kustomization.yaml": "resources: [../app, .]",
    }
    assert reached(files) == set(files)


def test_everything_that_is_missing_is_listed() -> None:
    found = walk(
        tree(
            {
                "app/kustomization.yaml": """\
                    resources: [a.yaml, ../base, ../gone, empty]
                    patches: [{path: p.yaml}]
                    """,
                "base/kustomization.yaml": "resources: [b.yaml]",
                "app/empty/readme": "no kustomization",
            }
        ),
        "app",
    )
    assert {(one.kustomization, one.path) for one in found.missing} == {
        ("app/kustomization.yaml", "a.yaml"),
        ("app/kustomization.yaml", "../gone"),
        ("app/kustomization.yaml", "p.yaml"),
        ("base/kustomization.yaml", "b.yaml"),
        ("app/empty", "kustomization.yaml"),
    }


def test_an_entry_that_is_not_there_is_missing() -> None:
    assert not walk(tree({}), "app").whole


@pytest.mark.parametrize(
    "target",
    [
        "https://example.com/a.yaml",
        "github.com/kserve/kserve/config",
        "../base?ref=v1",
        "ssh://git@example.com/a",
    ],
)
def test_the_network_is_not_reached(target: str) -> None:
    with pytest.raises(TreeError, match="is not in the image") as caught:
        walk(tree({"app/kustomization.yaml": f"resources: ['{target}']"}), "app")
    assert target in caught.value.message
    assert "nothing is fetched" in caught.value.hint


@pytest.mark.parametrize("target", ["../../outside.yaml", "../../../outside.yaml", "/outside.yaml"])
def test_nothing_outside_of_the_tree_is_reached(tmp_path: Path, target: str) -> None:
    write_tree(tmp_path, {"outside.yaml": "kind: Secret"})
    write_tree(tmp_path / "in", {"app/kustomization.yaml": f"resources: [{target}]"})
    if target.startswith("/"):
        target = f"{tmp_path}{target}"
        write_tree(tmp_path / "in", {"app/kustomization.yaml": f"resources: [{target}]"})
    found = walk(DirectoryFiles(tmp_path / "in"), "app")
    assert [one.path for one in found.missing] == [target]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n", "a mapping is expected"),
        ("", "a mapping is expected"),
        ("resources: a.yaml", "resources must be a list"),
        ("resources: [{a: b}]", "a path is expected"),
        ("helmCharts: [{name: a}]", "helmCharts are not supported"),
        ("resources: [", "not valid YAML"),
    ],
)
def test_what_is_no_kustomization(text: str, said: str) -> None:
    with pytest.raises(TreeError, match=said) as caught:
        walk(tree({"app/kustomization.yaml": text}), "app")
    assert caught.value.message.startswith("app/kustomization.yaml: ")


def test_env_files_with_their_config_maps() -> None:
    content = {
        "configMapGenerator": [
            {"name": "a", "envs": ["one.env", "two.env"]},
            {"name": "b", "env": "three.env", "files": ["not.env"]},
        ],
        "secretGenerator": [{"name": "c", "envs": ["secret.env"]}],
    }
    assert list(env_files(content, "k")) == [
        ("a", "one.env"),
        ("a", "two.env"),
        ("b", "three.env"),
    ]
