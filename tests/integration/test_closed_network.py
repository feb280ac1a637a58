"""A network without registry.redhat.io: everything comes from a mirror."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.support.command import rebase
from integration.support.images import Images, make_demo, make_images
from integration.support.registry import Registry, mirror_conf, running_registry
from integration.support.surroundings import VERSIONS
from integration.support.trees import Tree, snapshot

NEWEST = VERSIONS[-1]


@pytest.fixture
def registries_conf(registry: Registry, tmp_path: Path) -> Path:
    """A registries.conf that sends registry.redhat.io to the registry of the tests."""
    file = tmp_path / "registries.conf"
    file.write_text(mirror_conf("registry.redhat.io", registry.host))
    return file


def test_a_mirror_serves_images_by_their_production_names(
    registry: Registry, registries_conf: Path, rebased: Callable[[str], Tree], tmp_path: Path
) -> None:
    names = ("--csv-registry", "registry.redhat.io", "--tag", "closed", "--push", registry.host)
    make_images(NEWEST, tmp_path / "images", *names)
    root = tmp_path / "root"
    root.mkdir()
    bundle = "registry.redhat.io/rhoai/odh-operator-bundle:closed"
    rebase("to", bundle, "--registries-conf", registries_conf, root=root).ok()
    tree = Tree(root)
    assert tree.record["bundle"]["reference"] == bundle
    for image in tree.record["images_read"]:
        assert image["reference"].startswith("registry.redhat.io/rhoai/"), image["role"]
    host = registry.host.encode()
    assert not [file for file in root.rglob("*") if file.is_file() and host in file.read_bytes()]
    assert snapshot(root, "assets") == snapshot(rebased(NEWEST).root, "assets")


def test_process_needs_no_network(tmp_path: Path) -> None:
    """`download`, then `process` when the registry is gone, is `to`."""
    images = make_demo(tmp_path / "images")
    roots = {name: tmp_path / name for name in ("to", "in-two-steps")}
    for root in roots.values():
        root.mkdir()
    conf = tmp_path / "registries.conf"
    bundle = "registry.example.com/demo/demo-bundle:v1"
    with running_registry(tmp_path / "registry") as registry:
        conf.write_text(mirror_conf("registry.example.com", registry.host))
        _push_demo(images, registry)
        rebase("to", bundle, "--registries-conf", conf, root=roots["to"]).ok()
        two = roots["in-two-steps"]
        said = rebase("download", bundle, "--registries-conf", conf, root=two).ok()
    assert "rhoai-rebase process" in said.out
    assert not (two / "assets").exists()
    without_skopeo = {"PATH": ""}
    rebase("process", root=two, env=without_skopeo).ok()
    below = ("assets", "release")
    assert snapshot(two, *below) == snapshot(roots["to"], *below)
    rebase("to", bundle, "--registries-conf", conf, root=two).failed(12, bundle)


def test_staged_files_are_kept_where_they_are_asked_for(
    demo_images: Images, tmp_path: Path
) -> None:
    wishes: dict[str, tuple[list[str], dict[str, str]]] = {
        "option": (["--keep-staging"], {}),
        "environment": ([], {"KEEP_STAGING": "true"}),
        "neither": ([], {}),
    }
    kept = {}
    for name, (options, env) in wishes.items():
        root = tmp_path / name
        root.mkdir()
        rebase("to", *demo_images.arguments, *options, root=root, env=env).ok()
        kept[name] = (root / "_output/staging/staging.json").is_file()
    assert kept == {"option": True, "environment": True, "neither": False}
    assert not (tmp_path / "neither/_output").exists()
    said = rebase("process", "--json", root=tmp_path / "option").ok()
    assert json.loads(said.out)["changed"] is False


def _push_demo(images: Images, registry: Registry) -> None:
    for part, layout in images.layouts.items():
        registry.copy(f"oci:{layout}:image", f"demo/demo-{part}:v1", "--preserve-digests")
