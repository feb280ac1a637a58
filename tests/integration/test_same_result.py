"""However images are made, stored and read, the same version gives the same bytes."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integration.conftest import LOCAL
from integration.support.command import rebase
from integration.support.images import Images, make_demo, make_images
from integration.support.registry import Registry
from integration.support.surroundings import REPO, VERSIONS, tool
from integration.support.trees import Tree, snapshot

QUICKEST, NEWEST = VERSIONS[0], VERSIONS[-1]
READ, NOT_READ = True, False


def times(root: Path) -> dict[str, int]:
    """Path → time of change, of every file and directory."""
    return {str(path): path.stat().st_mtime_ns for path in sorted(root.rglob("*"))}


def layers_read(images: list[dict[str, Any]]) -> dict[str, list[bool]]:
    """Role → for each layer, oldest first: was it read?"""
    return {image["role"]: [layer["read"] for layer in image["layers"]] for image in images}


def skopeo(*words: str) -> bytes:
    done = subprocess.run([tool("skopeo"), *words], check=True, capture_output=True)
    return done.stdout


def staged(root: Path) -> dict[str, Any]:
    return dict(json.loads((root / "_output/staging/staging.json").read_text()))


def test_another_root_gets_the_same_bytes(
    rebased: Callable[[str], Tree], images_of: Callable[[str], Images], tmp_path: Path
) -> None:
    rebase("to", images_of(QUICKEST).bundle, LOCAL, root=tmp_path).ok()
    assert snapshot(tmp_path) == snapshot(rebased(QUICKEST).root)


def test_a_second_run_changes_nothing_and_touches_nothing(
    rebased: Callable[[str], Tree], images_of: Callable[[str], Images], tmp_path: Path
) -> None:
    root = tmp_path / "root"
    shutil.copytree(rebased(QUICKEST).root, root)
    before, before_bytes = times(root), snapshot(root)
    run = rebase("to", images_of(QUICKEST).bundle, LOCAL, root=root).ok()
    assert "nothing changed" in run.out
    assert times(root) == before
    assert snapshot(root) == before_bytes


@pytest.mark.parametrize("which", [QUICKEST, NEWEST])
def test_local_images_give_the_same_assets(
    which: str, rebased: Callable[[str], Tree], images_of: Callable[[str], Images], tmp_path: Path
) -> None:
    tree = rebased(which)
    rebase("to", *images_of(which).arguments, root=tmp_path).ok()
    assert snapshot(tmp_path, "assets") == snapshot(tree.root, "assets")
    assert Tree(tmp_path).release_infos() == tree.release_infos()


@pytest.mark.parametrize(
    "options", [["--layout", "squashed"], ["--multiarch"]], ids=lambda o: o[-1]
)
def test_other_layouts_give_the_same_assets(
    options: list[str], rebased: Callable[[str], Tree], registry: Registry, tmp_path: Path
) -> None:
    tag = "other-" + options[-1].strip("-")
    tree = rebased(QUICKEST)
    images = make_images(
        QUICKEST, tmp_path / "images", *options, "--tag", tag, "--push", registry.host
    )
    root = tmp_path / "root"
    root.mkdir()
    rebase("to", images.bundle, LOCAL, root=root).ok()
    assert snapshot(root, "assets") == snapshot(tree.root, "assets")


def docker_v2s2(layout: Path, _: Path, registry: Registry) -> str:
    return registry.copy(f"oci:{layout}:image", f"copies/{layout.name}:v2s2", "--format", "v2s2")


def zstd(layout: Path, out: Path, registry: Registry) -> str:
    # In a layout first: a registry that has the gzip blob is given that one.
    options = ("--dest-compress", "--dest-compress-format", "zstd")
    compressed = f"oci:{out / layout.name}:image"
    skopeo("copy", "--quiet", *options, f"oci:{layout}:image", compressed)
    return registry.copy(compressed, f"copies/{layout.name}:zstd", "--preserve-digests")


@pytest.mark.parametrize(
    ("convert", "media_type"),
    [
        (docker_v2s2, "application/vnd.docker.image.rootfs.diff.tar.gzip"),
        (zstd, "application/vnd.oci.image.layer.v1.tar+zstd"),
    ],
)
def test_other_formats_give_the_same_assets(
    convert: Callable[[Path, Path, Registry], str],
    media_type: str,
    rebased: Callable[[str], Tree],
    images_of: Callable[[str], Images],
    registry: Registry,
    tmp_path: Path,
) -> None:
    tree, layouts, root = rebased(QUICKEST), images_of(QUICKEST).layouts, tmp_path / "root"
    root.mkdir()
    bundle, operator = (
        convert(layouts[part], tmp_path, registry) for part in ("bundle", "operator")
    )
    for copy in (bundle, operator):
        manifest = json.loads(skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{copy}"))
        assert {layer["mediaType"] for layer in manifest["layers"]} == {media_type}
    rebase("to", bundle, "--operator-image", operator, LOCAL, root=root).ok()
    assert snapshot(root, "assets") == snapshot(tree.root, "assets")


def test_all_layers_give_the_same_tree_but_for_what_was_read(
    rebased: Callable[[str], Tree], images_of: Callable[[str], Images], tmp_path: Path
) -> None:
    tree = rebased(QUICKEST)
    rebase("to", images_of(QUICKEST).bundle, LOCAL, "--all-layers", root=tmp_path).ok()
    assert snapshot(tmp_path, "assets") == snapshot(tree.root, "assets")
    everything = layers_read(Tree(tmp_path).record["images_read"])
    assert all(all(read) for read in everything.values())
    assert everything.keys() == layers_read(tree.record["images_read"]).keys()


def test_only_the_layer_with_the_manifests_is_read(tree: Tree) -> None:
    """Of base | /opt/… | /manager; 3.5's are one image further."""
    images = tree.record["images_read"]
    read = layers_read(images)
    assert [image["role"] for image in images][:2] == ["bundle", "operator"]
    assert read["bundle"] == [READ, READ]
    assert read[images[-1]["role"]] == [NOT_READ, READ, NOT_READ]
    assert images[-1]["found"] == "the manifests"


def test_of_large_images_little_is_read(registry: Registry, tmp_path: Path) -> None:
    large = ("--base-mb", "20", "--binary-mb", "20", "--tag", "large", "--push", registry.host)
    images = make_images(QUICKEST, tmp_path / "images", *large)
    run = rebase("download", images.bundle, LOCAL, root=tmp_path).ok()
    operator = staged(tmp_path)["images"][1]
    assert layers_read([operator]) == {"operator": [NOT_READ, READ, NOT_READ]}
    assert sum(layer["size"] for layer in operator["layers"]) > 40e6
    assert sum(layer["size"] for layer in operator["layers"] if layer["read"]) < 3e6
    assert "MB read of 4" in run.out


def test_squashed_images_of_the_newest_version_stage_the_same(
    images_of: Callable[[str], Images], registry: Registry, tmp_path: Path
) -> None:
    """The newest has its manifests in the module image; the operator's has to be read first."""
    roots = tmp_path / "layered", tmp_path / "squashed"
    squashed = make_images(
        *(NEWEST, tmp_path / "images", "--layout", "squashed", "--multiarch"),
        *("--tag", "squashed", "--push", registry.host),
    )
    for root, images in zip(roots, (images_of(NEWEST), squashed), strict=True):
        root.mkdir()
        rebase("download", images.bundle, LOCAL, root=root).ok()
    one, other = (snapshot(root / "_output/staging/image") for root in roots)
    assert one == other


def test_architectures_of_an_index_are_chosen(
    registry: Registry, tmp_path: Path, images_of: Callable[[str], Images]
) -> None:
    images = make_images(
        *(QUICKEST, tmp_path / "images", "--multiarch"),
        *("--tag", "two-architectures", "--push", registry.host),
    )
    root = tmp_path / "root"
    root.mkdir()
    rebase("to", images.bundle, LOCAL, "--arch", "aarch64", "--arch", "x86_64", root=root).ok()
    infos = Tree(root)
    for architecture in ("aarch64", "x86_64"):
        assert infos.release_infos(architecture), architecture


def test_the_demo_gives_what_is_committed(tmp_path: Path) -> None:
    """assets/ and release/ of this repository are a rebase of demo/, as `make demo` runs it."""
    images = make_demo(tmp_path / "_output/demo")
    assert set(images.layouts) == {"bundle", "operator"}
    arguments = [
        "oci:_output/demo/bundle:image",
        "--operator-image",
        "oci:_output/demo/operator:image",
    ]
    rebase("to", *arguments, root=tmp_path).ok()
    ours, committed = Tree(tmp_path).record, Tree(REPO).record
    # The record names the kustomize that was at hand, which may be newer here.
    assert {**ours, "tools": None} == {**committed, "tools": None}
    (tmp_path / "release/rebase.json").write_bytes((REPO / "release/rebase.json").read_bytes())
    below = ("assets", "release")
    assert snapshot(tmp_path, *below) == snapshot(REPO, *below)


def test_squashed_demo_gives_the_same_assets(demo_tree: Tree, tmp_path: Path) -> None:
    images = make_demo(tmp_path / "images", None, "--squashed")
    rebase("to", *images.arguments, root=tmp_path).ok()
    assert snapshot(tmp_path, "assets") == snapshot(demo_tree.root, "assets")
