"""Every image of every version, against what the released operator would put there."""

import json
import re
from typing import Any

import pytest

from integration.support.surroundings import DATA
from integration.support.trees import Tree, parse, title, values


@pytest.fixture
def expected(version: str, tree: Tree) -> dict[str, Any]:
    """The right answer for a version, measured on its operator."""
    return dict(json.loads((DATA / version / "expected-images.json").read_text()))


def fills(tree: Tree) -> dict[str, str]:
    """Placeholder → reference, as the kustomization of the runtimes says."""
    (content,) = parse((tree.root / "assets/runtimes/kustomization.yaml").read_text())
    return {one["name"]: f"{one['newName']}@{one['digest']}" for one in content["images"]}


def test_release_infos_name_exactly_the_expected_images(
    tree: Tree, expected: dict[str, Any]
) -> None:
    wanted = dict(expected["kserve"])
    for runtime in expected["runtimes"].values():
        wanted |= {one["placeholder"]: one["image"] for one in runtime["images"].values()}
    named: dict[str, str] = {}
    for info in tree.release_infos().values():
        assert info["release"] == {"base": expected["bundle_version"]}
        assert not {k for k, v in info["images"].items() if named.get(k, v) != v}
        named |= info["images"]
    assert named == wanted


def test_release_infos_name_exactly_the_images_that_ship_beside_them(tree: Tree) -> None:
    for name, info in tree.release_infos().items():
        own = ["llm-d"] if "llm-d" in name else ["kserve", "runtimes"]
        text = "".join(tree.render(directory) for directory in own)
        missing = [ref for ref in info["images"].values() if ref not in text]
        assert not missing, f"{name} names images that {own} do not use"
    listed = {ref for info in tree.release_infos().values() for ref in info["images"].values()}
    used = {
        value
        for obj in tree.objects
        for place, value in values(obj)
        if place[-1] == "image" and isinstance(value, str)
    }
    assert used <= listed


def test_runtime_files_hold_placeholders_that_the_kustomization_fills(
    tree: Tree, expected: dict[str, Any]
) -> None:
    directory = tree.root / "assets/runtimes"
    assert {file.name for file in directory.iterdir()} == {
        "kustomization.yaml",
        *expected["runtimes"],
    }
    filled = fills(tree)
    for name, wanted in expected["runtimes"].items():
        text = (directory / name).read_text()
        (runtime,) = parse(text)
        assert title(runtime) == f"ServingRuntime {wanted['name']}"
        assert "namespace" not in runtime["metadata"]
        containers = {one["name"]: one["image"] for one in runtime["spec"]["containers"]}
        assert containers.keys() == wanted["images"].keys()
        for container, image in wanted["images"].items():
            assert containers[container] == image["placeholder"]
            assert f"image: {image['placeholder']}\n" in text
            assert filled[image["placeholder"]] == image["image"]
    assert set(filled) == {
        one["placeholder"] for r in expected["runtimes"].values() for one in r["images"].values()
    }


def test_rendered_runtimes_have_the_expected_images(tree: Tree, expected: dict[str, Any]) -> None:
    rendered = {obj["metadata"]["name"]: obj for obj in tree.rendered["runtimes"]}
    assert {
        name: {one["name"]: one["image"] for one in obj["spec"]["containers"]}
        for name, obj in rendered.items()
    } == {
        runtime["name"]: {name: one["image"] for name, one in runtime["images"].items()}
        for runtime in expected["runtimes"].values()
    }


def test_runtimes_are_left_out_for_the_expected_reasons(
    tree: Tree, expected: dict[str, Any]
) -> None:
    reasons = {
        one["what"].removeprefix("ServingRuntime "): one["reason"]
        for one in tree.record["left_out"]
        if one["what"].startswith("ServingRuntime ")
    }
    for name, reason in expected["runtimes_left_out"].items():
        assert reasons.get(name, "").startswith(reason), f"{name}: {reasons.get(name)}"
    shipped = {runtime["name"] for runtime in expected["runtimes"].values()}
    assert not shipped & reasons.keys()
    for name in reasons.keys() - expected["runtimes_left_out"].keys():
        stable = re.sub(r"-fast-\d+$", "", name)
        assert stable != name
        assert reasons[name] in (f"twin: the same image as {stable}", reasons.get(stable))


def test_record_says_where_each_image_comes_from(tree: Tree, expected: dict[str, Any]) -> None:
    images = tree.record["images"]
    by_name = {key for key, image in images.items() if image["source"] == "by-name"}
    assert by_name == set(expected.get("resolved_by_name", {}))
    told = "\n".join(tree.record["warnings"])
    for key in by_name:
        assert f"{key}: resolved by name" in told
