"""`versions` as a user runs it, with a skopeo that has what tags a test says."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from oci_layout import Layer, write_image

from unit.helpers import Run, write_tree

REPOSITORY = "registry.example.com/rhoai/bundle"
TAGS = ("latest", "v2.25", "v2.25.11", "v2.25.12", "v2.26.0", "v3.5.0")
GONE = 'time="…" level=fatal msg="Error listing repository tags: {}"\n'

Skopeo = Callable[..., Path]
Versions = Callable[..., Run]


@pytest.fixture
def versions(run: Callable[..., Run], tmp_path: Path) -> Versions:
    """Runs `versions` on a tree that was rebased to this bundle."""

    def versions(
        *words: str,
        bundle: str = f"{REPOSITORY}:v2.25.11",
        version: str = "2.25.11",
        digest: str = "sha256:b",
    ) -> Run:
        root = tmp_path / "root"
        root.mkdir(exist_ok=True)
        if version:
            record = {
                "format": 2,
                "bundle": {"version": version, "reference": bundle, "digest": digest},
                "options": {"architectures": ["aarch64", "x86_64"], "images": {}},
                **{"images": {}, "files": {}, "tools": {}, "image_table": "2.25"},
                **{"entries": [], "left_out": [], "warnings": []},
            }
            write_tree(root, {"release/rebase.json": json.dumps(record)})
        return run("versions", *words, "--root", root)

    return versions


@pytest.fixture
def bundle(tmp_path: Path) -> tuple[str, dict[str, Any]]:
    """The digest of an image, and the plan that has it as what v2.25.11 is."""
    layout = tmp_path / "bundle"
    digest = write_image(layout, [Layer().file("a", b"a")], architectures=("arm64",))
    layouts = {f"docker://{REPOSITORY}:{tag}": str(layout) for tag in ("v2.25", "v2.25.11")}
    return digest, {"tags": TAGS, "layouts": layouts}


def test_what_is_newer_is_told(
    versions: Versions, skopeo: Skopeo, bundle: tuple[str, dict[str, Any]]
) -> None:
    digest, plan = bundle
    log = skopeo(**plan)
    said = versions(digest=digest)
    assert said.code == 0, said.err
    assert said.out.splitlines()[-5:] == [
        "here: 2.25.11, from v2.25.11",
        "newer on 2.25.z: 2.25.12",
        "newer on 2.y: 2.26.0",
        "newer elsewhere: 3.5.0",
        f"next: rhoai-rebase {REPOSITORY}:v2.26.0",
    ]
    assert f"Asking for the tags of {REPOSITORY}\n" in said.err
    first, *rest = log.read_text().splitlines()
    assert first.endswith(f"list-tags docker://{REPOSITORY}")
    assert "--override-arch arm64" in rest[0], "the digest of the record's first architecture"


@pytest.mark.parametrize(
    ("words", "code", "tag"),
    [
        ((), 1, "v2.26.0"),
        (("--stream", "z"), 1, "v2.25.12"),
        (("--stream", "all"), 1, "v3.5.0"),
    ],
)
def test_the_exit_code_and_the_newest(
    versions: Versions,
    skopeo: Skopeo,
    bundle: tuple[str, dict[str, Any]],
    words: tuple[str, ...],
    code: int,
    tag: str,
) -> None:
    digest, plan = bundle
    skopeo(**plan)
    said = versions(*words, "--newest", "--exit-code", "--quiet", digest=digest)
    assert said == Run(code, f"{REPOSITORY}:{tag}\n", "")
    assert versions(*words, "--newest", digest=digest).code == 0
    assert versions(*words, "--exit-code", "--quiet", digest=digest) == Run(code, "", "")
    skopeo(**{**plan, "tags": ["v2.25.11", "v2.24.0"]})
    assert versions(*words, "--newest", "--exit-code", "--quiet", digest=digest) == Run(0, "", "")


def test_a_tag_that_moved_is_newer(
    versions: Versions, skopeo: Skopeo, bundle: tuple[str, dict[str, Any]]
) -> None:
    digest, plan = bundle
    skopeo(**{**plan, "tags": ["v2.25"]})
    last = f"{REPOSITORY}:v2.25"
    assert versions("--exit-code", bundle=last, digest=digest).code == 0
    said = versions("--exit-code", bundle=last, digest="sha256:older")
    assert said.code == 1
    assert "v2.25, which the last rebase read, is another image now" in said.out
    found = json.loads(versions("--json", bundle=last, digest="sha256:older").out)
    assert found["here"] == {"version": "2.25.11", "tag": "v2.25", "moved": True}
    assert found["newest"]["reference"] == last


@pytest.mark.parametrize(
    "bundle_of_record",
    [f"{REPOSITORY}@sha256:{'0' * 64}", "registry.example.com/other:v2.25", "oci:bundle:image"],
)
def test_only_a_tag_of_this_repository_can_move(
    versions: Versions, skopeo: Skopeo, bundle_of_record: str
) -> None:
    log = skopeo(tags=TAGS)
    assert versions(REPOSITORY, bundle=bundle_of_record).code == 0
    assert len(log.read_text().splitlines()) == 1


def test_pre_releases(versions: Versions, skopeo: Skopeo) -> None:
    skopeo(tags=["v2.26.0-rc1"])
    assert versions("--newest", "--quiet").out == ""
    assert versions("--newest", "--quiet", "--pre").out == f"{REPOSITORY}:v2.26.0-rc1\n"


def test_all_tags(versions: Versions, skopeo: Skopeo) -> None:
    skopeo(tags=["v1.0.0", "v1.0.0-1", "v1.0.0-2", "latest"])
    assert "latest" not in versions("--quiet", REPOSITORY, version="").out
    said = versions("--all", REPOSITORY, version="")
    assert "  1.0.0  v1.0.0, v1.0.0-1, v1.0.0-2\nno versions: latest\n" in said.out


# Without a rebase


def test_before_the_first_rebase(versions: Versions, skopeo: Skopeo) -> None:
    skopeo(tags=TAGS)
    said = versions(REPOSITORY, version="")
    assert said.code == 0
    assert said.out.endswith("here: no rebase yet\nnewest: 3.5.0\n")
    for option in ("--exit-code", "--newest"):
        said = versions(REPOSITORY, option, version="")
        assert (said.code, said.out) == (2, "")
        assert "hint: --stream all" in said.err
    said = versions(REPOSITORY, "--newest", "--exit-code", "--stream", "all", version="")
    assert (said.code, said.out) == (1, f"{REPOSITORY}:v3.5.0\n")


# Errors


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--newest", "--json"], "not both"),
        ([f"{REPOSITORY}:v2.25"], "its repository is needed"),
        (["oci:bundle:image"], "not in a registry"),
        (["--stream", "x"], "'x' is not one of"),
        (["--authfile", "/nowhere"], "no such file"),
    ],
)
def test_usage(versions: Versions, skopeo: Skopeo, words: list[str], told: str) -> None:
    log = skopeo(tags=TAGS)
    said = versions(*words)
    assert (said.code, said.out) == (2, "")
    assert told in said.err
    assert log.read_text() == ""


@pytest.mark.parametrize(
    ("fault", "code", "asked"),
    [
        ("fetching tags list: invalid status code from registry 404 (Not Found)", 10, 1),
        ("fetching tags list: unauthorized: please log in", 11, 1),
        ("pinging container registry x: dial tcp: lookup x: no such host", 12, 3),
    ],
)
@pytest.mark.usefixtures("impatient")
def test_what_skopeo_says_is_told(
    versions: Versions, skopeo: Skopeo, fault: str, code: int, asked: int
) -> None:
    log = skopeo(stderr=GONE.format(fault), exit=1)
    said = versions("--exit-code")
    assert (said.code, said.out) == (code, "")
    assert f"error: {REPOSITORY}: Error listing repository tags: {fault}\nhint: " in said.err
    assert len(log.read_text().splitlines()) == asked


def test_a_skopeo_that_says_something_else(versions: Versions, skopeo: Skopeo) -> None:
    skopeo(tags=7)
    assert versions().code == 3
    skopeo(tags=None)
    said = versions()
    assert said.code == 0
    assert "v2.25.11, which the last rebase read, is not there any more" in said.out


def test_without_skopeo(versions: Versions, on_path: Path) -> None:
    said = versions()
    assert said.code == 3
    assert "skopeo is not installed" in said.err
