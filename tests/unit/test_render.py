"""What is read before a render, what is rendered, and what must not be left in it."""

from pathlib import Path

import pytest

from rebase import yamlfile
from rebase.errors import TreeError
from rebase.kustomization import DirectoryFiles
from rebase.model import NAMESPACE, Roots
from rebase.params import UNSET
from rebase.render import Source, read_source, refuse_unset, render
from rebase.tools.kustomize import Kustomize
from unit.helpers import executable, tree, write_tree

ROOTS = Roots(("kserve/overlays/odh",), "mc/base", "mc/runtimes")
K, M = "kserve/overlays/odh", "mc/base"
GENERATOR = "configMapGenerator: [{name: kserve-parameters, envs: [params.env]}]\n"


def files(**more: str) -> dict[str, str]:
    """A small pair of trees; `more` replaces files, `__` in a name is `/` and `_env` `.env`."""
    return {
        f"{K}/kustomization.yaml": GENERATOR + "resources: [../../base]\n",
        f"{K}/params.env": "agent=quay.io/example/agent:1\n",
        "kserve/base/kustomization.yaml": "resources: [a.yaml]\n",
        "kserve/base/a.yaml": "kind: A\n",
        f"{M}/kustomization.yaml": (
            "configMapGenerator: [{name: mc-parameters, env: params.env}]\n"
            "resources: [../runtimes]\n"
        ),
        f"{M}/params.env": "ovms-image=quay.io/example/ovms:1\n",
        "mc/runtimes/kustomization.yaml": "resources: [ovms.yaml]\n",
        "mc/runtimes/ovms.yaml": "kind: Template\n",
    } | more


def source(content: dict[str, str]) -> Source:
    return read_source(tree(content), ROOTS)


def test_params_of_both_trees() -> None:
    found = source(files())
    assert [(p.component, p.file, p.key, p.overwritten) for p in found.params] == [
        ("kserve", f"{K}/params.env", "agent", True),
        ("modelcontroller", f"{M}/params.env", "ovms-image", True),
    ]
    assert found.generated == {"kserve-parameters"}
    assert found.unset == ()
    assert found.reached == set(files())


def test_other_env_files_are_read_and_not_overwritten() -> None:
    content = files() | {
        "mc/runtimes/kustomization.yaml": (
            "resources: [ovms.yaml]\n"
            "configMapGenerator: [{name: cuda, envs: [params-cuda.env, params.env]}]\n"
        ),
        "mc/runtimes/params-cuda.env": "cuda-image=quay.io/example/cuda:1\n",
        "mc/runtimes/params.env": "a=b\n",
        "mc/runtimes/params-unused.env": "broken",
    }
    found = {p.file: p.overwritten for p in source(content).params}
    assert found[f"{M}/params.env"]
    assert not found["mc/runtimes/params-cuda.env"]
    assert not found["mc/runtimes/params.env"]
    assert "mc/runtimes/params-unused.env" not in found


QUOTED = "'data.[nim-state]'"
SOURCE = "source: {kind: ConfigMap, name: mc-parameters, fieldPath: data.nim-state}"


@pytest.mark.parametrize(
    "reads",
    [
        f"replacements:\n- {SOURCE}\n  targets: []\n",
        "replacements: [{path: replace.yaml}]\n",
        "vars:\n- name: nim-state\n  objref: {kind: ConfigMap, name: mc-parameters}\n"
        "  fieldref: {fieldPath: data.nim-state}\n",
        "vars:\n- name: nim-state\n  objref: {kind: ConfigMap, name: mc-parameters}\n"
        "  fieldref: {fieldpath: data.nim-state}\n",
        f"replacements:\n- {SOURCE.replace('data.nim-state', QUOTED)}\n",
    ],
    ids=["inline", "in a file", "vars", "lowercase vars", "in brackets"],
)
@pytest.mark.parametrize("form", ["a list", "a mapping"])
def test_a_key_that_only_the_operator_sets(reads: str, form: str) -> None:
    """2.19: a replacement reads data.nim-state, and no env file has it."""
    item = f"{SOURCE}\ntargets: []\n"
    content = files() | {
        f"{M}/kustomization.yaml": files()[f"{M}/kustomization.yaml"] + reads,
        f"{M}/replace.yaml": item if form == "a mapping" else f"- {SOURCE}\n  targets: []\n",
    }
    assert source(content).unset == ((f"{M}/params.env", "nim-state"),)
    content[f"{M}/params.env"] += "nim-state=removed\n"
    assert source(content).unset == ()


@pytest.mark.parametrize(
    "reads",
    [
        "vars:\n- name: ns\n  objref: {kind: ConfigMap, name: mc-parameters}\n",
        "vars:\n- name: a\n  objref: {kind: Service, name: mc-parameters}\n"
        "  fieldref: {fieldpath: data.x}\n",
        "replacements:\n- source: {kind: ConfigMap, name: other, fieldPath: data.x}\n",
        "replacements:\n- source: {kind: ConfigMap, name: literal, fieldPath: data.key}\n",
        "replacements:\n- sourceValue: x\n  targets: []\n",
    ],
)
def test_what_comes_from_elsewhere_is_not_unset(reads: str) -> None:
    content = files() | {
        f"{M}/kustomization.yaml": (
            "configMapGenerator:\n- {name: mc-parameters, env: params.env}\n"
            "- {name: literal, env: params.env, literals: [key=value]}\n"
            "resources: [../runtimes]\n" + reads
        )
    }
    assert source(content).unset == ()


def test_everything_that_is_broken_is_told_at_once() -> None:
    content = files() | {f"{K}/params.env": "no value\na=1\na=2\n"}
    del content["kserve/base/a.yaml"], content["mc/runtimes/ovms.yaml"]
    with pytest.raises(TreeError, match="the manifests are broken") as caught:
        source(content)
    told = "\n".join(caught.value.details)
    assert len(caught.value.details) == 4
    for text in ("resources names a.yaml", "resources names ovms.yaml", "line 1: ", "line 3: "):
        assert text in told
    assert f"{K}/params.env: line 1" in told


# Rendering


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    reads = f"replacements:\n- {SOURCE}\n  targets: []\n"
    content: dict[str, str | bytes] = {**files()}
    content[f"{M}/kustomization.yaml"] = files()[f"{M}/kustomization.yaml"] + reads
    return write_tree(tmp_path / "manifests", content)


def rendered_by(tmp_path: Path, manifests: Path, script: str) -> dict[str, str]:
    """What a fake kustomize said of each entry."""
    path = executable(tmp_path, "kustomize", "#!/bin/sh\n" + script)
    before = read_source(DirectoryFiles(manifests), ROOTS)
    values = {param: param.value for param in before.params}
    found = render(manifests, before, values, Kustomize(path, "v5.8.1"))
    return {"kserve": "".join(found.kserve), "runtimes": found.runtimes, "wrapper": found.wrapper}


def test_images_are_marked_and_unset_keys_filled_in(tmp_path: Path, manifests: Path) -> None:
    before = read_source(DirectoryFiles(manifests), ROOTS)
    markers = {param.key: param.marker for param in before.params}
    said = rendered_by(
        tmp_path, manifests, 'cat "$2/params.env" "$2/../mc/base/params.env"; true\n'
    )
    assert said["kserve"] == f"agent=quay.io/example/agent@sha256:{markers['agent']}\n"
    assert f"ovms-image=quay.io/example/ovms@sha256:{markers['ovms-image']}\n" in said["runtimes"]
    assert f"nim-state={UNSET}nim-state\n" in said["runtimes"]


def test_kserve_is_rendered_for_our_namespace(tmp_path: Path, manifests: Path) -> None:
    said = rendered_by(tmp_path, manifests, 'cat "$2/kustomization.yaml"\n')
    written = yamlfile.load(said["kserve"], "x")
    assert written["namespace"] == NAMESPACE
    assert written["resources"] == ["../../base"]


def test_runtimes_are_rendered_with_their_origins(tmp_path: Path, manifests: Path) -> None:
    said = rendered_by(tmp_path, manifests, 'cat "$2/kustomization.yaml"\n')
    wrapper = yamlfile.load(said["runtimes"], "x")
    assert wrapper["buildMetadata"] == ["originAnnotations"]
    (target,) = wrapper["resources"]
    assert (Path("/") / said["wrapper"] / target).resolve() == Path("/") / M


def test_the_manifests_stay_as_they_are(tmp_path: Path, manifests: Path) -> None:
    before = {file: file.read_bytes() for file in manifests.rglob("*") if file.is_file()}
    rendered_by(tmp_path, manifests, "true\n")
    assert {file: file.read_bytes() for file in manifests.rglob("*") if file.is_file()} == before


def test_what_does_not_render_is_told_with_paths_of_the_image(
    tmp_path: Path, manifests: Path
) -> None:
    script = """\
        echo "# Warning: 'vars' is deprecated." >&2
        echo "Error: no such field in $2/a.yaml" >&2
        exit 1
        """
    with pytest.raises(TreeError, match=r"kustomize v5\.8\.1 cannot render it") as caught:
        rendered_by(tmp_path, manifests, script)
    assert caught.value.message.startswith(f"/{K}: ")
    assert caught.value.details == (f"Error: no such field in /{K}/a.yaml",)


def test_nothing_ships_that_needs_what_only_the_operator_sets() -> None:
    refuse_unset([("ConfigMap a", "all: well")])
    with pytest.raises(TreeError, match="which no params file has") as caught:
        refuse_unset(
            [
                ("ConfigMap a", f"x: {UNSET}nim-state\ny: {UNSET}other.key\nz: {UNSET}nim-state"),
                ("ConfigMap b", f"{UNSET}nim-state"),
                ("ConfigMap c", "fine"),
            ]
        )
    assert caught.value.details == (
        "ConfigMap a: nim-state",
        "ConfigMap a: other.key",
        "ConfigMap b: nim-state",
    )
