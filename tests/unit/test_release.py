"""release/: the release infos that devices read, the record, and what changed since the last."""

import json
from pathlib import Path
from typing import Any

import pytest

from rebase import assets, release
from rebase.changes import Changes, Delta, compare
from rebase.errors import TreeError, UsageError
from rebase.model import (
    ImageRead,
    ImageSource,
    LayerDecision,
    LeftOut,
    ObjectName,
    ResolvedImage,
    Upstream,
)
from rebase.release import Record, ShippedFile, read_before, release_info
from unit.helpers import pinned, write_tree

RECORD = release.RECORD


def image(key: str, name: str = "", source: ImageSource = ImageSource.PARAMS) -> ResolvedImage:
    return ResolvedImage(key, pinned(name or key), source, "params.env")


def record(
    *images: ResolvedImage, files: dict[str, ShippedFile] | None = None, **more: Any
) -> Record:
    fields: dict[str, Any] = {
        "version": "2.25.0",
        "csv": "rhods-operator.2.25.0",
        "tool": "0.1.0",
        "kustomize": "v5.8.1",
        "architectures": ("x86_64",),
        "overrides": {"b": "2", "a": "1"},
        "image_table": "2.25",
        "entries": ("/opt/manifests/kserve/overlays/odh",),
        "images_read": (
            ImageRead("bundle", "quay.io/example/bundle:1", "sha256:b", "CSV x"),
            ImageRead(
                "operator",
                "quay.io/example/operator:1",
                "sha256:o",
                "the manifests",
                (LayerDecision("sha256:l", 10, True, "copies to /opt"),),
            ),
        ),
        "images": images,
        "used_by": {image.key: ("assets/kserve/x.yaml",) for image in images},
        "sizes": {},
        "labels": {},
        "left_out": (LeftOut("ServingRuntime a", "multiModel"),),
        "warnings": ("careful",),
        "upstream": Upstream(1000, 2, {"deploy.defaultDeploymentMode": "Serverless"}, ("vars",)),
        "files": files or {},
    }
    return Record(**{**fields, **more})


# Infos


def test_a_release_info_is_what_scripts_read() -> None:
    info = release_info("2.25.0", [image("ovms-image"), image("kserve-agent")])
    assert json.loads(info) == {
        "release": {"base": "2.25.0"},
        "images": {"kserve-agent": pinned("kserve-agent"), "ovms-image": pinned("ovms-image")},
    }
    assert info.endswith(b"}\n")
    assert info == release_info("2.25.0", [image("kserve-agent"), image("ovms-image")])


def test_the_same_image_twice_is_one() -> None:
    twice = [image("a"), image("a", source=ImageSource.OPERATOR)]
    assert json.loads(release_info("1.0", twice))["images"] == {"a": pinned("a")}


def test_one_key_for_two_images_is_refused() -> None:
    with pytest.raises(TreeError, match="two images have the key a: ") as caught:
        release_info("1.0", [image("a", "x"), image("b"), image("a", "y")])
    assert pinned("x") in caught.value.message
    assert pinned("y") in caught.value.message


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
@pytest.mark.parametrize("part", ["", "llm-d-"])
def test_info_names(architecture: str, part: str) -> None:
    name = release.info_name(architecture, part)
    assert name == f"release-ai-model-serving-{part}{architecture}.json"
    assert release.is_info(name)


@pytest.mark.parametrize("name", ["rebase.json", "release-x86_64.json", "README.md"])
def test_other_files_are_no_infos(name: str) -> None:
    assert not release.is_info(name)


# The record


def test_the_record_has_all_that_it_takes_to_repeat_a_rebase() -> None:
    data = record(image("b"), image("a")).to_bytes()
    found = json.loads(data)
    assert found["format"] == release.FORMAT
    assert found["bundle"] == {
        "reference": "quay.io/example/bundle:1",
        "digest": "sha256:b",
        "csv": "rhods-operator.2.25.0",
        "version": "2.25.0",
    }
    assert found["tools"] == {"rhoai-rebase": "0.1.0", "kustomize": "v5.8.1"}
    assert found["options"] == {"architectures": ["x86_64"], "images": {"a": "1", "b": "2"}}
    assert found["images_read"][1]["layers"][0]["reason"] == "copies to /opt"
    assert list(found["images"]) == ["a", "b"]
    assert found["images"]["a"] == {
        "reference": pinned("a"),
        "source": "params",
        "origin": "params.env",
        "used_by": ["assets/kserve/x.yaml"],
    }
    assert found["left_out"] == [{"what": "ServingRuntime a", "reason": "multiModel"}]
    assert found["warnings"] == ["careful"]
    assert data == record(image("a"), image("b")).to_bytes()


def test_sizes_are_recorded_when_they_were_asked_for() -> None:
    sizes = {"x86_64": {pinned("a"): 5}, "aarch64": {}}
    found = json.loads(record(image("a"), sizes=sizes).to_bytes())
    assert found["images"]["a"]["bytes"] == {"aarch64": None, "x86_64": 5}


def test_a_record_is_read_back(tmp_path: Path) -> None:
    files = {
        "assets/kserve/a.yaml": ShippedFile(ObjectName("Service", "a", "n", "v1"), "digest"),
        "assets/runtimes/b.yaml": ShippedFile(
            ObjectName("ServingRuntime", "b", "", "serving.kserve.io/v1alpha1"), "d", ("x86_64",)
        ),
    }
    write_tree(tmp_path, {RECORD: record(image("a"), files=files).to_bytes()})
    before = read_before(tmp_path)
    assert (before.version, before.images, before.files) == ("2.25.0", {"a": pinned("a")}, files)


def test_the_record_is_read_back_whole(tmp_path: Path) -> None:
    sizes = {"x86_64": {pinned("a"): 10}, "aarch64": {}}
    written = record(image("a"), image("b"), sizes=sizes, labels={pinned("a"): "v2.25.0-3"})
    write_tree(tmp_path, {RECORD: written.to_bytes()})
    before = read_before(tmp_path)
    assert (before.bundle, before.digest) == ("quay.io/example/bundle:1", "sha256:b")
    assert before.sources == {"a": ImageSource.PARAMS, "b": ImageSource.PARAMS}
    assert before.sizes == {"a": {"x86_64": 10}, "b": {}}
    assert before.labels == {"a": "v2.25.0-3"}
    assert before.tools == {"rhoai-rebase": "0.1.0", "kustomize": "v5.8.1"}
    for name in ("overrides", "image_table", "entries", "left_out", "warnings", "upstream"):
        assert getattr(before, name) == getattr(written, name)


def test_a_record_from_before_upstream_was_kept(tmp_path: Path) -> None:
    old = json.loads(record(image("a")).to_bytes())
    del old["upstream"]
    write_tree(tmp_path, {RECORD: json.dumps(old)})
    assert read_before(tmp_path).upstream is None


def test_no_record_is_a_tree_before_the_first_rebase(tmp_path: Path) -> None:
    before = read_before(tmp_path)
    assert (before.version, dict(before.images), dict(before.files)) == (None, {}, {})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        ("[]", "indices"),
        ("{}", "it lacks 'format'"),
        ('"x"', "indices"),
        ('{"format": 1, "bundle": {"version": "1"}}', "it has format 1, not 2"),
        ('{"format": 2, "bundle": []}', "indices"),
        ('{"format": 2, "bundle": {"version": "1"}, "images": {}}', "it lacks 'files'"),
    ],
)
def test_a_record_that_cannot_be_read_is_not_forgotten(tmp_path: Path, text: str, why: str) -> None:
    write_tree(tmp_path, {RECORD: text})
    with pytest.raises(UsageError, match=f"release/rebase.json cannot be read: .*{why}") as caught:
        read_before(tmp_path)
    assert "git checkout -- release/rebase.json" in caught.value.hint


# Changes


@pytest.mark.parametrize(
    ("before", "after", "delta"),
    [
        ({}, {}, Delta((), (), (), 0)),
        ({"a": 1}, {"a": 1}, Delta((), (), (), 1)),
        ({"a": 1, "b": 1, "d": 1}, {"b": 2, "c": 1, "d": 1}, Delta(("c",), ("a",), ("b",), 3)),
    ],
)
def test_delta(before: dict[str, int], after: dict[str, int], delta: Delta) -> None:
    assert Delta.of(before, after) == delta
    assert bool(delta) is (before != after)


def asset(text: str) -> bytes:
    return (assets.HEADER + text).encode()


def new_tree(version: str = "2.25.0", **services: str) -> dict[str, bytes]:
    """A tree with a Service for each name, and its record."""
    contents = {f"assets/kserve/{name}.yaml": asset(text) for name, text in services.items()}
    files = {
        path: ShippedFile(ObjectName("Service", Path(path).stem, "n", "v1"), release.sha256(data))
        for path, data in contents.items()
    }
    images = [image(name, text) for name, text in services.items()]
    return {**contents, RECORD: record(*images, files=files, version=version).to_bytes()}


DIRECTORIES = ("assets/kserve", "release")


def changes_to(root: Path, tree: dict[str, bytes]) -> Changes:
    return compare(root, read_before(root), tree, DIRECTORIES)


def test_the_first_rebase_is_all_new(tmp_path: Path) -> None:
    changes = changes_to(tmp_path, new_tree(a="1", b="1"))
    assert (changes.before, changes.after) == (None, "2.25.0")
    assert changes.objects.added == ("kserve: Service a", "kserve: Service b")
    assert changes.images.added == ("a", "b")
    assert len(changes.files.added) == changes.files.total == 3
    assert changes.edited == ()


def test_the_same_again_is_no_change(tmp_path: Path) -> None:
    tree = new_tree(a="1")
    write_tree(tmp_path, dict(tree))
    changes = changes_to(tmp_path, tree)
    assert not any((changes.objects, changes.images, changes.files, changes.edited))
    assert changes.before == changes.after == "2.25.0"


def test_what_came_went_and_changed(tmp_path: Path) -> None:
    write_tree(tmp_path, dict(new_tree("2.22.0", gone="1", same="1", other="1")))
    changes = changes_to(tmp_path, new_tree("2.25.0", new="1", same="1", other="2"))
    assert (changes.before, changes.after) == ("2.22.0", "2.25.0")
    assert changes.objects.added == ("kserve: Service new",)
    assert changes.objects.removed == ("kserve: Service gone",)
    assert changes.objects.changed == ("kserve: Service other",)
    assert changes.images.changed == ("other",)
    assert changes.files.removed == ("assets/kserve/gone.yaml",)


def test_generated_files_that_people_edited_are_named(tmp_path: Path) -> None:
    tree = new_tree(a="1", b="1", c="1", d="1")
    write_tree(tmp_path, dict(tree))
    edits = {"assets/kserve/a.yaml": asset("edited"), "assets/kserve/b.yaml": b"adopted\n"}
    write_tree(tmp_path, dict(edits))
    (tmp_path / "assets/kserve/c.yaml").unlink()
    changes = changes_to(tmp_path, tree)
    assert changes.edited == ("assets/kserve/a.yaml",)
    assert changes.files.changed == ("assets/kserve/a.yaml", "assets/kserve/b.yaml")
    assert changes.files.added == ("assets/kserve/c.yaml",)


def test_only_our_directories_are_compared(tmp_path: Path) -> None:
    write_tree(tmp_path, {**new_tree(a="1"), "README.md": "x", "assets/other/y": "z"})
    assert not changes_to(tmp_path, new_tree(a="1")).files
