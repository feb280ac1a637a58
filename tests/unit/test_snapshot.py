"""What a directory ships, whoever made it: trees of ours, devices, unpacked packages."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rebase import assets, release
from rebase.compare.comparison import compare
from rebase.compare.images import ImageFacts
from rebase.compare.snapshot import PARTS, Cache, Snapshot, read_snapshot, ships
from rebase.errors import CheckError, TreeError, UsageError
from rebase.model import NAMESPACE, PACKAGE, ImageSource, ObjectName
from rebase.release import ShippedFile
from rebase.sbom import sbom
from rebase.tools.kustomize import Kustomize
from unit.helpers import executable, pinned, write_tree
from unit.test_release import image, record

Read = Callable[..., Snapshot]
MANIFESTS = "usr/lib/microshift/manifests.d"
INFO = "release-ai-model-serving-x86_64.json"
SERVICE = f"apiVersion: v1\nkind: Service\nmetadata: {{name: a, namespace: {NAMESPACE}}}\n"
RUNTIME = (
    "apiVersion: serving.kserve.io/v1alpha1\nkind: ServingRuntime\nmetadata: {name: ovms}\n"
    f"spec: {{containers: [{{name: c, image: {pinned('ovms')}}}]}}\n"
)


def part(directory: str, text: str) -> dict[str, str | bytes]:
    return {
        f"{directory}/kustomization.yaml": "resources: [a.yaml]\n",
        f"{directory}/a.yaml": text,
    }


TREE = {**part("assets/kserve", SERVICE), **part("assets/runtimes", RUNTIME)}
DEVICE = {
    **part(f"{MANIFESTS}/010-{PACKAGE}-kserve", SERVICE),
    **part(f"{MANIFESTS}/050-{PACKAGE}-runtimes", RUNTIME),
}


def info(version: str = "3.4.0", **images: str) -> str:
    return json.dumps({"release": {"base": version}, "images": images})


@pytest.fixture
def kustomize(kustomize_path: Path) -> Kustomize:
    return Kustomize(kustomize_path, "v5.8.1")


@pytest.fixture
def read(kustomize: Kustomize, tmp_path: Path) -> Read:
    """Writes files and reads them as a side."""

    def read(files: dict[str, str | bytes], cache: Cache | None = None, **more: Any) -> Snapshot:
        root = write_tree(tmp_path / "root", files)
        return read_snapshot(root, "SIDE", kustomize, {} if cache is None else cache, **more)

    return read


def names(snapshot: Snapshot) -> dict[str, str]:
    return {str(obj): part for part, obj in snapshot.objects.values()}


# Where things are


@pytest.mark.parametrize("files", [TREE, DEVICE])
def test_parts_are_found(read: Read, files: dict[str, str | bytes], tmp_path: Path) -> None:
    found = read(files)
    assert names(found) == {"Service a": "kserve", "ServingRuntime ovms": "runtimes"}
    assert found.name == "SIDE"
    assert ships(tmp_path / "root")
    assert found.costs.keys() == {"kserve", "runtimes"}
    assert all(cost.rendered_bytes and cost.seconds is None for cost in found.costs.values())


def test_a_tree_could_have_every_part_and_a_package_has_what_it_has(read: Read) -> None:
    assert read(TREE).parts == frozenset(PARTS)
    assert read(DEVICE).parts == {"kserve", "runtimes"}  # a device's manifests come before trees


def test_llm_d(read: Read) -> None:
    assert names(read({**TREE, **part("assets/llm-d", SERVICE.replace("a,", "b,"))})) == {
        "Service a": "kserve",
        "ServingRuntime ovms": "runtimes",
        "Service b": "llm-d",
    }


def test_what_users_put_beside_is_not_ours(read: Read) -> None:
    files = part(f"{MANIFESTS}/060-{PACKAGE}-mine", "nonsense")
    files |= part(f"{MANIFESTS}/020-gateway", "nonsense")
    files[f"{MANIFESTS}/030-{PACKAGE}-llm-d"] = "a file"
    assert read({**DEVICE, **files}).parts == {"kserve", "runtimes"}


@pytest.mark.parametrize(
    "files",
    [
        {"README.md": "nothing"},
        {f"{MANIFESTS}/000-other/kustomization.yaml": ""},
        {"assets/kserve/a.yaml": SERVICE},
    ],
)
def test_a_directory_that_ships_nothing(read: Read, files: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="SIDE ships nothing of ours") as raised:
        read(files)
    assert raised.value.hint
    assert not ships(tmp_path / "root")


# Rendering


@pytest.mark.parametrize("measured", [False, True])
def test_what_does_not_render_is_told_by_side_and_directory(
    kustomize: Kustomize, tmp_path: Path, measured: bool
) -> None:
    root = write_tree(tmp_path / "root", TREE)
    script = f'#!/bin/sh\necho "Error: {root}/$(basename $2): no" >&2\nexit 1\n'
    broken = replace(kustomize, path=executable(tmp_path, "broken", script))
    with pytest.raises(CheckError) as raised:
        read_snapshot(root, "SIDE", broken, {}, measured=measured)
    assert raised.value.message == "SIDE: assets/kserve does not render"
    assert raised.value.details == ("Error: kserve: no",)


def test_a_kustomize_that_says_nothing(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "root", TREE)
    with pytest.raises(CheckError) as raised:
        read_snapshot(root, "SIDE", Kustomize(tmp_path / "kustomize", "v5.8.1"), {})
    assert raised.value.details == ("kustomize is not installed",)


def test_costs_are_measured(read: Read) -> None:
    cost = read(TREE, measured=True).costs["kserve"]
    assert cost.seconds
    assert cost.peak_bytes
    assert cost.peak_bytes > 1_000_000


def test_what_is_no_object_is_told_by_side_and_directory(read: Read) -> None:
    with pytest.raises(TreeError, match=r"^SIDE: assets/kserve: .* no Kubernetes object"):
        read(part("assets/kserve", "kind: Service\nmetadata: {}\n"))


def test_objects_that_two_sides_have_are_parsed_once(read: Read) -> None:
    cache: Cache = {}
    first, second = read(TREE, cache), read(TREE, cache)
    for identity, (_, obj) in first.objects.items():
        assert second.objects[identity][1] is obj


# Version and images


def with_record(**more: Any) -> dict[str, str | bytes]:
    made = record(image("ovms-image", "ovms", ImageSource.OPERATOR), **more)
    return {**TREE, "release/rebase.json": made.to_bytes()}


def test_by_the_record(read: Read) -> None:
    reference = pinned("ovms")
    files = with_record(
        sizes={"x86_64": {reference: 7}, "aarch64": {reference: None}},
        labels={reference: "v1-2"},
    )
    found = read({**files, f"release/{INFO}": "broken"})
    assert found.version == "2.25.0"
    assert found.images == {
        "ovms-image": ImageFacts(reference, ImageSource.OPERATOR, "v1-2", {"x86_64": 7})
    }


@pytest.mark.parametrize("directory", ["release", "usr/share/microshift/release"])
def test_by_release_infos(read: Read, directory: str) -> None:
    other = INFO.replace("x86_64", "llm-d-x86_64")
    found = read(
        {
            **TREE,
            f"{directory}/{INFO}": info(a="a.io/a:1"),
            f"{directory}/{other}": info(b="b.io/b:1"),
            f"{directory}/release-other.json": "MicroShift's own",
        }
    )
    assert found.version == "3.4.0"
    assert found.images == {"a": ImageFacts("a.io/a:1"), "b": ImageFacts("b.io/b:1")}


def bom(package: str, *keys: str) -> bytes:
    return sbom(package, "3.4.0", [image(key) for key in keys], [])


def test_by_sboms(read: Read) -> None:
    found = read(
        {
            **DEVICE,
            f"usr/share/{PACKAGE}/sbom.cdx.json": bom(PACKAGE, "a", "b"),
            f"usr/share/{PACKAGE}-llm-d/sbom.cdx.json": bom(PACKAGE, "c"),
            "usr/share/other/sbom.cdx.json": "not ours",
        }
    )
    assert found.version == "3.4.0"
    assert found.images == {key: ImageFacts(pinned(key)) for key in "abc"}


def test_by_place(read: Read) -> None:
    found = read(DEVICE)
    assert found.version == ""
    place = "ServingRuntime ovms: spec.containers[0].image"
    assert found.images == {place: ImageFacts(pinned("ovms"))}


SBOM = f"usr/share/{PACKAGE}/sbom.cdx.json"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (f"release/{INFO}", "{"),
        (f"release/{INFO}", b"\xff"),
        (f"release/{INFO}", "[]"),
        (f"release/{INFO}", '{"images": {}}'),
        (f"release/{INFO}", '{"release": {"base": "1"}, "images": {"a": 1}}'),
        (f"release/{INFO}", '{"release": [], "images": {}}'),
        (SBOM, "{"),
        (SBOM, "[]"),
        (SBOM, '{"components": [1]}'),
        (SBOM, '{"metadata": []  , "components": {"a": 1}}'),
        (SBOM, '{"components": [{"properties": [{"name": "rhoai-rebase:key"}]}]}'),
    ],
)
def test_broken_json_is_told(read: Read, path: str, text: str) -> None:
    what = "SBOM" if path == SBOM else "release info"
    with pytest.raises(TreeError, match=f"^{path} is no {what}: "):
        read({**TREE, path: text})


def test_a_record_that_cannot_be_read(read: Read) -> None:
    with pytest.raises(UsageError, match=r"release/rebase\.json cannot be read"):
        read({**TREE, "release/rebase.json": "{}"})


# Deleted, edited


GONE = ObjectName("Service", "gone", NAMESPACE, "v1")
LIST = SERVICE.replace("name: a", "name: gone") + "---\n"


@pytest.mark.parametrize(
    ("files", "directory"), [(TREE, "assets/delete"), (DEVICE, f"{MANIFESTS}/delete/010-{PACKAGE}")]
)
def test_what_is_to_be_deleted(read: Read, files: dict[str, str | bytes], directory: str) -> None:
    assert read(files).deleted == frozenset()
    path = f"{directory}/retired-objects.yaml"
    assert read({**files, path: LIST}).deleted == {GONE}
    for broken in ("a: b\n", "[]\n", "kind: Service\nmetadata: {name: a}\n", "{metadata: 1}\n"):
        with pytest.raises(TreeError, match=f"^{path}: "):
            read({**files, path: broken})


def test_what_people_edited(read: Read) -> None:
    holds = ObjectName("Service", "a", NAMESPACE, "v1")
    before = assets.HEADER + SERVICE
    shipped = {"assets/kserve/a.yaml": ShippedFile(holds, release.sha256(before.encode()))}
    files = {**with_record(files=shipped), "assets/kserve/a.yaml": before}
    assert read(files).edited == ()
    edited = read({**files, "assets/kserve/a.yaml": before + "spec: {}\n"})
    assert edited.edited == ("assets/kserve/a.yaml",)
    assert edited.only(frozenset({"runtimes"})).edited == ()


# Less of it


def test_only_some_parts(read: Read) -> None:
    images = {"a": pinned("other"), "b": pinned("ovms")}
    whole = read({**TREE, f"release/{INFO}": info("3.4.0", **images)})
    assert whole.only(frozenset(PARTS)) is whole
    less = whole.only(frozenset({"runtimes"}))
    assert less.parts == {"runtimes"}
    assert names(less) == {"ServingRuntime ovms": "runtimes"}
    assert less.images == {"b": ImageFacts(pinned("ovms"))}
    assert less.costs.keys() == {"runtimes"}
    assert (less.name, less.version) == (whole.name, whole.version)


def test_a_tree_and_the_device_of_it_are_the_same(read: Read) -> None:
    assert compare(read(TREE), read(DEVICE)).same
