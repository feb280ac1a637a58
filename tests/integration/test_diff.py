"""`diff` and `--report` on the demo: every kind of side, what they say, and what they leave."""

import copy
import json
import random
import re
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from oci_layout import Layer, write_image

from integration.conftest import LOCAL
from integration.support.command import Run, argv, environment, rebase, run
from integration.support.images import Images, make_demo, replace
from integration.support.packages import NAME, Built, build, install, package, sources
from integration.support.process import running, wait_until
from integration.support.registry import Registry, mirror_conf
from integration.support.repositories import git, new_repository
from integration.support.surroundings import kustomize
from integration.support.trees import Tree, snapshot

SAME, DIFFERENT = 0, 1
OLD, NEW = "3.4.0-demo", "3.4.1-demo"
VERSIONS = {"old": "0~3.4.0~demo", "new": "0~3.4.1~demo"}  # of the packages
BASE = "operator/opt/manifests-template"
CSV = "bundle/manifests/demo-operator.clusterserviceversion.yaml"
OVMS = "registry.example.com/demo/odh-openvino-model-server@sha256:"
# What a comparison tells whatever the sides are; the rest is about where they come from.
TOLD = ("crds", "rights", "objects", "webhooks", "configuration", "runtimes")


def newer(demo: Path) -> None:
    """A version later: something of each kind has changed."""
    for _ in range(2):  # the CSV's name, and its version
        replace(demo / CSV, OLD, NEW)
    replace(demo / CSV, f"{OVMS}51", f"{OVMS}15")
    kserve = demo / BASE / "kserve"
    replace(kserve / "overlays/odh/rbac/kustomization.yaml", "  - metrics-binding.yaml\n", "")
    label = "control-plane: llmisvc-controller-manager\n"
    manager = kserve / "llmisvc/manager.yaml"
    for start in (
        "    matchLabels:\n      ",
        "  template:\n    metadata:\n      labels:\n        ",
    ):
        indent = start.rpartition("\n")[2]
        replace(manager, start + label, f"{start}{label}{indent}app: llm-d\n")
    crd = kserve / "crd/serving.kserve.io_clusterstoragecontainers.yaml"
    replace(crd, "[container, supportedUriFormats]", "[container, workloadType]")
    runtimes = demo / BASE / "modelcontroller/runtimes"
    replace(runtimes / "kustomization.yaml", "  - mlserver-template.yaml\n", "")


@dataclass(frozen=True)
class World:
    """The demo and a version later, in every form that a side can have.

    Attributes:
        repository: has both as commits, tagged `old` and `new`; the newer one is rebased upon
            the older one.
        trees, images, built, devices: of each.
        bundles: of each in the registry, by `options`.
    """

    repository: Path
    trees: tuple[Path, Path]
    images: tuple[Images, Images]
    built: tuple[Built, Built]
    devices: tuple[Path, Path]
    bundles: tuple[str, str]
    options: tuple[str, ...]

    def sides(self, which: int) -> dict[str, tuple[str, ...]]:
        """Kind → the side as arguments: its name, and options."""
        prefix = ("--old-", "--")[which]
        layout, _, operator = self.images[which].arguments
        return {
            "revision": (("old", "new")[which],),
            "directory": (str(self.trees[which]),),
            "layout": (layout, f"{prefix}operator-image", operator),
            "registry": (self.bundles[which], *self.options),
            "packages": (str(self.built[which].rpms),),
            "device": (str(self.devices[which]),),
        }


@pytest.fixture(scope="module")
def newer_images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    return make_demo(tmp_path_factory.mktemp("newer") / "images", newer)


@pytest.fixture(scope="module")
def trees(
    demo_tree: Tree, newer_images: Images, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """The two trees; they belong to all tests."""
    place = tmp_path_factory.mktemp("trees")
    shutil.copytree(demo_tree.root, place / "old")
    shutil.copytree(demo_tree.root, place / "new")
    rebase("to", *newer_images.arguments, root=place / "new").ok()
    return place / "old", place / "new"


@pytest.fixture(scope="module")
def repository(trees: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with both; what is checked out is the newer."""
    root = new_repository(tmp_path_factory.mktemp("repository") / "root")
    for tree in trees:
        for name in ("assets", "release"):
            shutil.rmtree(root / name, ignore_errors=True)
            shutil.copytree(tree / name, root / name)
        git(root, "add", "--all")
        git(root, "commit", "-q", "-m", tree.name)
        git(root, "tag", tree.name)
    return root


@pytest.fixture(scope="module")
def world(
    repository: Path,
    trees: tuple[Path, Path],
    demo_images: Images,
    newer_images: Images,
    registry: Registry,
    tmp_path_factory: pytest.TempPathFactory,
) -> World:
    place = tmp_path_factory.mktemp("world")
    built, devices, bundles = [], [], []
    for tree, images in zip(trees, (demo_images, newer_images), strict=True):
        directory = sources(Tree(tree), place / tree.name)
        one = Built(Tree(tree), build(directory), VERSIONS[tree.name])
        install(place / f"device-{tree.name}", one.repos)
        for part in ("bundle", "operator"):
            name = f"demo/demo-{part}"
            layout = f"oci:{images.layouts[part]}:image"
            pushed = registry.copy(layout, f"{name}:{tree.name}", "--preserve-digests")
            bundles += [pushed] if part == "bundle" else []
        built.append(one)
        devices.append(place / f"device-{tree.name}")
    conf = place / "registries.conf"
    conf.write_text(mirror_conf("registry.example.com", registry.host))
    return World(
        repository,
        trees,
        (demo_images, newer_images),
        (built[0], built[1]),
        (devices[0], devices[1]),
        (bundles[0], bundles[1]),
        (LOCAL, "--registries-conf", str(conf)),
    )


def diff(*words: str | Path, root: Path, env: Mapping[str, str] | None = None) -> Run:
    kustomize("5.8.1")
    return rebase("diff", *words, root=root, env=env)


def told(*words: str | Path, root: Path, code: int = DIFFERENT) -> dict[str, Any]:
    """What it says as JSON."""
    done = diff(*words, "--json", root=root)
    assert done.code == code, done.err
    said: dict[str, Any] = json.loads(done.out)
    assert said["same"] is (code == SAME)
    return said


def content(said: dict[str, Any]) -> dict[str, Any]:
    """What it tells whatever the sides are."""
    images = {
        one["key"]: [one[side] and one[side]["reference"] for side in ("old", "new")]
        for one in said["images"]
    }
    return {**{key: said[key] for key in TOLD}, "images": images}


def copied(tree: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tree, tmp_path / "tree"))


# Every kind of side


@pytest.fixture(scope="module")
def known(world: World) -> dict[str, Any]:
    """What is different, by the two directories."""
    return told(*world.trees, root=world.repository)


def test_two_trees(known: dict[str, Any]) -> None:
    assert [side["version"] for side in (known["old"], known["new"])] == [OLD, NEW]
    (breaks,) = (one for one in known["crds"] if one["level"] == "breaks")
    assert (breaks["crd"], breaks["id"]) == (
        "clusterstoragecontainers.serving.kserve.io",
        "required-added",
    )
    assert content(known)["images"]["ovms-image"][1].startswith(f"{OVMS}15")
    gone = {one["name"] for one in known["objects"]["removed"]}
    metrics = {"kserve-metrics-reader", "kserve-metrics-reader-binding"}
    assert gone == {*metrics, "mlserver-runtime"}
    assert {one["name"] for one in known["deleted"]} == metrics
    assert [one["name"] for one in known["runtimes"]] == ["mlserver-runtime"]
    facts = {one["path"]: (one["old"], one["new"]) for one in known["facts"]}
    assert facts["RHOAI version"] == (OLD, NEW)


@pytest.mark.parametrize("kind", ["revision", "layout", "registry", "packages", "device"])
def test_the_old_side_of_any_kind(kind: str, world: World, known: dict[str, Any]) -> None:
    old, *options = world.sides(0)[kind]
    said = told(old, world.trees[1], *options, root=world.repository)
    assert content(said) == content(known)
    assert said["old"]["name"] == old
    assert said["old"]["version"] == OLD


@pytest.mark.parametrize("kind", ["revision", "layout", "registry", "packages", "device"])
def test_the_new_side_of_any_kind(kind: str, world: World, known: dict[str, Any]) -> None:
    new, *options = world.sides(1)[kind]
    said = told(world.trees[0], new, *options, root=world.repository)
    assert content(said) == content(known)
    assert [one["name"] for one in said["deleted"]] == [one["name"] for one in known["deleted"]]
    assert (said["new"]["name"], said["new"]["version"]) == (new, NEW)


@pytest.mark.parametrize("kind", ["revision", "layout", "packages"])
def test_two_of_a_kind_leave_nothing_behind(
    kind: str, world: World, known: dict[str, Any], tmp_path: Path
) -> None:
    before = snapshot(world.repository)
    (old, *of_old), (new, *of_new) = (world.sides(which)[kind] for which in (0, 1))
    words = (old, new, *of_old, *of_new, "--json")
    done = diff(*words, root=world.repository, env={"TMPDIR": str(tmp_path)})
    assert done.code == DIFFERENT, done.err
    said = json.loads(done.out)
    assert content(said) == content(known)
    assert [one["name"] for one in said["deleted"]] == [one["name"] for one in known["deleted"]]
    assert list(tmp_path.iterdir()) == []
    assert snapshot(world.repository) == before
    assert git(world.repository, "status", "--porcelain", "--ignored") == ""


@pytest.mark.parametrize("kind", ["revision", "layout", "packages", "device"])
def test_a_tree_is_the_same_as_itself_in_another_form(kind: str, world: World) -> None:
    """A tree and its packages, a commit and the bundle that it came from."""
    side, *options = world.sides(0)[kind]
    options = [option.replace("--old-", "--") for option in options]
    said = told(world.trees[0], side, *options, root=world.repository, code=SAME)
    assert said["facts"] == []


def test_what_a_bundle_brings_to_a_device(world: World, tmp_path: Path) -> None:
    """There is no record there to rebase upon: selectors are not kept, and nothing is deleted."""
    new, *options = world.sides(1)["layout"]
    file = tmp_path / "report.md"
    said = told(world.devices[0], new, *options, "--report", file, root=world.repository)
    changed = {change["path"] for one in said["objects"]["changed"] for change in one["changes"]}
    assert "spec.selector.matchLabels.app" in changed
    assert said["deleted"] == []
    metrics = "- `ClusterRole kserve-metrics-reader`; nothing deletes it; after a rebase upon"
    assert metrics in file.read_text()


def test_one_package_is_compared_by_its_parts(world: World, known: dict[str, Any]) -> None:
    old, new = (package(one.rpms) for one in world.built)
    said = told(old, new, root=world.repository)
    assert said["parts"] == ["kserve", "runtimes"]
    (changed,) = (one for one in known["objects"]["changed"] if one["part"] == "llm-d")
    known = copy.deepcopy(known)
    known["objects"]["changed"].remove(changed)
    assert content(said) == content(known)
    assert (said["old"]["version"], said["new"]["version"]) == (OLD, NEW)
    llm_d = [package(one.rpms, f"{NAME}-llm-d") for one in world.built]
    said = told(*llm_d, root=world.repository)
    assert said["parts"] == ["llm-d"]
    assert content(said) == {
        **{key: [] for key in TOLD},
        "objects": {"added": [], "removed": [], "moved": [], "changed": [changed]},
        "images": {},
    }
    diff(old, llm_d[1], root=world.repository).failed(2, "nothing can be compared")
    run = diff(old, world.trees[0], root=world.repository)
    assert run.code == SAME
    assert "Only kserve and runtimes can be compared." in run.out


def test_the_tree_may_be_a_directory_of_a_repository(
    trees: tuple[Path, Path], known: dict[str, Any], tmp_path: Path
) -> None:
    top = new_repository(tmp_path / "top")
    below = top / "some/where"
    for tree in trees:
        shutil.rmtree(below, ignore_errors=True)
        shutil.copytree(tree, below)
        git(top, "add", "--all")
        git(top, "commit", "-q", "-m", tree.name)
    assert content(told("HEAD~1", "HEAD", root=below)) == content(known)
    told("HEAD", below, root=below, code=SAME)
    done = diff("HEAD~1", "HEAD", root=top)
    done.failed(2, "HEAD~1 ships nothing of ours", "hint: ")


def test_without_a_repository_there_is_nothing_but_commits_that_cannot_be_named(
    world: World, tmp_path: Path
) -> None:
    """Two packages lie somewhere; nobody should have to be in a tree to compare them."""
    env = {"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    words = argv("diff", *(package(one.rpms) for one in world.built))
    assert run(words, cwd=tmp_path, env=env).code == DIFFERENT
    run(argv("diff", "old", "new"), cwd=tmp_path, env=env).failed(2, "old is no file")


def test_relative_paths_are_from_where_one_stands(world: World) -> None:
    old, new = world.trees
    words = argv("diff", "old", "./new", "--root", world.repository)
    assert run(words, cwd=old.parent).code == DIFFERENT
    assert old.parent == new.parent


# What it says


def test_a_bundle_upon_a_tree_says_what_to_would(world: World, tmp_path: Path) -> None:
    """diff HEAD BUNDLE; to BUNDLE --dry-run --report; the message of to BUNDLE --commit."""
    root = tmp_path / "root"
    shutil.copytree(world.repository, root)
    git(root, "checkout", "-q", "-b", "work", "old")
    (root / "assets/kserve/ours.yaml").write_text("# nobody names this file\n")
    edited = root / "assets/runtimes/ovms-kserve.yaml"
    edited.write_text(edited.read_text().replace("OpenVINO", "Our OpenVINO"))
    git(root, "commit", "-q", "--all", "-m", "ours")
    before = snapshot(root)
    bundle = world.images[1].arguments
    forms = ("md", "json", "html")

    def reports(name: str) -> list[str]:
        files = [tmp_path / f"{name}.{form}" for form in forms]
        return [word for file in files for word in ("--report", str(file))]

    done = diff("HEAD", *bundle, *reports("diff"), root=root)
    assert done.code == DIFFERENT, done.err
    rebase("to", *bundle, "--dry-run", *reports("to"), root=root).ok()
    assert snapshot(root) == before
    rebase("to", *bundle, "--commit", root=root).ok()
    message = git(root, "log", "-1", "--format=%B")

    def text(name: str, form: str) -> str:
        """A report without the names of its sides."""
        found = (tmp_path / f"{name}.{form}").read_text()
        for side in ("HEAD", "the tree before"):
            found = found.replace(side, "OLD")
        for side in (bundle[0], "oci:bundle:image"):
            found = found.replace(side, "NEW")
        return found.replace("oci:<wbr>", "oci:")

    for form in forms:
        assert text("diff", form) == text("to", form), form
    body = (tmp_path / "to.md").read_text().removeprefix("# ")
    assert message.partition("\n\n")[2].strip() == body.strip()
    assert NEW in message.partition("\n\n")[0]
    assert "edited by hand on the old side" in body
    assert "assets/runtimes/ovms-kserve.yaml" in body


def test_a_bundle_upon_a_tree_keeps_selectors_and_tells_deletions(
    world: World, tmp_path: Path
) -> None:
    bundle = world.images[1].arguments
    file = tmp_path / "report.md"
    said = told("old", *bundle, "--report", file, root=world.repository)
    changes = {
        change["path"]
        for one in said["objects"]["changed"]
        if one["kind"] == "Deployment"
        for change in one["changes"]
    }
    assert "spec.template.metadata.labels.app" in changes
    assert not [path for path in changes if path.startswith("spec.selector")]
    text = file.read_text()
    assert "`ClusterRole kserve-metrics-reader`; deleted when MicroShift starts" in text
    assert "`ServingRuntime mlserver-runtime`; stays until somebody deletes it" in text


def test_hand_edits_are_told(trees: tuple[Path, Path], tmp_path: Path) -> None:
    root = copied(trees[0], tmp_path)
    edited = root / "assets/kserve/deployment-kserve-controller-manager.yaml"
    replace(edited, "--leader-elect", "--no-leader-elect")
    done = diff(trees[0], root, root=root)
    assert done.code == DIFFERENT
    where = edited.relative_to(root).as_posix()
    assert f"{where}: edited by hand\n" in done.out
    assert f"{where}: edited by hand on the old side\n" in diff(root, trees[0], root=root).out


def test_text_and_exit_codes(world: World) -> None:
    old, new = world.trees
    done = diff(old, new, root=world.repository)
    assert done.code == DIFFERENT
    assert done.out.startswith(f"RHOAI {OLD} → {NEW}\n{old} → {new}\n")
    assert "\x1b" not in done.out
    assert done.err == "Comparing\n"
    done = diff(old, old, root=world.repository)
    assert (done.code, "both sides ship the same" in done.out) == (SAME, True)
    done = diff(old, new, "--quiet", root=world.repository)
    assert (done.code, done.out, done.err) == (DIFFERENT, "", "")
    for form, start in (("--markdown", "# RHOAI "), ("--html", "<!doctype")):
        done = diff(old, new, form, "--quiet", root=world.repository)
        assert done.code == DIFFERENT
        assert done.out.lstrip().startswith(start)


def test_same_input_same_bytes(world: World, tmp_path: Path) -> None:
    for number in (1, 2):
        words = [f"--report={tmp_path / f'{number}.{form}'}" for form in ("md", "json", "html")]
        seed = {"PYTHONHASHSEED": str(number)}
        assert diff("old", "new", *words, root=world.repository, env=seed).code == DIFFERENT
    for form in ("md", "json", "html"):
        one, other = ((tmp_path / f"{number}.{form}").read_bytes() for number in (1, 2))
        assert one == other, form


def test_words_that_the_locale_does_not_have(world: World, tmp_path: Path) -> None:
    """A machine that was set up without any locale."""
    env = {"LC_ALL": "C", "LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    file = tmp_path / "report.md"
    done = diff("old", "new", "--report", file, root=world.repository, env=env)
    assert done.code == DIFFERENT, done.err
    text = file.read_text(encoding="utf-8")
    assert text.startswith(f"# RHOAI {OLD} → {NEW}\n")
    assert done.out.startswith(f"RHOAI {OLD} ? {NEW}\n")
    assert diff("old", "new", "--markdown", root=world.repository, env=env).out == text


def test_rendering_is_measured_when_it_is_asked_for(world: World) -> None:
    said = told("old", "new", "--measure", root=world.repository)
    for side in ("old", "new"):
        costs = said[side]["costs"]
        assert set(costs) == {"kserve", "runtimes", "llm-d"}
        assert all(cost["seconds"] > 0 and cost["peak_bytes"] > 1e6 for cost in costs.values())


# What it leaves: nothing


def test_nothing_is_left_behind_when_it_is_interrupted(world: World, tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    env = {**environment(tmp_path), "TMPDIR": str(temporary)}
    words = argv("diff", "old", *world.images[1].arguments, "--root", world.repository)
    with running(words, log=tmp_path / "log", env=env) as process:
        wait_until(lambda: any(temporary.glob("*/new")), "the bundle is staged", process=process)
        process.popen.terminate()
        assert process.popen.wait(30) == 128 + signal.SIGTERM
    assert "interrupted; the tree is as it was" in process.text()
    assert list(temporary.iterdir()) == []


# Sides that are no good


@pytest.fixture
def bad(trees: tuple[Path, Path], tmp_path: Path) -> Path:
    """A copy of the older tree, to be broken."""
    return copied(trees[0], tmp_path)


def fails(code: int, *said: str, sides: tuple[str | Path, ...], world: World) -> None:
    """It fails, tells all this, and leaves nothing."""
    before = snapshot(world.repository)
    diff(*sides, root=world.repository).failed(code, *said)
    assert snapshot(world.repository) == before


def test_a_side_that_does_not_render(world: World, bad: Path) -> None:
    (bad / "assets/kserve/deployment-kserve-controller-manager.yaml").unlink()
    said = (f"{bad}: assets/kserve does not render", "deployment-kserve-controller-manager.yaml")
    fails(25, *said, sides=(bad, "new"), world=world)
    fails(25, *said, sides=("new", bad), world=world)


def test_a_side_that_is_nothing(world: World, tmp_path: Path) -> None:
    fails(2, "v9 is no file, no directory and no commit", sides=("v9", "new"), world=world)
    fails(2, "origin/v9 is no file", sides=("new", "origin/v9"), world=world)
    fails(2, "./v9: no such file", sides=("./v9", "new"), world=world)
    fails(2, "v9.rpm: no such file", sides=("new", "v9.rpm"), world=world)
    empty = tmp_path / "empty"
    empty.mkdir()
    fails(2, f"{empty} ships nothing of ours", "hint: ", sides=(empty, "new"), world=world)
    first = git(world.repository, "rev-list", "--max-parents=0", "HEAD")
    fails(2, f"{first} ships nothing of ours", "hint: ", sides=(first, "new"), world=world)


def test_a_bundle_that_is_not_there(world: World, registry: Registry) -> None:
    missing = f"{registry.host}/demo/demo-bundle:v9"
    fails(10, missing, sides=("new", missing, *world.options), world=world)
    fails(10, "oci:/nowhere:image", sides=("oci:/nowhere:image", "new"), world=world)


def test_packages_that_are_no_good(world: World, tmp_path: Path) -> None:
    built = world.built[0]
    corrupt = tmp_path / "corrupt.rpm"
    corrupt.write_bytes(package(built.rpms).read_bytes()[:20000])
    fails(2, f"{corrupt} is not an RPM that can be read", sides=(corrupt, "new"), world=world)
    corrupt.write_bytes(b"no package at all")
    fails(2, f"{corrupt} is not an RPM that can be read", sides=("new", corrupt), world=world)
    (source,) = built.rpms.glob("*.src.rpm")
    hint = "hint: name a rebased tree, a package with manifests"
    fails(2, f"{source} ships nothing of ours", hint, sides=(source, "new"), world=world)
    info = package(built.rpms, f"{NAME}-release-info", "noarch")
    fails(2, f"{info} ships nothing of ours", hint, sides=("new", info), world=world)
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(source, other)
    fails(2, f"{other} has no {NAME}", "for x86_64", sides=(other, "new"), world=world)


def test_two_versions_of_a_package_in_one_directory(world: World, tmp_path: Path) -> None:
    """Nobody can tell which is meant, and together they are none."""
    for built in world.built:
        shutil.copytree(built.rpms, tmp_path / "rpms", dirs_exist_ok=True)
    said = (f"{tmp_path / 'rpms'} has more than one", "0~3.4.0~demo", "0~3.4.1~demo")
    fails(2, *said, sides=(tmp_path / "rpms", "new"), world=world)


def test_a_record_that_is_broken(world: World, bad: Path) -> None:
    (bad / "release/rebase.json").write_text("<<<<<<< HEAD\n")
    said = (str(bad), "release/rebase.json cannot be read")
    fails(2, *said, sides=(bad, "new"), world=world)


@pytest.mark.parametrize("text", ["[]", "{", '{"release": "3.4", "images": []}'])
def test_a_release_info_that_is_broken(text: str, world: World, bad: Path) -> None:
    (bad / "release/rebase.json").unlink()
    info = bad / "release/release-ai-model-serving-x86_64.json"
    info.write_text(text)
    fails(22, str(bad), info.relative_to(bad).as_posix(), sides=(bad, "new"), world=world)


def test_options_for_a_side_that_is_no_bundle(world: World) -> None:
    operator = world.images[0].arguments[2]
    sides = ("old", "new", "--old-operator-image", operator)
    fails(2, "old is no bundle", sides=sides, world=world)
    sides = ("old", "new", "--module-image", operator)
    fails(2, "new is no bundle", sides=sides, world=world)


def test_an_image_without_a_digest(world: World, tmp_path: Path) -> None:
    def community(demo: Path) -> None:
        csv = demo / CSV
        csv.write_text(csv.read_text().replace("RELATED_IMAGE_", "COMMUNITY_"))

    images = make_demo(tmp_path / "images", community)
    said = (f"{images.arguments[0]}: 9 images have no digest", "--image", "--pin")
    fails(23, *said, sides=("new", *images.arguments), world=world)


# Images asked of the registry


@dataclass(frozen=True)
class Sized:
    """A community build in the registry: OVMS has a repository of its own, all else another."""

    trees: tuple[Path, Path]
    images: Images  # of the newer
    ovms: Path  # where the registry has its repository


@pytest.fixture(scope="module")
def sized(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Sized:
    place = tmp_path_factory.mktemp("sized")

    def community(demo: Path) -> None:
        csv = demo / CSV
        csv.write_text(csv.read_text().replace("RELATED_IMAGE_", "COMMUNITY_"))
        for params in (demo / BASE).rglob("params.env"):
            text = re.sub(r"=quay.io/\S+", f"={registry.host}/sized/all:v1", params.read_text())
            params.write_text(re.sub(r"(ovms-image=.*)/all:", r"\1/ovms:", text))

    images = make_demo(place / "images", community)
    trees = []
    for number in (1, 2):
        for name in ("all", "ovms"):
            labels = {"version": f"v1.2.{number}", "release": "4"}
            layer = Layer().file(name, random.Random(number).randbytes(number * 1_000_000))
            architectures = ["amd64", "arm64"] if name == "all" else ["amd64"]
            layout = place / f"{name}-{number}"
            write_image(layout, [layer], labels=labels, architectures=architectures)
            registry.copy(f"oci:{layout}:image", f"sized/{name}:v1", "--all", "--preserve-digests")
        root = place / str(number)
        root.mkdir()
        rebase("to", *images.arguments, "--pin", LOCAL, root=root).ok()
        trees.append(root)
    ovms = registry.storage / "docker/registry/v2/repositories/sized/ovms"
    assert ovms.is_dir()
    return Sized((trees[0], trees[1]), images, ovms)


def facts(said: dict[str, Any], key: str) -> list[tuple[dict[str, int], str]]:
    """Sizes in megabytes, and the version by the labels, of an image on both sides."""
    (change,) = (one for one in said["images"] if one["key"] == key)
    return [
        (
            {arch: round(size / 1e6) for arch, size in change[side]["sizes"].items()},
            change[side]["label"],
        )
        for side in ("old", "new")
    ]


def test_registries_are_asked_for_versions_and_sizes(sized: Sized) -> None:
    root = sized.trees[0]
    asked = ("--verify-images", LOCAL, "--arch", "x86_64", "--arch", "aarch64")
    said = told(*sized.trees, *asked, root=root)
    assert facts(said, "ovms-image") == [({"x86_64": 1}, "v1.2.1-4"), ({"x86_64": 2}, "v1.2.2-4")]
    both = [{"x86_64": number, "aarch64": number} for number in (1, 2)]
    labels = ["v1.2.1-4", "v1.2.2-4"]
    assert facts(said, "kserve-agent") == list(zip(both, labels, strict=True))
    done = diff(*sized.trees, "--verify-images", LOCAL, root=root)
    assert "version v1.2.1-4 → v1.2.2-4; x86_64 1 MB → 2 MB" in done.out
    assert "Compressed size of the images for x86_64" in done.out
    assert facts(told(*sized.trees, root=root), "ovms-image") == [({}, ""), ({}, "")]


def test_a_bundle_of_tags_is_compared_by_the_digests_that_they_have_now(sized: Sized) -> None:
    asked = (*sized.images.arguments, "--pin", "--verify-images", LOCAL)
    said = told(sized.trees[0], *asked, root=sized.trees[0])
    assert facts(said, "ovms-image") == [({"x86_64": 1}, "v1.2.1-4"), ({"x86_64": 2}, "v1.2.2-4")]


def test_images_that_are_gone_are_warned_of(
    sized: Sized, trees: tuple[Path, Path], demo_images: Images, registry: Registry, tmp_path: Path
) -> None:
    away = sized.ovms.rename(tmp_path / "ovms")
    try:
        done = diff(*sized.trees, "--verify-images", LOCAL, "--json", root=sized.trees[0])
    finally:
        away.rename(sized.ovms)
    assert done.code == DIFFERENT, done.err
    assert f"warning: {registry.host}/sized/ovms: " in done.err
    assert facts(json.loads(done.out), "ovms-image") == [({}, ""), ({}, "")]
    assert facts(json.loads(done.out), "kserve-agent")[1] == ({"x86_64": 2}, "v1.2.2-4")
    # a bundle whose images are all gone is one that can be compared
    conf = tmp_path / "registries.conf"
    conf.write_text(
        '[[registry]]\nprefix = "registry.example.com"\n'
        f'location = "{registry.host}/nothing"\ninsecure = true\n'
    )
    words = ("--verify-images", "--registries-conf", conf)
    done = diff(trees[0], *demo_images.arguments, *words, root=trees[0])
    assert done.code == SAME, done.err
    assert done.err.count("warning: registry.example.com/demo/") >= 8


# --report of a rebase


def test_a_report_of_a_first_rebase(demo_images: Images, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    file = tmp_path / "report.json"
    done = rebase("to", *demo_images.arguments, "--report", file, root=root).ok()
    assert "warning" not in done.err
    said = json.loads(file.read_text())
    assert (said["old"]["objects"], said["old"]["version"], said["new"]["version"]) == (0, "", OLD)
    assert said["objects"]["removed"] == []
    assert len(said["objects"]["added"]) == len(Tree(root).objects)


def test_a_report_where_nothing_changes(
    trees: tuple[Path, Path], demo_images: Images, tmp_path: Path
) -> None:
    root = copied(trees[0], tmp_path)
    file = tmp_path / "report.md"
    rebase("to", *demo_images.arguments, "--report", file, root=root).ok()
    assert "both sides ship the same" in file.read_text()


def test_a_report_upon_a_tree_that_is_broken(
    bad: Path, newer_images: Images, trees: tuple[Path, Path], tmp_path: Path
) -> None:
    (bad / "assets/kserve/deployment-kserve-controller-manager.yaml").unlink()
    file = tmp_path / "report.json"
    done = rebase("to", *newer_images.arguments, "--report", file, root=bad).ok()
    assert "warning: compared with nothing: the tree before: assets/kserve does not" in done.err
    assert json.loads(file.read_text())["old"]["objects"] == 0
    assert snapshot(bad, "assets") == snapshot(trees[1], "assets")


def no_places(tmp_path: Path) -> list[tuple[Path, str]]:
    (tmp_path / "directory.md").mkdir()
    return [
        (tmp_path / "report.pdf", "none of .html, .json, .md"),
        (tmp_path / "nowhere/report.md", "is not a directory"),
        (tmp_path / "directory.md", "directory"),
        (Path("/proc/report.md"), "report.md"),
    ]


def test_a_report_that_cannot_be_written_fails_before_the_work(
    trees: tuple[Path, Path], newer_images: Images, tmp_path: Path
) -> None:
    root = copied(trees[0], tmp_path)
    before = snapshot(root)
    for file, said in no_places(tmp_path):
        words = ("--report", file)
        done = rebase("to", *newer_images.arguments, *words, root=root).failed(2, str(file), said)
        assert "Reading bundle" not in done.err
        done = diff(trees[0], trees[1], *words, root=root).failed(2, str(file), said)
        assert "Comparing" not in done.err
    assert snapshot(root) == before
    assert not [path for path in tmp_path.iterdir() if path.is_file()]
