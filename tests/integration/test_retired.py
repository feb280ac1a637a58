"""What an older package applied and the new one lacks: deleted from clusters, or told."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.support.command import rebase
from integration.support.images import Images, make_demo, replace
from integration.support.surroundings import kustomize
from integration.support.trees import Object, Tree, group, parse, render, snapshot, title

DELETE = "assets/delete"
CUSTOM = "release/retired-custom-objects.yaml"
HISTORY = "release/history.json"
BASE = "operator/opt/manifests-template"
METRICS = {
    "ClusterRole kserve-metrics-reader",
    "ClusterRoleBinding kserve-metrics-reader-binding",
}


def smaller(demo: Path) -> None:
    """A version that has lost a role with its binding, and a runtime."""
    rbac = demo / BASE / "kserve/overlays/odh/rbac/kustomization.yaml"
    replace(rbac, "  - metrics-binding.yaml\n", "")
    replace(
        demo / BASE / "modelcontroller/runtimes/kustomization.yaml",
        "  - mlserver-template.yaml\n",
        "",
    )
    replace(demo / "bundle/manifests/demo-operator.clusterserviceversion.yaml", "3.4.0", "3.4.1")


@pytest.fixture(scope="module")
def smaller_demo(tmp_path_factory: pytest.TempPathFactory) -> Images:
    return make_demo(tmp_path_factory.mktemp("smaller") / "images", smaller)


@pytest.fixture
def root(demo_tree: Tree, tmp_path: Path) -> Path:
    """The demo's tree, to be rebased on."""
    shutil.copytree(demo_tree.root, tmp_path / "root")
    return tmp_path / "root"


def names(text: str) -> set[str]:
    return {title(obj) for obj in parse(text)}


def test_a_first_rebase_deletes_nothing(demo_tree: Tree) -> None:
    assert not (demo_tree.root / DELETE).exists()
    assert not (demo_tree.root / HISTORY).exists()
    assert not (demo_tree.root / CUSTOM).exists()


def test_what_went_is_deleted_and_what_must_wait_is_told(
    root: Path, demo_images: Images, smaller_demo: Images
) -> None:
    run = rebase("to", *smaller_demo.arguments, root=root).ok()
    assert names(render(root / DELETE)) == METRICS
    assert names((root / CUSTOM).read_text()) == {"ServingRuntime mlserver-runtime"}
    history = json.loads((root / HISTORY).read_text())
    assert [one["last"] for one in history["retired"]] == ["3.4.0-demo"] * 3
    deleted, stays = (line for line in run.out.splitlines() if "of earlier versions" in line)
    assert ", deleted when MicroShift starts: ClusterRole kserve-m" in deleted
    assert "would wait): ServingRuntime mlserver-runtime (3.4.0-demo)" in stays

    once = snapshot(root)
    rebase("to", *smaller_demo.arguments, root=root).ok()
    assert snapshot(root) == once

    rebase("to", *demo_images.arguments, root=root).ok()  # they are back
    assert not (root / DELETE).exists()
    assert not (root / HISTORY).exists()
    assert not (root / CUSTOM).exists()


def test_the_list_renders_with_every_kustomize(root: Path, smaller_demo: Images) -> None:
    rebase("to", *smaller_demo.arguments, root=root).ok()
    assert len({render(root / DELETE, version) for version in ("5.5.0", "5.7.1", "5.8.1")}) == 1


ADDED = {
    "deletes-shipped": "apiVersion: v1\nkind: Service\nmetadata:\n"
    "  name: kserve-webhook-server-service\n  namespace: redhat-ods-applications\n",
    "deletes-users": "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ai-demo\n",
    "deletes-custom": "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\n"
    "metadata:\n  name: mine\n",
}


@pytest.mark.parametrize("check_id", ADDED)
def test_what_people_add_to_the_list_is_checked_too(
    check_id: str, root: Path, smaller_demo: Images
) -> None:
    kustomize("5.8.1")
    (root / DELETE).mkdir()
    (root / DELETE / "mine.yaml").write_text(ADDED[check_id])
    (root / DELETE / "kustomization.yaml").write_text("resources:\n- mine.yaml\n")
    before = snapshot(root, "assets", "release")
    rebase("to", *smaller_demo.arguments, root=root).failed(25, check_id, DELETE)
    assert snapshot(root, "assets", "release") == before


def test_what_people_add_rightly_stays(root: Path, smaller_demo: Images) -> None:
    (root / DELETE).mkdir()
    (root / DELETE / "mine.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: old\n  namespace: x\n"
    )
    (root / DELETE / "kustomization.yaml").write_text("resources:\n- mine.yaml\n")
    rebase("to", *smaller_demo.arguments, root=root).ok()
    assert names(render(root / DELETE)) == {*METRICS, "ConfigMap old"}


@pytest.mark.parametrize("path", ["release/rebase.json", HISTORY])
def test_a_history_that_cannot_be_read_stops_the_rebase(
    path: str, root: Path, demo_images: Images
) -> None:
    (root / path).write_text("<<<<<<< HEAD\n")
    before = snapshot(root, "assets", "release")
    run = rebase("to", *demo_images.arguments, root=root)
    run.failed(2, f"{path} cannot be read", f"git checkout -- {path}")
    assert snapshot(root, "assets", "release") == before


# Released versions, one after the other in one tree


def identity(obj: Object) -> tuple[str, str, str, str]:
    metadata = obj["metadata"]
    return group(obj), obj["kind"], metadata.get("namespace", ""), metadata["name"]


def test_over_the_released_versions_the_lists_are_exactly_what_is_gone(
    rebased: Callable[[str], Tree], images_of: Callable[[str], Images], tmp_path: Path
) -> None:
    """From the renders, not from the record: ever shipped, less what ships, by kind."""
    ever: set[tuple[str, str, str, str]] = set()
    for version in ("2.22", "2.25", "3.4"):
        images = images_of(version)
        rebase("to", *images.arguments, root=tmp_path).ok()
        tree = Tree(tmp_path)
        assert snapshot(tmp_path, "assets/kserve") == snapshot(
            rebased(version).root, "assets/kserve"
        )
        now = {
            identity(obj)
            for directory in tree.directories
            for obj in parse(render(tmp_path / "assets" / directory))
        }
        ever |= now
        gone = {
            one for one in ever - now if one[1] not in ("CustomResourceDefinition", "Namespace")
        }
        custom = {one for one in gone if one[0].endswith(("kserve.io", "llm-d.ai", "x-k8s.io"))}
        listed: set[tuple[str, str, str, str]] = set()
        if (tmp_path / DELETE).exists():
            listed = {identity(obj) for obj in parse(render(tmp_path / DELETE))}
        by_hand: set[tuple[str, str, str, str]] = set()
        if (tmp_path / CUSTOM).exists():
            by_hand = {identity(obj) for obj in parse((tmp_path / CUSTOM).read_text())}
        assert listed == gone - custom, version
        assert by_hand == custom, version
    assert len(listed) == 5
    assert len(by_hand) == 3


def test_the_first_real_rebase_of_a_tree_with_the_demo_has_no_history(
    root: Path, images_of: Callable[[str], Images]
) -> None:
    """This repository as it is cloned."""
    rebase("to", *images_of("2.22").arguments, root=root).ok()
    assert not (root / DELETE).exists()
    assert not (root / HISTORY).exists()
    assert not (root / CUSTOM).exists()
