"""`check`: nothing in a tree as a rebase left it, each edit by its id, today's tool's images."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integration.support import todays_tool
from integration.support.command import Run, rebase
from integration.support.images import Images, make_demo, replace
from integration.support.surroundings import DATA, VENV, kustomize
from integration.support.trees import Tree, snapshot

FAILED = 25
RUNTIMES = "assets/runtimes/kustomization.yaml"
INFO = "release/release-ai-model-serving-x86_64.json"
DEPLOYMENT = "assets/kserve/deployment-kserve-controller-manager.yaml"
OVMS = "assets/runtimes/ovms-kserve.yaml"


def check(root: Path, *arguments: str) -> Run:
    return rebase("check", *arguments, root=root)


def report(root: Path, *arguments: str) -> dict[str, Any]:
    """What it says as JSON; its exit code must be what that says."""
    run = check(root, "--json", *arguments)
    assert run.code in (0, FAILED), run.err
    said: dict[str, Any] = json.loads(run.out)
    assert said["ok"] is (run.code == 0)
    return said


def found(root: Path) -> set[tuple[str, str]]:
    """(id, where) of the findings."""
    return {(one["id"], one["where"]) for one in report(root)["findings"]}


@pytest.fixture(scope="session")
def staged_demo(demo_images: Images, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's tree with its staging; it belongs to all tests."""
    kustomize("5.8.1")
    root = tmp_path_factory.mktemp("staged-demo")
    rebase("to", *demo_images.arguments, "--keep-staging", root=root).ok()
    return root


@pytest.fixture
def tree(staged_demo: Path, tmp_path: Path) -> Path:
    """A copy of it to edit, without staging."""
    return shutil.copytree(staged_demo, tmp_path / "tree", ignore=shutil.ignore_patterns("_output"))


@pytest.fixture
def staged_tree(staged_demo: Path, tmp_path: Path) -> Path:
    """A copy of it to edit, with staging."""
    return shutil.copytree(staged_demo, tmp_path / "tree")


# As a rebase left it


def test_nothing_is_found_in_the_demo_and_nothing_is_written(staged_demo: Path) -> None:
    before = snapshot(staged_demo)
    said = report(staged_demo, "--strict")
    assert (said["findings"], said["waived"]) == ([], [])
    assert [note["what"] for note in said["not_checked"]] == ["sizes of images"]
    assert set(said["costs"]) == {"core", "llm-d"}
    assert snapshot(staged_demo) == before


@pytest.mark.parametrize("version", ["2.16", "3.5"])
def test_nothing_is_found_in_released_versions(
    version: str, rebased: Callable[[str], Tree]
) -> None:
    said = report(rebased(version).root)
    assert said["findings"] == []
    assert {note["what"] for note in said["not_checked"]} == {"reproducibility", "sizes of images"}
    costs = said["costs"]["core"]
    assert 1_000_000 < costs["rendered_bytes"] < 4_000_000
    assert 50_000_000 < costs["peak_bytes"] < 250_000_000
    assert 0.1 < costs["seconds"] < 4


def test_a_released_version_is_reproduced(
    images_of: Callable[[str], Images], tmp_path: Path
) -> None:
    kustomize("5.8.1")
    images = images_of("2.25")
    arguments = ("--arch", "x86_64", "--arch", "aarch64", "--keep-staging")
    root = tmp_path / "root"
    root.mkdir()
    rebase("to", *images.arguments, *arguments, root=root).ok()
    said = report(root)
    assert said["findings"] == []
    assert [note["what"] for note in said["not_checked"]] == ["sizes of images"]


def test_nothing_is_written_even_for_a_moment(staged_tree: Path) -> None:
    """A tree may be one that nobody may write; what comes and goes leaves its directory's time."""
    places = [staged_tree, *staged_tree.rglob("*")]
    times = {place: place.stat().st_mtime_ns for place in places}
    assert found(staged_tree) == set()
    assert {place: place.stat().st_mtime_ns for place in places} == times


def test_no_program_but_kustomize_is_asked(tree: Path, tmp_path: Path) -> None:
    """No skopeo, so no registry either."""
    path = tmp_path / "bin"
    path.mkdir()
    run = rebase(
        "check", "--kustomize", VENV / "bin/kustomize", root=tree, env={"PATH": str(path)}
    ).ok()
    assert "nothing found" in run.out


# What people do to a tree

Edit = Callable[[Path], object]
Finding = tuple[str, str]


def remove_line(file: Path, line: str) -> None:
    replace(file, f"{line}\n", "")


def swap(file: Path, one: str, other: str) -> None:
    text = file.read_text()
    assert one in text
    assert other in text
    file.write_text(text.replace(one, "\0").replace(other, one).replace("\0", other))


def in_turn(*edits: Edit) -> Edit:
    """Several edits as one."""

    def edit(root: Path) -> None:
        for one in edits:
            one(root)

    return edit


def digest_of(root: Path, key: str) -> str:
    images = json.loads((root / INFO).read_text())["images"]
    return str(images[key]).partition("@")[2]


EDITS: dict[str, tuple[Edit, set[Finding]]] = {
    "a generated file with another field": (
        lambda root: replace(
            root / DEPLOYMENT, "imagePullPolicy: IfNotPresent", "imagePullPolicy: Always"
        ),
        {("edited", DEPLOYMENT)},
    ),
    "a generated file without its header": (
        lambda root: remove_line(
            root / OVMS, "# Generated by rhoai-rebase: the next rebase replaces this file."
        ),
        {("edited", OVMS)},
    ),
    "a generated file that is gone, and its line with it": (
        in_turn(
            lambda root: (root / OVMS).unlink(),
            lambda root: remove_line(root / RUNTIMES, "- ovms-kserve.yaml"),
        ),
        {("missing-file", OVMS), ("release-info", INFO)},
    ),
    "a generated file that is gone": (
        lambda root: (root / OVMS).unlink(),
        {("missing-file", OVMS), ("render", "assets/runtimes")},
    ),
    "a file that is not listed": (
        lambda root: remove_line(root / RUNTIMES, "- ovms-kserve.yaml"),
        {("not-listed", OVMS), ("release-info", INFO)},
    ),
    "a copy of a generated file": (
        lambda root: shutil.copy(root / OVMS, root / "assets/runtimes/other.yaml"),
        {("unrecorded-file", "assets/runtimes/other.yaml")},
    ),
    "a file of one's own": (
        lambda root: (root / "assets/runtimes/README").write_text("mine\n"),
        set(),
    ),
    "a patch of one's own": (
        lambda root: replace(
            root / RUNTIMES,
            "images:\n",
            "patches:\n- target: {kind: ServingRuntime, name: kserve-ovms}\n"
            '  patch: \'[{"op": "add", "path": "/metadata/labels", '
            '"value": {"a": "b"}}]\'\nimages:\n',
        ),
        set(),
    ),
    "an object of one's own that no device knows": (
        in_turn(
            lambda root: (root / "assets/kserve/mine.yaml").write_text(
                "apiVersion: networking.istio.io/v1\nkind: VirtualService\n"
                "metadata: {name: mine, namespace: redhat-ods-applications}\n"
            ),
            lambda root: replace(
                root / "assets/kserve/kustomization.yaml",
                "resources:\n",
                "resources:\n- mine.yaml\n",
            ),
        ),
        {("unknown-api", "assets/kserve: VirtualService mine")},
    ),
    "an image of one's own": (
        lambda root: replace(root / RUNTIMES, digest_of(root, "ovms-image"), "sha256:" + "0" * 64),
        {("release-info", INFO), ("release-info", "release")},
    ),
    "two runtimes with their images exchanged": (
        in_turn(
            lambda root: swap(
                root / RUNTIMES, digest_of(root, "ovms-image"), digest_of(root, "vllm-cuda-image")
            ),
            lambda root: swap(root / RUNTIMES, "demo/odh-openvino-model-server", "demo/vllm-cuda"),
        ),
        {("image-differs", OVMS), ("image-differs", "assets/runtimes/vllm-cuda.yaml")},
    ),
    "an image with a tag in the kustomization": (
        lambda root: replace(
            root / RUNTIMES, f"digest: {digest_of(root, 'ovms-image')}", "newTag: latest"
        ),
        {
            (
                "image-not-pinned",
                "assets/runtimes: ServingRuntime kserve-ovms: spec.containers[0].image",
            ),
            ("release-info", INFO),
        },
    ),
    "the version in a release info": (
        lambda root: replace(root / INFO, '"base": "3.4.0-demo"', '"base": "3.4.1"'),
        {("release-info-differs", INFO)},
    ),
    "a tag in a release info": (
        lambda root: replace(root / INFO, f"@{digest_of(root, 'ovms-image')}", ":latest"),
        {
            ("image-not-pinned", f"{INFO}: ovms-image"),
            ("release-info-differs", f"{INFO}: ovms-image"),
            ("release-info", "release"),
        },
    ),
    "another key in a release info": (
        lambda root: replace(root / INFO, '"ovms-image"', '"openvino-image"'),
        {
            ("release-info-differs", f"{INFO}: ovms-image"),
            ("release-info-differs", f"{INFO}: openvino-image"),
        },
    ),
    "a release info that is none": (
        lambda root: (root / INFO).write_text("{"),
        {("release-info", INFO)},
    ),
    "a release info that is gone": (
        lambda root: (root / INFO).unlink(),
        {("missing-file", INFO), ("release-info", "release")},
    ),
    "a release info of another architecture": (
        lambda root: shutil.copy(
            root / INFO, root / "release/release-ai-model-serving-aarch64.json"
        ),
        {("unrecorded-file", "release/release-ai-model-serving-aarch64.json")},
    ),
    "an SBOM with another image": (
        lambda root: replace(
            root / "release/ai-model-serving-x86_64.cdx.json",
            f'"version": "{digest_of(root, "ovms-image")}"',
            '"version": "sha256:0"',
        ),
        {("sbom", "release/ai-model-serving-x86_64.cdx.json")},
    ),
    "a directory that does not render": (
        lambda root: replace(root / RUNTIMES, "resources:\n", "resources:\n- gone.yaml\n"),
        {("render", "assets/runtimes")},
    ),
    "a kustomization that is gone": (
        lambda root: (root / "assets/llm-d/kustomization.yaml").unlink(),
        {("render", "assets/llm-d")},
    ),
    "something in the list of what is deleted": (
        in_turn(
            lambda root: (root / "assets/delete").mkdir(),
            lambda root: (root / "assets/delete/kustomization.yaml").write_text(
                "resources: [mine.yaml]\n"
            ),
            lambda root: (root / "assets/delete/mine.yaml").write_text(
                "apiVersion: v1\nkind: Namespace\nmetadata: {name: redhat-ods-applications}\n"
            ),
        ),
        {
            ("deletes-shipped", "assets/delete: Namespace redhat-ods-applications"),
            ("deletes-users", "assets/delete: Namespace redhat-ods-applications"),
        },
    ),
    "a list of what is deleted that no history has": (
        in_turn(
            lambda root: (root / "assets/delete").mkdir(),
            lambda root: (root / "assets/delete/retired-objects.yaml").write_text(
                "apiVersion: v1\nkind: Secret\nmetadata: {name: old}\n"
            ),
        ),
        {("deletions-differ", "assets/delete/retired-objects.yaml")},
    ),
    "the record": (
        lambda root: (root / "release/rebase.json").unlink(),
        {("no-record", "release/rebase.json")},
    ),
    "everything": (
        in_turn(
            lambda root: shutil.rmtree(root / "assets"),
            lambda root: shutil.rmtree(root / "release"),
        ),
        {("no-record", "release/rebase.json")},
    ),
}


@pytest.mark.parametrize(("edit", "expected"), EDITS.values(), ids=EDITS)
def test_each_edit_is_told_by_its_id_and_place(
    edit: Edit, expected: set[Finding], tree: Path
) -> None:
    edit(tree)
    assert found(tree) == expected


def test_a_record_that_cannot_be_read_is_no_finding(tree: Path) -> None:
    (tree / "release/rebase.json").write_text("{")
    check(tree).failed(2, "release/rebase.json cannot be read")


# What the staged bundle gives


def test_what_the_staged_bundle_does_not_give(staged_tree: Path) -> None:
    """A comment in a kustomization is people's, a field of ours there is not; each is told once."""
    replace(staged_tree / DEPLOYMENT, "imagePullPolicy: IfNotPresent", "imagePullPolicy: Always")
    swap(staged_tree / RUNTIMES, "- ovms-kserve.yaml", "- mlserver.yaml")
    replace(staged_tree / "assets/kserve/kustomization.yaml", "apiVersion", "# mine\napiVersion")
    assert found(staged_tree) == {("edited", DEPLOYMENT), ("not-reproducible", RUNTIMES)}


def test_a_record_that_was_edited_is_not_reproduced(staged_tree: Path) -> None:
    replace(
        staged_tree / "release/rebase.json",
        '"left_out": [',
        '"left_out": [{"what": "x", "reason": "y"},',
    )
    assert found(staged_tree) == {("not-reproducible", "release/rebase.json")}


def test_a_staged_bundle_that_is_broken(staged_tree: Path) -> None:
    (params,) = staged_tree.glob("_output/staging/image/**/overlays/odh/params.env")
    params.write_text("not a line\n")
    assert found(staged_tree) == {("not-reproducible", "_output/staging")}


def test_another_bundle_is_told_and_not_compared(staged_tree: Path, tmp_path: Path) -> None:
    images = make_demo(tmp_path / "images", lambda demo: None, "--squash")
    rebase("download", *images.arguments, root=staged_tree).ok()
    record = staged_tree / "_output/staging/staging.json"
    record.write_text(record.read_text().replace(images.digests["bundle"], "sha256:" + "0" * 64))
    said = report(staged_tree)
    assert said["findings"] == []
    (note,) = (one for one in said["not_checked"] if one["what"] == "reproducibility")
    assert "another bundle" in note["why"]
    assert "rhoai-rebase download" in note["why"]


def test_a_record_of_other_tools_is_compared_but_for_their_versions(staged_tree: Path) -> None:
    replace(staged_tree / "release/rebase.json", '"kustomize": "v5.8.1"', '"kustomize": "v5.8.0"')
    said = report(staged_tree)
    assert said["findings"] == []
    assert "the tools' versions" in {note["what"] for note in said["not_checked"]}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"source": "operator"', '"source": "pinned"'),
        ('"source": "operator"', '"source": "operator", "bytes": {"x86_64": 1}'),
    ],
)
def test_a_record_that_needed_a_registry_is_not_reproduced(
    staged_tree: Path, old: str, new: str
) -> None:
    file = staged_tree / "release/rebase.json"
    file.write_text(file.read_text().replace(old, new))
    said = report(staged_tree)
    assert said["findings"] == []
    (note,) = (one for one in said["not_checked"] if one["what"] == "reproducibility")
    assert "which need a registry" in note["why"]


# rhoai-rebase.toml


def configure(root: Path, text: str) -> None:
    (root / "rhoai-rebase.toml").write_text(text)


def waiver(check_id: str, where: str | None = None) -> str:
    place = f'where = "{where}"\n' if where else ""
    return f'[[waivers]]\nid = "{check_id}"\n{place}reason = "we know"\n'


def test_what_is_waived_is_told_with_its_reason_and_fails_nothing(tree: Path) -> None:
    replace(tree / DEPLOYMENT, "imagePullPolicy: IfNotPresent", "imagePullPolicy: Always")
    configure(tree, waiver("edited", "assets/kserve/deployment-*"))
    said = report(tree, "--strict")
    assert said["findings"] == []
    assert [(one["id"], one["where"], one["reason"]) for one in said["waived"]] == [
        ("edited", DEPLOYMENT, "we know")
    ]
    assert "(we know)" in check(tree).ok().out


def test_a_waiver_that_matches_nothing_is_a_finding(tree: Path) -> None:
    """But not of what could not be checked, nor of what a machine may or may not have."""
    configure(
        tree,
        waiver("edited")
        + waiver("not-reproducible")
        + waiver("render-time")
        + waiver("image-size"),
    )
    assert found(tree) == {("unused-waiver", "rhoai-rebase.toml: waivers[1]")}


@pytest.mark.parametrize(
    ("limit", "check_id", "code"),
    [
        ("rendered-mb", "rendered-size", FAILED),
        ("render-seconds", "render-time", 0),
        ("render-memory-mb", "render-memory", 0),
    ],
)
def test_budgets(limit: str, check_id: str, code: int, tree: Path) -> None:
    configure(tree, f"[budgets.core]\n{limit} = 0.001\n")
    assert found(tree) == {(check_id, "core")}
    assert check(tree).code == code
    assert check(tree, "--strict").code == FAILED


def test_sizes_of_images_that_the_record_has(tree: Path) -> None:
    file = tree / "release/rebase.json"
    record = json.loads(file.read_text())
    for key, image in record["images"].items():
        image["bytes"] = {"x86_64": 13_000_000_000 if key == "vllm-cuda-image" else 700_000_000}
    file.write_text(json.dumps(record))
    assert found(tree) == {
        ("image-size", "release/rebase.json: vllm-cuda-image on x86_64"),
        ("image-size", "core on x86_64"),
    }
    configure(tree, "[budgets.core]\nimages-mb = 9000\nruntime-image-mb = 14000\nimage-mb = 600\n")
    told = {where for _, where in found(tree)}
    assert "release/rebase.json: kserve-agent on x86_64" in told
    assert "release/rebase.json: vllm-cuda-image on x86_64" not in told


PINNED = "registry.example.com/mine/ovms@sha256:" + "1" * 64
OTHER = "registry.example.com/mine/ovms@sha256:" + "2" * 64


def test_images_of_the_file_go_into_a_rebase_and_the_command_line_wins(
    staged_tree: Path,
) -> None:
    configure(staged_tree, f'[images]\novms-image = "{PINNED}"\nnothing = "{PINNED}"\n')
    assert found(staged_tree) == {
        ("override", "rhoai-rebase.toml: images.ovms-image"),
        ("override", "rhoai-rebase.toml: images.nothing"),
    }
    said = rebase("process", root=staged_tree).ok()
    assert "warning: rhoai-rebase.toml nothing=…: nothing that ships uses this key" in said.out
    record = Tree(staged_tree).record
    assert record["images"]["ovms-image"]["reference"] == PINNED
    assert record["images"]["ovms-image"]["origin"] == "rhoai-rebase.toml"
    assert record["options"]["images"] == {"nothing": PINNED, "ovms-image": PINNED}
    assert found(staged_tree) == set()  # and it is reproduced

    rebase("process", "--image", f"ovms-image={OTHER}", root=staged_tree).ok()
    record = Tree(staged_tree).record["images"]["ovms-image"]
    assert (record["reference"], record["origin"]) == (OTHER, "--image")
    assert found(staged_tree) == {("override", "rhoai-rebase.toml: images.ovms-image")}


def test_a_waived_finding_of_a_rebase_becomes_a_warning_of_its_record(staged_tree: Path) -> None:
    mine = "apiVersion: networking.istio.io/v1\nkind: VirtualService\n"
    mine += "metadata: {name: mine, namespace: redhat-ods-applications}\n"
    (staged_tree / "assets/kserve/mine.yaml").write_text(mine)
    file = staged_tree / "assets/kserve/kustomization.yaml"
    replace(file, "resources:\n", "resources:\n- mine.yaml\n")
    rebase("process", root=staged_tree).failed(
        FAILED, "unknown-api: assets/kserve: VirtualService mine", "check --explain ID"
    )
    configure(staged_tree, waiver("unknown-api", "assets/kserve: VirtualService *"))
    rebase("process", root=staged_tree).ok()
    (warning,) = Tree(staged_tree).record["warnings"]
    assert warning.startswith("waived (we know): unknown-api: assets/kserve: VirtualService mine")
    said = report(staged_tree)
    assert said["findings"] == []
    assert [one["id"] for one in said["waived"]] == ["unknown-api"]


def test_mistakes_in_the_file_are_told_together(tree: Path) -> None:
    configure(tree, waiver("edeted") + '[images]\na = "b:latest"\n[budgets.core]\nsize = 1\n')
    check(tree).failed(2, "waivers[1].id: ", "images.a: ", "budgets.core.size: ")


# Today's tool, 2.25

TODAY = "2.25"


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What it leaves; it belongs to all tests."""
    kustomize("5.8.1")
    root = tmp_path_factory.mktemp("today")
    todays_tool.leave(TODAY, root)
    return root


@pytest.fixture(scope="module")
def truth() -> dict[str, str]:
    """key → the right image."""
    file = DATA / TODAY / "expected-images.json"
    expected = json.loads(file.read_text())
    runtimes = {
        image["placeholder"]: image["image"]
        for runtime in expected["runtimes"].values()
        for image in runtime["images"].values()
    }
    return {**expected["kserve"], **runtimes}


def keys(findings: list[dict[str, str]], check_id: str) -> set[str]:
    start = f"{todays_tool.INFO}: "
    return {
        one["where"].removeprefix(start)
        for one in findings
        if one["id"] == check_id and one["where"].startswith(start)
    }


def test_every_invalid_or_floating_image_of_todays_tool_is_named(today: Path) -> None:
    images = json.loads((today / todays_tool.INFO).read_text())["images"]
    run = check(today, "--json")
    assert run.code == FAILED
    said = json.loads(run.out)
    floating = {key for key, image in images.items() if "@sha256:" not in image}
    assert (len(floating), len(images)) == (16, 20)
    assert keys(said["findings"], "image-not-pinned") == floating
    runtimes = {
        one["where"].split(": ")[1].removeprefix("ServingRuntime ")
        for one in said["findings"]
        if one["id"] == "image-not-pinned" and one["where"].startswith("assets/runtimes: ")
    }
    shipped = json.loads((DATA / TODAY / "expected-images.json").read_text())["runtimes"]
    invalid = {runtime["name"] for runtime in shipped.values()} & runtimes
    assert (len(invalid), len(shipped)) == (7, 8)
    assert "vllm:fast@quay.io/opendatahub/vllm:fast is not registry/" in run.out


def test_with_the_staged_bundle_every_wrong_image_of_todays_tool_is_named(
    today: Path, truth: dict[str, str], images_of: Callable[[str], Images], tmp_path: Path
) -> None:
    root = shutil.copytree(today, tmp_path / "root")
    images = images_of(TODAY)
    rebase("download", *images.arguments, root=root).ok()
    said = report(root)
    tools = json.loads((root / todays_tool.INFO).read_text())["images"]
    wrong = {key for key, image in tools.items() if truth.get(key) != image}
    assert keys(said["findings"], "wrong-image") == wrong
    assert {"ray-tls-generator-image", "oauth-proxy", "vllm-spyre-image"} <= wrong
    assert tools.keys() - wrong == {"kube-rbac-proxy", "tgis-image"}
    messages = {
        one["where"].rpartition(": ")[2]: one["message"]
        for one in said["findings"]
        if one["id"] == "wrong-image"
    }
    for key in wrong & truth.keys():
        assert messages[key].endswith(f"gives {truth[key]}")


# Another tree without a record


def test_a_tree_without_a_record_that_has_the_right_images(staged_tree: Path) -> None:
    (staged_tree / "release/rebase.json").unlink()
    assert found(staged_tree) == {("no-record", "release/rebase.json")}


def test_a_staged_bundle_of_another_version_says_nothing_of_images(staged_tree: Path) -> None:
    (staged_tree / "release/rebase.json").unlink()
    for file in staged_tree.glob("release/release-*.json"):
        replace(file, "3.4.0-demo", "3.4.1")
    replace(staged_tree / INFO, digest_of(staged_tree, "ovms-image"), "sha256:" + "0" * 64)
    said = report(staged_tree)
    assert "wrong-image" not in {one["id"] for one in said["findings"]}
    assert any("another bundle" in note["why"] for note in said["not_checked"])


def test_a_staged_bundle_that_cannot_be_processed_says_nothing_of_images(
    staged_tree: Path,
) -> None:
    (staged_tree / "release/rebase.json").unlink()
    (params,) = staged_tree.glob("_output/staging/image/**/overlays/odh/params.env")
    params.write_text("not a line\n")
    (note,) = (one for one in report(staged_tree)["not_checked"] if one["what"] == "images")
    assert "processing the staged bundle fails" in note["why"]
