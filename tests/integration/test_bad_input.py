"""What can be wrong: each has its exit code, says what, where and what to do, and leaves all be."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from oci_layout import Compression, Layer, write_image

from integration.conftest import LOCAL
from integration.support.command import Run, argv, environment, rebase
from integration.support.images import Edit, Images, make_demo, replace
from integration.support.process import free_ports
from integration.support.registry import (
    PASSWORD,
    USER,
    Registry,
    running_registry,
)
from integration.support.surroundings import REPO, tool
from integration.support.trees import Tree, written

BUNDLE = "bundle/manifests/demo-operator.clusterserviceversion.yaml"
MANIFESTS = "operator/opt/manifests-template"
TEMPLATES = f"{MANIFESTS}/modelcontroller/runtimes"
PINNED = "registry.example.com/ours/image@sha256:" + "a" * 64


@pytest.fixture
def root(demo_tree: Tree, tmp_path: Path) -> Path:
    """A tree that must not change."""
    copy = tmp_path / "root"
    shutil.copytree(demo_tree.root, copy)
    return copy


@pytest.fixture
def fails(root: Path, tmp_path: Path) -> Callable[..., Run]:
    """Run a command that must fail and leave the tree as it was; gives the run."""

    def run(
        code: int, *said: str, arguments: tuple[str | Path, ...], env: dict[str, str] | None = None
    ) -> Run:
        before = written(root)
        failed = rebase(*arguments, root=root, env=env).failed(code, *said)
        assert written(root) == before
        assert failed.out == ""
        return failed

    return run


@pytest.fixture
def demo(tmp_path: Path) -> Callable[[Edit], tuple[str, ...]]:
    """Arguments of `to` for the demo with something edited."""

    def arguments(edit: Edit) -> tuple[str, ...]:
        return ("to", *make_demo(tmp_path / "demo", edit).arguments)

    return arguments


Fails = Callable[..., Run]
Demo = Callable[[Edit], tuple[str, ...]]


# Images that cannot be had


@pytest.mark.parametrize("name", ["no/such-repository:v1", "there/image:no-such-tag"])
def test_no_such_image(name: str, fails: Fails, registry: Registry, demo_images: Images) -> None:
    registry.copy(f"oci:{demo_images.layouts['bundle']}:image", "there/image:v1")
    reference = f"{registry.host}/{name}"
    fails(10, reference, "hint: check the reference", arguments=("to", reference, LOCAL))


def test_no_such_layout(fails: Fails, tmp_path: Path) -> None:
    reference = f"oci:{tmp_path / 'nothing'}:image"
    fails(10, reference, "hint: check the reference", arguments=("to", reference))


def test_no_such_operator_image(fails: Fails, demo_images: Images, registry: Registry) -> None:
    """The bundle is there, and what its CSV names is not."""
    operator = f"{registry.host}/demo/gone@sha256:{'0' * 64}"
    bundle = demo_images.arguments[0]
    fails(10, operator, arguments=("to", bundle, "--operator-image", operator, LOCAL))


def test_registry_down(fails: Fails) -> None:
    reference = f"127.0.0.1:{free_ports(1)[0]}/demo/bundle:v1"
    fails(12, reference, "connection refused", "hint: ", arguments=("to", reference, LOCAL))


def test_registry_without_tls(fails: Fails, registry: Registry) -> None:
    reference = f"{registry.host}/demo/bundle:v1"
    fails(12, reference, "hint: --no-tls-verify", arguments=("to", reference))


def test_credentials_are_needed_and_taken(
    fails: Fails, root: Path, demo_images: Images, tmp_path: Path
) -> None:
    with running_registry(tmp_path / "registry", passwords=True) as private:
        files = {}
        for password in (PASSWORD, "wrong"):
            auth = files[password] = tmp_path / f"{password}.json"
            login = ("login", "--tls-verify=false", "--authfile", auth, "-u", USER)
            done = subprocess.run(
                [tool("skopeo"), *login, "-p", password, private.host],
                capture_output=True,
                check=False,
            )
            assert (done.returncode == 0) == (password == PASSWORD)
        right = files[PASSWORD]
        text = right.read_text()
        files["wrong"].write_text(
            text.replace(text.split('"auth": "')[1].split('"')[0], "dGVzdGVyOndyb25n")
        )
        for part in ("bundle", "operator"):
            registry_copy = ("--dest-authfile", str(right), "--preserve-digests")
            layout = demo_images.layouts[part]
            private.copy(f"oci:{layout}:image", f"demo/{part}:v1", *registry_copy)
        bundle, operator = (f"{private.host}/demo/{part}:v1" for part in ("bundle", "operator"))
        words = ("to", bundle, "--operator-image", operator, LOCAL)
        said = (bundle, "hint: log in", "--authfile")
        fails(11, *said, arguments=words)
        wrong = fails(11, *said, arguments=(*words, "--authfile", files["wrong"]))
        assert "wrong" not in wrong.err.replace("wrong.json", "")
        fails(2, "no such file", arguments=(*words, "--authfile", tmp_path / "missing.json"))
        rebase(*words, "--authfile", right, root=root).ok()
        rebase(*words, root=root, env={"REGISTRY_AUTH_FILE": str(right)}).ok()
        (root / ".pull-secret.json").write_text(right.read_text())  # root is the home directory
        rebase(*words, root=root).ok()


def test_signature_policy_that_rejects(fails: Fails, demo_images: Images, tmp_path: Path) -> None:
    """An older skopeo does not look at the policy: then we refuse to pretend."""
    policy = tmp_path / "policy.json"
    policy.write_text('{"default": [{"type": "reject"}]}')
    arguments: tuple[str | Path, ...] = ("to", *demo_images.arguments, "--policy", policy)
    run = rebase(*arguments, root=tmp_path)
    if run.code == 3:
        said = ("does not check signature policies", f"--policy {policy}", "hint: install a newer")
        fails(3, *said, arguments=arguments)
        return
    fails(13, demo_images.arguments[0], "hint: ", "--policy FILE", arguments=arguments)
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    rebase(*arguments, root=tmp_path).ok()


def layer_with_manifests(layout: Path) -> Path:
    """The blob of the second of base | /opt/… | /manager."""

    def document(digest: str) -> dict[str, Any]:
        return dict(json.loads(blob(digest).read_text()))

    def blob(digest: str) -> Path:
        return layout / "blobs/sha256" / digest.removeprefix("sha256:")

    (top,) = json.loads((layout / "index.json").read_text())["manifests"]
    return blob(document(top["digest"])["layers"][1]["digest"])


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
@pytest.mark.parametrize("damage", ["flipped", "cut short", "longer", "gone", "not a layer"])
def test_corrupt_layer(damage: str, compression: Compression, fails: Fails, tmp_path: Path) -> None:
    images, layout = make_demo(tmp_path / "images"), tmp_path / "operator"
    manifests = Layer().tree(REPO / "demo/operator/opt", "opt")
    write_image(layout, [Layer().file("a", b"a"), manifests], compression=compression)
    blob = layer_with_manifests(layout)
    data = bytearray(blob.read_bytes())
    match damage:
        case "flipped":
            data[len(data) // 2] ^= 0xFF
        case "cut short":
            del data[len(data) // 2 :]
        case "longer":
            data += b"more"
        case "not a layer":
            data[:] = b"x" * len(data)
    if damage == "gone":
        blob.unlink()
    else:
        blob.write_bytes(data)
    operator = f"oci:{layout}:image"
    arguments = ("to", images.arguments[0], "--operator-image", operator)
    fails(10 if damage == "gone" else 14, operator, "hint: ", arguments=arguments)


# Bundles that are none


def test_no_bundle(fails: Fails, demo_images: Images) -> None:
    operator = f"oci:{demo_images.layouts['operator']}:image"
    said = (operator, "not an operator bundle", "no ClusterServiceVersion in /manifests", "hint: ")
    fails(20, *said, arguments=("to", operator))


def test_two_csvs(fails: Fails, demo: Demo) -> None:
    def edit(copy: Path) -> None:
        shutil.copy(copy / BUNDLE, copy / "bundle/manifests/another.yaml")

    fails(20, "2 ClusterServiceVersions", "/manifests/another.yaml", arguments=demo(edit))


def test_csv_without_a_deployment(fails: Fails, demo: Demo) -> None:
    def edit(copy: Path) -> None:
        replace(copy / BUNDLE, "      deployments:", "      other:")

    said = ("/manifests/demo-operator.clusterserviceversion.yaml", "no operator Deployment")
    fails(20, *said, "hint: ", arguments=demo(edit))


def test_csv_that_is_no_yaml(fails: Fails, demo: Demo) -> None:
    def edit(copy: Path) -> None:
        replace(copy / BUNDLE, "metadata:\n", "metadata: [\n")

    fails(20, "demo-operator.clusterserviceversion.yaml", arguments=demo(edit))


def test_csv_without_a_version(fails: Fails, demo: Demo) -> None:
    def edit(copy: Path) -> None:
        replace(copy / BUNDLE, "  version: 3.4.0-demo\n", "")

    fails(20, "spec.version is missing", arguments=demo(edit))


# Manifests that are broken


def test_operator_image_without_manifests(
    fails: Fails, demo_images: Images, tmp_path: Path
) -> None:
    layer = Layer().file("opt/manifests/dashboard/kustomization.yaml", b"resources: []\n")
    write_image(tmp_path / "bare", [layer])
    other = f"oci:{tmp_path / 'bare'}:image"
    said = ("kserve/overlays/odh", other, "/opt/manifests/dashboard", "hint: --operator-image")
    fails(21, *said, arguments=("to", demo_images.arguments[0], "--operator-image", other))


def test_kustomization_that_names_missing_files(fails: Fails, demo: Demo) -> None:
    def edit(copy: Path) -> None:
        (copy / MANIFESTS / "kserve/rbac/manager.yaml").unlink()
        (copy / TEMPLATES / "mlserver-template.yaml").unlink()

    said = (
        "/opt/manifests-template/kserve/rbac/kustomization.yaml: resources names manager.yaml",
        "/opt/manifests-template/modelcontroller/runtimes/kustomization.yaml: resources names mls",
    )
    fails(22, *said, arguments=demo(edit))


def test_template_with_two_objects(fails: Fails, demo: Demo) -> None:
    def edit(copy: Path) -> None:
        template = copy / TEMPLATES / "mlserver-template.yaml"
        text = template.read_text()
        template.write_text(text.rstrip("\n") + "\n" + text.partition("\nobjects:\n")[2])

    said = ("mlserver-template.yaml: Template mlserver-runtime-template holds 2 objects",)
    fails(22, *said, arguments=demo(edit))


def test_template_without_an_object(fails: Fails, demo: Demo) -> None:
    def edit(copy: Path) -> None:
        template = copy / TEMPLATES / "mlserver-template.yaml"
        template.write_text(template.read_text().partition("\nobjects:")[0] + "\nobjects: []\n")

    said = ("mlserver-template.yaml: Template mlserver-runtime-template holds 0 objects",)
    fails(22, *said, arguments=demo(edit))


def test_broken_lines_in_params(fails: Fails, demo: Demo) -> None:
    def edit(copy: Path) -> None:
        params = copy / MANIFESTS / "kserve/overlays/odh/params.env"
        params.write_text(params.read_text() + "\nno equals sign\nkserve-agent=twice\n")

    said = (
        "kserve/overlays/odh/params.env: line 12: 'no equals sign' is not KEY=VALUE",
        "kserve/overlays/odh/params.env: line 13: kserve-agent is there twice",
    )
    fails(22, *said, arguments=demo(edit))


def test_manifests_that_reach_out_to_the_network(fails: Fails, demo: Demo) -> None:
    def edit(copy: Path) -> None:
        entry = copy / MANIFESTS / "kserve/overlays/odh/kustomization.yaml"
        replace(entry, "  - rbac\n", "  - rbac\n  - https://example.com/more?ref=main\n")

    fails(22, "https://example.com/more", "hint: ", arguments=demo(edit))


def test_unpinned_images_and_the_way_out(
    fails: Fails, demo: Demo, root: Path, demo_tree: Tree
) -> None:
    def edit(copy: Path) -> None:
        csv = copy / BUNDLE
        for env in (
            "RELATED_IMAGE_ODH_KSERVE_ROUTER_IMAGE",
            "RELATED_IMAGE_ODH_OPENVINO_MODEL_SERVER_IMAGE",
        ):
            replace(csv, f"name: {env}", f"name: NOT_{env}")

    arguments = demo(edit)
    said = (
        "kserve-router = quay.io/example/kserve-router:latest",
        "ConfigMap inferenceservice-config: data.router",
        "ovms-image = quay.io/example/openvino-model-server:2026.1-release",
        "ServingRuntime kserve-ovms",
        "--image",
    )
    fails(23, *said, arguments=arguments)
    fails(23, "kept: `rhoai-rebase process` tries again", arguments=arguments)

    keys = ("kserve-router", "ovms-image")
    one, other = (f"--image={key}={PINNED}" for key in keys)
    fails(23, "ovms-image = ", arguments=("process", one))
    rebase("process", one, other, root=root).ok()
    record = Tree(root).record
    for key in keys:
        assert record["images"][key]["reference"] == PINNED
        assert record["images"][key]["source"] == "override"
    assert record["options"]["images"].keys() == set(keys)

    shutil.rmtree(root)
    shutil.copytree(demo_tree.root, root)
    rebase(*arguments, one, other, root=root).ok()
    assert Tree(root).record == record


@pytest.mark.parametrize("wish", ["ovms-image=quay.io/a/b:latest", "ovms-image", f"={PINNED}"])
def test_overrides_have_to_be_pinned(wish: str, fails: Fails, demo_images: Images) -> None:
    arguments: tuple[str | Path, ...] = ("to", *demo_images.arguments, "--image", wish)
    fails(2, f"--image {wish}", "hint: ", "sha256", arguments=arguments)


def test_settings_that_are_not_there(fails: Fails, demo: Demo) -> None:
    def edit(copy: Path) -> None:
        for file in (copy / MANIFESTS / "kserve").rglob("*.yaml"):
            text = file.read_text()
            for name in ("disableIngressCreation", "defaultDeploymentMode"):
                text = text.replace(f'"{name}"', f'"renamed-{name}"')
            file.write_text(text)

    said = (
        "ConfigMap inferenceservice-config",
        "data.ingress has no disableIngressCreation",
        "data.deploy has no defaultDeploymentMode",
        "hint: ",
    )
    fails(24, *said, arguments=demo(edit))


def test_result_that_is_not_fit_to_ship(fails: Fails, demo: Demo) -> None:
    def edit(copy: Path) -> None:
        policies = copy / MANIFESTS / "kserve/overlays/odh/network-policies.yaml"
        policies.write_text(
            policies.read_text().rstrip("\n")
            + "\n---\napiVersion: unheard.example.com/v1\nkind: Thing\nmetadata: {name: one}\n"
        )

    fails(25, "unknown-api", "Thing one", "unheard.example.com", arguments=demo(edit))


def test_hand_kept_files_in_the_way(fails: Fails, root: Path, demo_images: Images) -> None:
    file = root / "assets/runtimes/ovms-kserve.yaml"
    file.write_text("# ours\n" + file.read_text().partition("\n")[2])
    said = ("assets/runtimes/ovms-kserve.yaml", "hint: rename or remove them")
    fails(2, *said, arguments=("to", *demo_images.arguments))


# Tools, places and interruptions


def fake(directory: Path, name: str, script: str) -> Path:
    """An executable that is not what its name says."""
    file = directory / name
    directory.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


def test_skopeo_is_missing(fails: Fails, demo_images: Images, tmp_path: Path) -> None:
    env = {"PATH": str(tmp_path / "empty")}
    said = ("skopeo is not installed", "hint: install skopeo")
    fails(3, *said, arguments=("to", *demo_images.arguments), env=env)


def test_skopeo_is_too_old(fails: Fails, demo_images: Images, tmp_path: Path) -> None:
    said = 'unknown command "experimental-image-proxy" for "skopeo"'
    old = fake(tmp_path / "bin", "skopeo", f"echo '{said}' >&2; exit 1").parent
    arguments = ("to", *demo_images.arguments)
    fails(
        3, "skopeo", said, "hint: install skopeo 1.9", arguments=arguments, env={"PATH": str(old)}
    )


def test_kustomize_is_too_old(fails: Fails, demo_images: Images, tmp_path: Path) -> None:
    old = fake(tmp_path / "bin", "kustomize", "echo v5.7.1")
    said = (f"{old} is version 5.7.1", "5.8.1 or later is needed", "hint: `make setup`")
    fails(3, *said, arguments=("to", *demo_images.arguments, "--kustomize", old))


@pytest.mark.parametrize("there", [False, True])
def test_kustomize_is_missing(
    there: bool, fails: Fails, demo_images: Images, tmp_path: Path
) -> None:
    gone = tmp_path / "kustomize"
    if there:
        gone.write_text("not a program")
    arguments: tuple[str | Path, ...] = ("to", *demo_images.arguments, "--kustomize", gone)
    fails(3, "kustomize", "hint: ", arguments=arguments)


def test_kustomize_fails(fails: Fails, demo_images: Images, tmp_path: Path) -> None:
    script = 'case $1 in version) echo v5.8.1;; *) echo "Error: out of ideas" >&2; exit 1;; esac'
    broken = fake(tmp_path / "bin", "kustomize", script)
    arguments: tuple[str | Path, ...] = ("to", *demo_images.arguments, "--kustomize", broken)
    run = rebase(*arguments, root=tmp_path)
    assert run.code in (3, 22)
    run.failed(run.code, "out of ideas")
    fails(run.code, arguments=arguments)


def test_nothing_is_staged(fails: Fails) -> None:
    said = ("nothing is staged", "hint: run `rhoai-rebase download BUNDLE`")
    fails(2, *said, arguments=("process",))


def test_commit_outside_a_repository(fails: Fails, demo_images: Images) -> None:
    arguments: tuple[str | Path, ...] = ("to", *demo_images.arguments, "--commit")
    fails(30, "not in a git repository", "hint: leave out --commit", arguments=arguments)


@pytest.mark.parametrize(
    ("send", "number", "code"),
    [
        (os.killpg, signal.SIGINT, 130),  # as a terminal does: to all at once
        (os.kill, signal.SIGINT, 130),
        (os.kill, signal.SIGTERM, 143),  # as CI does when time is up
    ],
)
def test_interrupted_it_leaves_the_tree_and_nothing_behind(
    send: Callable[[int, int], None],
    number: signal.Signals,
    code: int,
    root: Path,
    demo_images: Images,
    tmp_path: Path,
) -> None:
    started, temporary = tmp_path / "started", tmp_path / "tmp"
    temporary.mkdir()
    script = f'case $1 in version) echo v5.8.1;; *) echo $$ >"{started}"; exec sleep 60;; esac'
    slow = fake(tmp_path / "bin", "kustomize", script)
    before = written(root)
    process = subprocess.Popen(
        [*argv("to", *demo_images.arguments, "--kustomize", slow), "--root", str(root)],
        env=environment(root, {"TMPDIR": str(temporary)}),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        for _ in range(600):
            if started.is_file() and started.read_text().strip():
                break
            time.sleep(0.05)
        send(process.pid, number)
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == code, said
    assert b"the tree is as it was" in said
    assert written(root) == before
    assert not Path(f"/proc/{started.read_text().strip()}").exists()
    assert list(temporary.iterdir()) == []
