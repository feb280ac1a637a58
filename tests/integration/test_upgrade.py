"""A tree that goes from version to version, with what people wrote in it, and git."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from integration.conftest import LOCAL
from integration.support.command import environment, rebase
from integration.support.images import Images, make_demo, replace
from integration.support.repositories import git, new_repository
from integration.support.surroundings import need_data
from integration.support.trees import Tree, parse, render, snapshot

ROAD = ("2.22", "2.25", "3.4")
KSERVE = "assets/kserve/kustomization.yaml"
OWN = "our-network-policy.yaml"
NETWORK_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: ours
  namespace: redhat-ods-applications
spec:
  podSelector: {}
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with one commit, on branch main."""
    return new_repository(tmp_path / "repository")


@pytest.fixture(scope="session")
def newer_demo(tmp_path_factory: pytest.TempPathFactory) -> Images:
    """The demo with a version later, and one runtime less."""

    def edit(demo: Path) -> None:
        csv = demo / "bundle/manifests/demo-operator.clusterserviceversion.yaml"
        replace(csv, "version: 3.4.0-demo", "version: 3.4.1-demo")
        runtimes = demo / "operator/opt/manifests-template/modelcontroller/runtimes"
        replace(runtimes / "kustomization.yaml", "  - mlserver-template.yaml\n", "")

    return make_demo(tmp_path_factory.mktemp("newer") / "images", edit)


def test_upgrades_in_one_tree_keep_what_people_wrote(
    rebased: Callable[[str], Tree], images_of: Callable[[str], Images], tmp_path: Path
) -> None:
    need_data(*ROAD)
    root = tmp_path / "root"
    shutil.copytree(rebased(ROAD[0]).root, root)
    kustomization = root / KSERVE
    text = kustomization.read_text()
    first = text.split("resources:\n")[1].splitlines()[0]
    text = text.replace(first, f"{first} # ours, at the first resource")
    kustomization.write_text(f"# ours, at the top\n{text}- {OWN} # ours, at the end\n")
    (root / "assets/kserve" / OWN).write_text(NETWORK_POLICY)
    (root / "release/notes.txt").write_text("ours\n")
    for before, after in pairwise(ROAD):
        fresh = rebased(after)
        was = Tree(root).record["bundle"]["version"]
        assert was.startswith(before)
        run = rebase("to", images_of(after).bundle, LOCAL, root=root).ok()
        assert f"RHOAI {was} → {fresh.record['bundle']['version']}\n" in run.out
        ours = snapshot(root, "assets", "release")
        theirs = snapshot(fresh.root, "assets", "release")
        assert ours.pop(f"assets/kserve/{OWN}")
        assert ours.pop("release/notes.txt")
        assert ours.pop(KSERVE) != theirs.pop(KSERVE)
        own_history = ("assets/delete/", "release/history.json", "release/retired-")
        assert {k: v for k, v in ours.items() if not k.startswith(own_history)} == theirs
        text = kustomization.read_text()
        for comment in ("at the top", "at the first resource", "at the end"):
            assert f"# ours, {comment}\n" in text
        (new,), (plain,) = parse(text), parse((fresh.root / KSERVE).read_text())
        assert new == {**plain, "resources": [*plain["resources"], OWN]}
        assert parse(render(root / "assets/kserve"))[-1]["metadata"]["name"] == "ours"


def test_dry_run_writes_nothing_and_says_what_it_would(
    demo_tree: Tree, newer_demo: Images, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    shutil.copytree(demo_tree.root, root)
    before = snapshot(root)
    run = rebase("to", *newer_demo.arguments, "--dry-run", root=root).ok()
    assert "RHOAI 3.4.0-demo → 3.4.1-demo\n" in run.out
    assert "- runtimes: ServingRuntime mlserver-runtime\n" in run.out
    assert "nothing was written" in run.out
    assert snapshot(root) == before


def test_json_says_what_changed(demo_tree: Tree, newer_demo: Images, tmp_path: Path) -> None:
    root = tmp_path / "root"
    shutil.copytree(demo_tree.root, root)
    run = rebase("to", *newer_demo.arguments, "--json", root=root).ok()
    told = json.loads(run.out)
    assert told["version"] == {"from": "3.4.0-demo", "to": "3.4.1-demo"}
    assert (told["changed"], told["written"], told["commit"]) == (True, True, None)
    assert told["objects"]["removed"] == ["runtimes: ServingRuntime mlserver-runtime"]
    assert told["files"]["removed"] == ["assets/runtimes/mlserver.yaml"]
    assert told["image_changes"]["removed"] == ["mlserver-image"]
    assert told["images"]["ovms-image"]["reference"].startswith("registry.example.com/demo/")
    assert not (root / "assets/runtimes/mlserver.yaml").exists()


def test_quiet_says_nothing(demo_images: Images, tmp_path: Path) -> None:
    run = rebase("to", *demo_images.arguments, "--quiet", root=tmp_path).ok()
    assert (run.out, run.err) == ("", "")


def test_files_edited_by_hand_are_replaced_and_told(
    demo_tree: Tree, demo_images: Images, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    shutil.copytree(demo_tree.root, root)
    edited = root / "assets/runtimes/ovms-kserve.yaml"
    edited.write_text(edited.read_text() + "# by hand\n")
    run = rebase("to", *demo_images.arguments, root=root).ok()
    assert "edited by hand since the last rebase, and replaced: assets/runtimes/ovms" in run.out
    assert snapshot(root, "assets") == snapshot(demo_tree.root, "assets")


def test_commit_makes_a_branch_with_one_commit_that_says_what_changed(
    repository: Path, demo_images: Images, newer_demo: Images
) -> None:
    (repository / "unrelated").write_text("not ours to commit\n")
    rebase(
        "to", *demo_images.arguments, "--commit", root=repository, env={"NO_BRANCH": "true"}
    ).ok()
    assert git(repository, "branch", "--show-current") == "main"
    assert git(repository, "rev-list", "--count", "main") == "2"

    run = rebase("to", *newer_demo.arguments, "--commit", root=repository).ok()
    assert "committed " in run.out
    branch = "rebase-ai-model_serving-3.4.1-demo"
    assert git(repository, "branch", "--show-current") == branch
    assert git(repository, "rev-list", "--count", f"main..{branch}") == "1"
    message = git(repository, "log", "-1", "--format=%B")
    assert message.startswith("Rebase AI model serving to RHOAI 3.4.1-demo\n\n")
    assert "RHOAI 3.4.0-demo → 3.4.1-demo" in message
    assert "\\- `ServingRuntime mlserver-runtime`; runtimes" in message
    assert "\\- `mlserver-image`" in message
    changed = git(repository, "show", "--name-status", "--format=", "HEAD").splitlines()
    assert "D\tassets/runtimes/mlserver.yaml" in changed
    assert all(line.split("\t")[1].startswith(("assets/", "release/")) for line in changed)
    assert git(repository, "status", "--porcelain", "--untracked-files=all") == "?? unrelated"

    again = rebase("to", *newer_demo.arguments, "--commit", root=repository).ok()
    assert "nothing changed" in again.out
    assert git(repository, "rev-list", "--count", f"main..{branch}") == "1"


def without_llm_d(demo: Path) -> None:
    entry = demo / "operator/opt/manifests-template/kserve/overlays/odh/kustomization.yaml"
    replace(entry, "  - ../../components/llmisvc\n", "")
    replacements = entry.read_text().partition("  - source:\n      kind: ConfigMap\n")
    kept = [
        one
        for one in (replacements[1] + replacements[2]).split(replacements[1])
        if one and "LLMInferenceServiceConfig" not in one and "llmisvc" not in one
    ]
    entry.write_text(replacements[0] + "".join(replacements[1] + one for one in kept))


def test_commit_of_a_version_without_llm_d_before_and_after_one_with(
    repository: Path, demo_images: Images, tmp_path: Path
) -> None:
    """The directory of llm-d is not there, comes, and goes."""
    older = make_demo(tmp_path / "images", without_llm_d)
    env = {"NO_BRANCH": "true"}
    for images, there in ((older, False), (demo_images, True), (older, False)):
        rebase("to", *images.arguments, "--commit", root=repository, env=env).ok()
        assert bool(git(repository, "ls-files", "assets/llm-d")) == there
        assert (repository / "assets/llm-d").exists() == there
        assert git(repository, "status", "--porcelain") == ""


def test_root_is_the_git_repository(repository: Path, demo_images: Images) -> None:
    inside = repository / "some/where"
    inside.mkdir(parents=True)
    words = ["-m", "rebase", *demo_images.arguments]  # without `to`
    subprocess.run(
        [sys.executable, *words],
        cwd=inside,
        env=environment(repository),
        check=True,
        capture_output=True,
    )
    assert (repository / "release/rebase.json").is_file()


@pytest.mark.parametrize("no_branch", ["", "true"])
def test_commit_refuses_to_mix_in_what_is_staged(
    no_branch: str, repository: Path, demo_images: Images
) -> None:
    (repository / "README").write_text("changed\n")
    git(repository, "add", "README")
    env = {"NO_BRANCH": no_branch}
    run = rebase("to", *demo_images.arguments, "--commit", root=repository, env=env)
    run.failed(30, "staged", "hint: ")
    assert not (repository / "assets").exists()


def test_commit_leaves_a_branch_that_exists_alone(repository: Path, demo_images: Images) -> None:
    branch = "rebase-ai-model_serving-3.4.0-demo"
    git(repository, "branch", branch)
    run = rebase("to", *demo_images.arguments, "--commit", root=repository)
    run.failed(30, branch, "hint: ", "NO_BRANCH=true")
    assert git(repository, "rev-parse", branch) == git(repository, "rev-parse", "main")
