"""The command line: what goes to stdout, what to stderr, and with which exit code."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from oci_layout import Layer, write_image

from rebase import cli
from rebase.errors import RebaseError, RegistryError
from unit.helpers import Run, executable, pinned, read_tree, write_tree

COMMANDS = ("to", "download", "process")
CSV = f"""\
kind: ClusterServiceVersion
metadata: {{name: rhods-operator.2.25.1}}
spec:
  version: 2.25.1
  install:
    spec:
      deployments:
      - spec:
          template:
            spec:
              containers:
              - name: manager
                image: quay.io/example/operator:1
                env:
                - {{name: RELATED_IMAGE_ODH_OVMS_IMAGE, value: {pinned("ovms")!r}}}
"""
SETTINGS = """\
  deploy: '{"defaultDeploymentMode": "Serverless"}'
  ingress: '{"disableIngressCreation": false, "disableIstioVirtualHost": false}'
  agent: '{"image": "$(kserve-agent)"}'
"""
KSERVE = "opt/manifests/kserve/overlays/odh"
RUNTIMES = "opt/manifests/modelcontroller"
MANIFESTS = {
    f"{KSERVE}/kustomization.yaml": (
        "configMapGenerator: [{name: kserve-parameters, envs: [params.env]}]\n"
        "resources: [config.yaml]\n"
    ),
    f"{KSERVE}/params.env": f"kserve-agent={pinned('agent')}\n",
    f"{KSERVE}/config.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: inferenceservice-config}\n"
        f"data:\n{SETTINGS}---\n"
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        "metadata: {name: servingruntimes.serving.kserve.io}\n"
        "spec:\n  group: serving.kserve.io\n  scope: Namespaced\n"
        "  names: {kind: ServingRuntime, plural: servingruntimes, singular: servingruntime}\n"
    ),
    f"{RUNTIMES}/base/kustomization.yaml": (
        "configMapGenerator: [{name: mc-parameters, envs: [params.env]}]\n"
        "resources: [../runtimes]\n"
    ),
    f"{RUNTIMES}/base/params.env": "ovms-image=quay.io/example/ovms:fast\n",
    f"{RUNTIMES}/runtimes/kustomization.yaml": "resources: [ovms-kserve-template.yaml]\n",
    f"{RUNTIMES}/runtimes/ovms-kserve-template.yaml": (
        "apiVersion: template.openshift.io/v1\nkind: Template\nmetadata: {name: ovms}\n"
        "objects:\n- apiVersion: serving.kserve.io/v1alpha1\n  kind: ServingRuntime\n"
        "  metadata: {name: kserve-ovms}\n"
        "  spec: {containers: [{name: kserve-container, image: $(ovms-image)}]}\n"
    ),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    directory = tmp_path / "root"
    directory.mkdir()
    return directory


def write_bundle(directory: Path) -> None:
    """A small bundle and its operator's image, as layouts of these names."""
    layer = Layer()
    for path, text in MANIFESTS.items():
        layer.file(path, text.encode())
    write_image(directory / "operator", [layer], history=[("COPY a /opt/manifests", True)])
    csv = Layer().file("manifests/rhods-operator.clusterserviceversion.yaml", CSV.encode())
    write_image(directory / "bundle", [csv])


@pytest.fixture
def rebase(
    run: Callable[..., Run],
    root: Path,
    skopeo: Callable[..., Path],
    tmp_path: Path,
    kustomize_path: Path,
) -> Callable[..., Run]:
    """Runs a command on a small bundle, with fake tools; BUNDLE among the words is it."""
    skopeo()
    write_bundle(tmp_path)
    given = {
        "BUNDLE": [f"oci:{tmp_path / 'bundle'}:image"],
        "OPERATOR": ["--operator-image", f"oci:{tmp_path / 'operator'}:image"],
        "KUSTOMIZE": ["--kustomize", str(kustomize_path)],
    }

    def rebase(*arguments: str) -> Run:
        words = [word for one in arguments for word in given.get(one, [one])]
        return run(*words, "--root", root)

    return rebase


ALL = ("BUNDLE", "OPERATOR", "KUSTOMIZE")


# A rebase


def test_a_rebase_from_bundle_to_tree(rebase: Callable[..., Run], root: Path) -> None:
    said = rebase("to", *ALL)
    assert said.code == 0, said.err
    assert said.out.startswith("RHOAI 2.25.1\n")
    assert "Reading bundle oci:" in said.err
    tree = read_tree(root)
    assert set(tree) == {
        "assets/kserve/crd-servingruntimes.serving.kserve.io.yaml",
        "assets/kserve/inferenceservice-config-microshift-patch.yaml",
        "assets/kserve/kustomization.yaml",
        "assets/kserve/namespace-redhat-ods-applications.yaml",
        "assets/runtimes/kustomization.yaml",
        "assets/runtimes/ovms-kserve.yaml",
        "release/ai-model-serving-x86_64.cdx.json",
        "release/rebase.json",
        "release/release-ai-model-serving-x86_64.json",
    }
    assert b"\n    image: ovms-image\n" in tree["assets/runtimes/ovms-kserve.yaml"]
    assert json.loads(tree["release/release-ai-model-serving-x86_64.json"]) == {
        "release": {"base": "2.25.1"},
        "images": {"kserve-agent": pinned("agent"), "ovms-image": pinned("ovms")},
    }


def test_the_bundle_alone_means_to(rebase: Callable[..., Run], root: Path) -> None:
    assert rebase(*ALL).code == 0
    first = read_tree(root)
    said = rebase("to", *ALL)
    assert said.out.startswith("RHOAI 2.25.1: nothing changed\n")
    assert read_tree(root) == first


def test_options_may_come_before_the_bundle(rebase: Callable[..., Run], root: Path) -> None:
    said = rebase("--dry-run", *ALL)
    assert said.code == 0, said.err
    assert said.out.endswith("dry run: nothing was written\n")
    assert read_tree(root) == {}


def test_in_two_halves(rebase: Callable[..., Run], root: Path) -> None:
    first = rebase("download", "BUNDLE", "OPERATOR")
    assert first.code == 0, first.err
    assert "next: rhoai-rebase process" in first.out
    assert set(read_tree(root)) == {
        "_output/staging/staging.json",
        "_output/staging/bundle/rhods-operator.clusterserviceversion.yaml",
        *(f"_output/staging/image/{path}" for path in MANIFESTS),
    }
    second = rebase("process", "KUSTOMIZE")
    assert second.code == 0, second.err
    assert (root / "assets/runtimes/ovms-kserve.yaml").is_file()


def test_json_is_all_that_is_on_stdout(rebase: Callable[..., Run]) -> None:
    said = rebase(*ALL, "--json")
    found = json.loads(said.out)
    assert (found["version"], found["written"]) == ({"from": None, "to": "2.25.1"}, True)
    assert found["images"]["ovms-image"]["reference"] == pinned("ovms")
    assert said.err


def test_quiet_is_quiet(rebase: Callable[..., Run], root: Path) -> None:
    said = rebase(*ALL, "--quiet")
    assert (said.code, said.out, said.err) == (0, "", "")
    assert read_tree(root)


@pytest.mark.parametrize("arguments", [ALL, (*ALL, "--json"), (*ALL, "--quiet")])
def test_what_fails_says_so_on_stderr_and_writes_nothing(
    rebase: Callable[..., Run], root: Path, arguments: tuple[str, ...]
) -> None:
    write_tree(root, {"assets/runtimes/ovms-kserve.yaml": "mine\n"})
    said = rebase(*arguments)
    assert (said.code, said.out) == (2, "")
    assert "error: assets/runtimes has files that were not generated" in said.err
    assert "\n  assets/runtimes/ovms-kserve.yaml\n" in said.err
    assert "\nhint: rename or remove them" in said.err
    assert "\nhint: _output/staging is kept: `rhoai-rebase process` tries again" in said.err
    assert "Traceback" not in said.err
    tree = read_tree(root)
    assert {path for path in tree if not path.startswith("_output/")} == {
        "assets/runtimes/ovms-kserve.yaml"
    }


@pytest.mark.parametrize("keep", [True, False])
def test_staging_is_kept_on_demand(
    rebase: Callable[..., Run], root: Path, monkeypatch: pytest.MonkeyPatch, keep: bool
) -> None:
    monkeypatch.setenv("KEEP_STAGING", "true" if keep else "false")
    assert rebase(*ALL).code == 0
    assert (root / "_output/staging/staging.json").is_file() is keep
    assert (root / "_output").exists() is keep


def test_an_override_wins(rebase: Callable[..., Run], root: Path) -> None:
    assert rebase(*ALL, "--image", f"ovms-image={pinned('mine')}").code == 0
    record = json.loads((root / "release/rebase.json").read_text())
    assert record["images"]["ovms-image"]["reference"] == pinned("mine")
    assert record["options"]["images"] == {"ovms-image": pinned("mine")}


# Usage


@pytest.mark.parametrize("command", [None, *COMMANDS])
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_has_examples(run: Callable[..., Run], command: str | None, option: str) -> None:
    said = run(*([command] if command else []), option)
    assert (said.code, said.err) == (0, "")
    assert "Usage: rhoai-rebase" in said.out
    examples = said.out.partition("Examples:")[2]
    assert f"rhoai-rebase {command}" in examples if command else "rhoai-rebase " in examples


def test_version(run: Callable[..., Run]) -> None:
    said = run("--version")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("rhoai-rebase")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "Usage: "),
        (("to",), "Missing argument 'BUNDLE'"),
        (("download",), "Missing argument 'BUNDLE'"),
        (("one", "two"), "unexpected extra argument"),
        (("--nonsense", "bundle"), "No such option"),
        (("bundle", "--arch", "s390x"), "s390x"),
        (("process", "--image", "a=quay.io/example/a:1"), "has no digest"),
        (("process", "--image", "nonsense"), "KEY=REF is expected"),
        (("process",), "nothing is staged"),
    ],
)
@pytest.mark.usefixtures("skopeo")
def test_usage_errors(
    run: Callable[..., Run],
    root: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    told: str,
) -> None:
    more: tuple[object, ...] = ("--root", root) if arguments else ()
    if "process" in arguments:
        more += ("--kustomize", executable(tmp_path, "kustomize", "#!/bin/sh\necho v5.8.1\n"))
    said = run(*arguments, *more)
    assert (said.code, said.out) == (2, "")
    assert told in said.err
    assert "Traceback" not in said.err


def test_a_root_must_be_there(run: Callable[..., Run], tmp_path: Path) -> None:
    said = run("process", "--root", tmp_path / "gone")
    assert said.code == 2
    assert "is not a directory" in said.err


def test_outside_of_a_repository_a_root_must_be_named(
    run: Callable[..., Run], on_path: Path
) -> None:
    said = run("process")
    assert said.code == 2
    assert "hint: --root DIR" in said.err


@pytest.mark.parametrize("option", ["--authfile", "--registries-conf", "--policy"])
def test_files_that_are_named_must_be_there(
    run: Callable[..., Run], root: Path, option: str
) -> None:
    said = run("download", "bundle", option, root / "gone", "--root", root)
    assert said.code == 2
    assert f"{option} {root / 'gone'}: no such file" in said.err


# Errors


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(arguments: object) -> None:
        raise error

    monkeypatch.setattr(cli, "main_inner", fail)


ERROR = RegistryError("it broke", hint="one\ntwo", details=["a", "b"])


def test_an_error_is_a_message_and_its_code(
    run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, ERROR)
    said = run("to", "bundle")
    assert said == Run(12, "", "error: it broke\n  a\n  b\nhint: one\nhint: two\n")


def test_debug_shows_the_traceback(
    run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, ERROR)
    said = run("to", "bundle", "--debug")
    assert said.code == 12
    assert said.err.startswith("Traceback")
    assert said.err.endswith("hint: two\n")


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (BrokenPipeError(), 141, ""),
        (PermissionError(13, "Permission denied", "release"), 70, "Permission denied"),
        (ZeroDivisionError("oops"), 70, "a fault in rhoai-rebase itself"),
        (RebaseError("plain"), 70, "error: plain"),
    ],
)
def test_anything_else_ends_without_a_traceback(
    run: Callable[..., Run],
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
    told: str,
) -> None:
    failing(monkeypatch, error)
    said = run("to", "bundle")
    assert (said.code, said.out) == (code, "")
    assert told in said.err
    assert "Traceback" not in said.err
