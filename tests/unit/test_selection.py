"""Which images chosen parts need, and the files that other tools take them from."""

import json
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from rebase import release, yamlfile
from rebase.errors import UsageError
from rebase.image_lists import FORMATS
from rebase.selection import Selection, Wanted, select
from unit.helpers import pinned, write_tree

SERVING = "serving.kserve.io/v1alpha1"
USERS = {
    "kserve-controller": ["assets/kserve/deployment.yaml"],
    "ovms-image": ["assets/runtimes/ovms-kserve.yaml"],
    "vllm-cpu-image": ["assets/runtimes/vllm-cpu-x86.yaml"],
    "shared": ["assets/llm-d/config.yaml", "assets/runtimes/vllm-cpu-x86.yaml"],
    "llmisvc": ["assets/llm-d/deployment.yaml"],
}
FILES: dict[str, dict[str, Any]] = {
    "assets/kserve/deployment.yaml": {"kind": "Deployment", "name": "kserve"},
    "assets/runtimes/ovms-kserve.yaml": {"kind": "ServingRuntime", "name": "kserve-ovms"},
    "assets/runtimes/vllm-cpu-x86.yaml": {
        "kind": "ServingRuntime",
        "name": "vllm-cpu-x86-runtime",
        "architectures": ["x86_64"],
    },
    "assets/llm-d/config.yaml": {"kind": "LLMInferenceServiceConfig", "name": "c"},
    "assets/llm-d/deployment.yaml": {"kind": "Deployment", "name": "llmisvc"},
}


def write_record(root: Path, *, llm_d: bool = True) -> Path:
    files = {path: file for path, file in FILES.items() if llm_d or "llm-d" not in path}
    record = {
        "format": release.FORMAT,
        "bundle": {"version": "3.4.4", "reference": "oci:bundle:image", "digest": "sha256:b"},
        "tools": {},
        "options": {"architectures": ["x86_64", "aarch64"], "images": {}},
        "image_table": "3.4",
        "entries": [],
        "images": {
            key: {"reference": pinned(key), "source": "params", "used_by": users}
            for key, users in USERS.items()
        },
        "left_out": [],
        "warnings": [],
        "files": {
            path: {"apiVersion": SERVING, "sha256": "0", **file} for path, file in files.items()
        },
    }
    return write_tree(root, {"release/rebase.json": json.dumps(record)})


def keys(root: Path, wanted: Wanted, architecture: str = "x86_64") -> set[str]:
    return set(select(root, architecture, wanted).images)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), {"kserve-controller"}),
        (Wanted(("kserve-ovms",)), {"kserve-controller", "ovms-image"}),
        (Wanted(("ovms-kserve",)), {"kserve-controller", "ovms-image"}),
        (Wanted(("vllm-cpu-x86",)), {"kserve-controller", "vllm-cpu-image", "shared"}),
        (Wanted(llm_d=True), {"kserve-controller", "llmisvc", "shared"}),
        (Wanted(everything=True), set(USERS)),
    ],
)
def test_exactly_the_images_of_what_is_wanted(
    tmp_path: Path, wanted: Wanted, found: set[str]
) -> None:
    assert keys(write_record(tmp_path), wanted) == found


def test_an_architecture_has_the_runtimes_that_are_packaged_for_it(tmp_path: Path) -> None:
    root = write_record(tmp_path)
    everything = keys(root, Wanted(everything=True), "aarch64")
    assert everything == set(USERS) - {"vllm-cpu-image"}
    with pytest.raises(UsageError, match=r"3\.4\.4 on aarch64 has no ServingRuntime vllm-cpu-x86"):
        select(root, "aarch64", Wanted(("vllm-cpu-x86",)))


def test_a_version_without_llm_d(tmp_path: Path) -> None:
    root = write_record(tmp_path, llm_d=False)
    with pytest.raises(UsageError, match=r"RHOAI 3\.4\.4 has no llm-d"):
        select(root, "x86_64", Wanted(llm_d=True))
    chosen = select(root, "x86_64", Wanted(everything=True))
    assert chosen.packages == ("microshift-ai-model-serving",)


def test_what_is_not_there_is_told_with_what_is(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no release") as none:
        select(tmp_path, "x86_64", Wanted())
    assert "rebase" in none.value.hint
    root = write_record(tmp_path)
    with pytest.raises(UsageError, match="has no ServingRuntime a, b") as caught:
        select(root, "x86_64", Wanted(("b", "kserve-ovms", "a")))
    assert "kserve-ovms (assets/runtimes/ovms-kserve.yaml)" in caught.value.details
    with pytest.raises(UsageError, match="not for s390x, but for x86_64, aarch64"):
        select(root, "s390x", Wanted())


CORE = Selection("3.4.4", "x86_64", ("core",), (), {"a": pinned("a"), "twin": pinned("a")})
FULL = Selection(
    "3.4.4",
    "aarch64",
    ("core", "core-llm-d"),
    ("kserve-ovms",),
    {"b": pinned("b"), "a": pinned("a"), "c": "localhost:5000/x/y@sha256:" + "0" * 64},
)


def referred(text: str) -> list[str]:
    """The references in a shell script or a list."""
    return [word.rstrip(";") for word in text.split() if "@sha256:" in word]


@pytest.mark.parametrize("selection", [CORE, FULL])
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_every_image_once_and_in_order(name: str, selection: Selection) -> None:
    text = FORMATS[name](selection)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    found: list[str]
    if name == "json":
        data = json.loads(text)
        assert list(data["images"]) == list(selection.images)
        found = sorted(set(data["images"].values()))
    elif name == "skopeo-sync":
        found = [
            f"{registry}/{path}@{digest}"
            for registry, entry in yamlfile.load(text, name).items()
            for path, digests in entry["images"].items()
            for digest in digests
        ]
    elif name == "oc-mirror":
        images = yamlfile.load(text, name)["mirror"]["additionalImages"]
        found = [image["name"] for image in images]
    elif name == "blueprint":
        found = [one["source"] for one in tomllib.loads(text)["containers"]]
    else:
        found = referred(text)
    assert found == selection.references
    assert len(found) == len(set(selection.images.values()))


@pytest.mark.parametrize("name", ["containerfile", "blueprint", "kickstart"])
def test_images_come_with_their_packages(name: str) -> None:
    for selection, packages in (
        (CORE, {"core", "core-release-info"}),
        (FULL, {"core", "core-release-info", "core-llm-d", "core-llm-d-release-info"}),
    ):
        text = FORMATS[name](selection)
        if name == "blueprint":
            found = {one["name"] for one in tomllib.loads(text)["packages"]}
        else:
            lines = [line for line in text.splitlines() if not line.startswith("#")]
            found = {word for word in shlex.split("\n".join(lines)) if word.startswith("core")}
        assert found == packages


@pytest.mark.parametrize("name", ["skopeo-sync", "oc-mirror", "containerfile", "kickstart"])
def test_files_say_what_they_are_and_how_they_are_used(name: str) -> None:
    title, usage, *_ = FORMATS[name](FULL).splitlines()
    assert title == "# The 3 images of KServe, kserve-ovms, llm-d: RHOAI 3.4.4, aarch64."
    assert usage.startswith("# ")
