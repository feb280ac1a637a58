"""The RPMs, installed in a scratch root, and the user guide's procedures on their files."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.support.command import environment
from integration.support.surroundings import NAMESPACE, REPO, kustomize, need_data, tool
from integration.support.trees import Tree, parse, render, snapshot

VERSION = "2.25"
MANIFESTS_D = "usr/lib/microshift/manifests.d"
KSERVE = f"{MANIFESTS_D}/010-microshift-ai-model-serving-kserve"
LLM_D = f"{MANIFESTS_D}/030-microshift-ai-model-serving-llm-d"
RUNTIMES = f"{MANIFESTS_D}/050-microshift-ai-model-serving-runtimes"
RELEASE = "usr/share/microshift/release/release-ai-model-serving-x86_64.json"
PLACES = {"kserve": KSERVE, "llm-d": LLM_D, "runtimes": RUNTIMES}
CONFIGURATION = "inferenceservice-config-microshift-patch.yaml"

# The user guide's own lines, but for the directory, which is today's, and ROOT.
COPY_A_RUNTIME = """\
set -euo pipefail
OVMS_IMAGE="$(jq -r '.images | with_entries(select(.key == "ovms-image")) | .[]' \
ROOT/usr/share/microshift/release/release-ai-model-serving-"$(uname -i)".json)"
cp ROOT/usr/lib/microshift/manifests.d/050-microshift-ai-model-serving-runtimes/ovms-kserve.yaml \
./ovms-kserve.yaml
sed -i "s,image: ovms-image,image: ${OVMS_IMAGE}," ./ovms-kserve.yaml
"""
# bootc builds: every image of KServe, and one runtime's, embedded.
IMAGE_PULL_LIST = """\
jq -r '.images | with_entries(select(.key | (startswith("kserve") and . != "kserve-llm-d") \
or . == "ovms-image")) | .[]' ROOT/usr/share/microshift/release/release-ai-model-serving-x86_64.json
"""


def build(tree: Tree, directory: Path, *, epoch: str = "1700000000") -> Path:
    """Packages of a tree, by the script, in a directory of their own; gives where they are."""
    for name in ("rpmbuild", "jq", "tar"):
        tool(name)
    directory.mkdir()
    for name in ("assets", "release"):
        shutil.copytree(tree.root / name, directory / name)
    shutil.copytree(REPO / "packaging", directory / "packaging")
    env = {"SOURCE_DATE_EPOCH": epoch, "KUSTOMIZE": str(kustomize("5.8.1"))}
    script(directory / "packaging/build-rpms.sh", "rpms", cwd=directory, env=env)
    return directory / "rpms"


def install(root: Path, rpms: Path, *packages: str) -> None:
    for name in ("dnf", "createrepo_c"):
        tool(name)
    words = (str(root), str(rpms), *packages)
    # Debian's rpm has its database in HOME, below ROOT: the same one for every call.
    home = {"HOME": "/root"}
    script(REPO / "packaging/install-into-root.sh", *words, cwd=rpms, env=home)


def script(file: Path, *arguments: str, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(file), *arguments],
        cwd=cwd,
        env=environment(cwd, env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def bash(text: str, root: Path, cwd: Path) -> str:
    """Run a user's script on the files of a scratch root, on an x86_64 device."""
    programs = cwd / "bin"
    programs.mkdir()
    uname = programs / "uname"
    uname.write_text('#!/bin/sh\n[ "$*" = -i ] && echo x86_64\n')
    uname.chmod(0o755)
    file = cwd / "script"
    file.write_text(f"#!{tool('bash')}\n" + text.replace("ROOT/", f"{root}/"))
    file.chmod(0o755)
    tool("jq")
    return script(file, cwd=cwd, env={"PATH": f"{programs}:{os.environ['PATH']}"})


@pytest.fixture(scope="module")
def rpms(rebased: Callable[[str], Tree], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of one released version."""
    need_data(VERSION)
    return build(rebased(VERSION), tmp_path_factory.mktemp("rpm") / "build")


@pytest.fixture(scope="module")
def device(rpms: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with all of them installed."""
    root = tmp_path_factory.mktemp("device")
    install(root, rpms)
    return root


def test_files_are_where_microshift_and_users_look(
    device: Path, rebased: Callable[[str], Tree]
) -> None:
    tree = rebased(VERSION)
    found = {file.name for file in (device / MANIFESTS_D).iterdir()}
    assert found == {Path(PLACES[directory]).name for directory in tree.directories}
    for directory in tree.directories:
        theirs = snapshot(tree.root / "assets" / directory)
        assert snapshot(device / PLACES[directory]) == theirs, directory
    infos = {
        file.name: json.loads(file.read_text()) for file in (device / RELEASE).parent.iterdir()
    }
    assert infos == tree.release_infos()
    assert Path(RELEASE).name in infos


def test_installed_files_are_readable_by_all_and_dated_reproducibly(device: Path) -> None:
    for place in (*PLACES.values(), RELEASE):
        for file in [device / place, *(device / place).rglob("*")]:
            if file.is_file():
                assert file.stat().st_mode & 0o777 == 0o644, file
                assert file.stat().st_mtime == 1700000000, file


def test_installed_directories_render_with_every_kustomize(
    device: Path, rebased: Callable[[str], Tree]
) -> None:
    tree = rebased(VERSION)
    for directory in tree.directories:
        for version in ("5.5.0", "5.8.1"):
            assert render(device / PLACES[directory], version) == tree.render(directory)


def test_packages_can_be_installed_apart(
    rpms: Path, rebased: Callable[[str], Tree], tmp_path: Path
) -> None:
    name = "microshift-ai-model-serving"
    install(tmp_path / "core", rpms, name)
    assert (tmp_path / "core" / KSERVE / "kustomization.yaml").is_file()
    assert (tmp_path / "core" / RUNTIMES / "kustomization.yaml").is_file()
    assert not (tmp_path / "core" / LLM_D).exists()
    assert not (tmp_path / "core" / RELEASE).exists()
    install(tmp_path / "info", rpms, f"{name}-release-info")
    infos = (tmp_path / "info" / RELEASE).parent.iterdir()
    assert [file.name for file in infos] == [Path(RELEASE).name]
    assert not (tmp_path / "info" / MANIFESTS_D).exists()
    if "llm-d" in rebased(VERSION).directories:
        install(tmp_path / "llm-d", rpms, f"{name}-llm-d")
        assert (tmp_path / "llm-d" / LLM_D / "kustomization.yaml").is_file()
        assert (tmp_path / "llm-d" / KSERVE / "kustomization.yaml").is_file()


def test_two_builds_are_the_same_bytes(demo_tree: Tree, tmp_path: Path) -> None:
    one = build(demo_tree, tmp_path / "one")
    for path in (demo_tree.root / "assets").rglob("*"):
        os.utime(path)
    other = build(demo_tree, tmp_path / "a-longer-name")
    assert snapshot(one) == snapshot(other)
    assert any(name.endswith(".x86_64.rpm") for name in snapshot(one))
    assert any("release-info" in name and name.endswith(".noarch.rpm") for name in snapshot(one))


def test_packages_are_upgraded(rpms: Path, rebased: Callable[[str], Tree], tmp_path: Path) -> None:
    """What the older version alone has is gone; what is new is there."""
    need_data("2.22")
    older, root = rebased("2.22"), tmp_path / "device"
    install(root, build(older, tmp_path / "older"))
    assert snapshot(root / KSERVE) == snapshot(older.root / "assets/kserve")
    install(root, rpms)
    for directory in ("kserve", "runtimes"):
        theirs = snapshot(rebased(VERSION).root / "assets" / directory)
        assert snapshot(root / PLACES[directory]) == theirs


def test_guide_copying_a_runtime(
    device: Path, rebased: Callable[[str], Tree], tmp_path: Path
) -> None:
    bash(COPY_A_RUNTIME, device, tmp_path)
    (runtime,) = parse((tmp_path / "ovms-kserve.yaml").read_text())
    (container,) = runtime["spec"]["containers"]
    infos = rebased(VERSION).release_infos()
    assert container["image"] == infos[Path(RELEASE).name]["images"]["ovms-image"]
    assert "@sha256:" in container["image"]
    assert "namespace" not in runtime["metadata"]

    manifests = tmp_path / "manifests"
    manifests.mkdir()
    shutil.copy(tmp_path / "ovms-kserve.yaml", manifests)
    (manifests / "kustomization.yaml").write_text(
        "namespace: ai-demo\nresources:\n  - ovms-kserve.yaml\n"
    )
    (rendered,) = parse(render(manifests, "5.5.0"))
    runtime["metadata"]["namespace"] = "ai-demo"
    assert rendered == runtime


def test_guide_copying_the_configuration(device: Path, tmp_path: Path) -> None:
    """Edited with MicroShift's own sed, in a directory that is applied after ours."""
    sed = 's,disableIngressCreation": true,disableIngressCreation": false,'
    bash(f"cp ROOT/{KSERVE}/{CONFIGURATION} . && sed -i '{sed}' {CONFIGURATION}", device, tmp_path)
    own = tmp_path / "100-ours"
    own.mkdir()
    shutil.move(tmp_path / CONFIGURATION, own)
    (own / "kustomization.yaml").write_text(f"resources: [{CONFIGURATION}]\n")
    (edited,) = parse(render(own, "5.5.0"))
    (installed,) = parse((device / KSERVE / CONFIGURATION).read_text())
    assert (edited["kind"], edited["metadata"]["name"]) == ("ConfigMap", "inferenceservice-config")
    assert edited["metadata"]["namespace"] == NAMESPACE
    assert edited["data"].keys() == installed["data"].keys()
    assert json.loads(installed["data"]["ingress"])["disableIngressCreation"] is True
    assert json.loads(edited["data"]["ingress"])["disableIngressCreation"] is False
    edited["data"].pop("ingress")
    installed["data"].pop("ingress")
    assert edited == installed


def test_images_to_embed_are_listed(device: Path, tmp_path: Path) -> None:
    """All that a device needs to start KServe and one runtime without a network."""
    listed = set(bash(IMAGE_PULL_LIST, device, tmp_path).split())
    needed = {
        container["image"]
        for obj in parse(render(device / KSERVE))
        if obj["kind"] == "Deployment"
        for container in obj["spec"]["template"]["spec"]["containers"]
        if obj["metadata"]["name"] == "kserve-controller-manager"
    }
    assert len(listed) > 3
    assert all("@sha256:" in image for image in listed)
    manager = [image for image in needed if "kserve-controller" in image]
    assert manager
    assert listed.issuperset(manager)
