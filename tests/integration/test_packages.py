"""The RPMs: what is in them, that they are the same whoever builds them, and on a device."""

import json
import os
import re
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from integration.support import packages
from integration.support.command import rebase
from integration.support.images import Images
from integration.support.packages import (
    DAY,
    DELETE,
    INFO,
    KSERVE,
    LLM_D,
    MANIFESTS_D,
    MICROSHIFT,
    MIDNIGHT,
    NAME,
    PLACES,
    RELEASE,
    RPM_HOME,
    RUNTIMES,
    Built,
    build,
    install,
    package,
    rpm,
    run,
    script,
    sources,
)
from integration.support.surroundings import REPO, kustomize, tool
from integration.support.trees import Tree, parse, render, snapshot, title

RPMLINT = REPO / ".venv/rpmlint/bin/rpmlint"
DEMO_VERSION = "0~3.4.0~demo"


@pytest.fixture(scope="module")
def demo(demo_tree: Tree, tmp_path_factory: pytest.TempPathFactory) -> Built:
    place = sources(demo_tree, tmp_path_factory.mktemp("demo-build") / "tree")
    return Built(demo_tree, build(place), DEMO_VERSION)


def shipped(root: Path) -> dict[str, str]:
    """What MicroShift reads, and what we have beside it, without the license and the guide."""
    return snapshot(root, MANIFESTS_D, RELEASE, f"usr/share/{NAME}")


# What is in them


def test_files_are_where_microshift_and_users_look(device: Path, newest: Built) -> None:
    for directory in (*newest.tree.directories, "delete"):
        theirs = snapshot(newest.tree.root / "assets" / directory)
        assert snapshot(device / PLACES[directory]) == theirs, directory
    found = {file.name for file in (device / MANIFESTS_D).iterdir()}
    assert found == {Path(PLACES[one]).name for one in newest.tree.directories} | {"delete"}
    assert packages.release_infos(device) == newest.tree.release_infos()
    assert Path(INFO).name in packages.release_infos(device)


def test_files_are_roots_readable_by_all_and_dated_reproducibly(newest: Built) -> None:
    listing = "[%{FILENAMES} %{FILEMODES:perms} %{FILEUSERNAME} %{FILEGROUPNAME} %{FILEMTIMES}\n]"
    for file in newest.rpms.glob("*64.rpm"):
        for line in rpm("-qp", "--qf", listing, file):
            name, mode, user, group, time = line.split()
            wanted = "drwxr-xr-x" if mode.startswith("d") else "-rw-r--r--"
            assert mode == ("-rwxr-xr-x" if name.endswith(".sh") else wanted), line
            assert (user, group, int(time)) == ("root", "root", MIDNIGHT), line


def test_installed_directories_render_with_every_kustomize(device: Path, newest: Built) -> None:
    for directory in newest.tree.directories:
        for version in ("5.5.0", "5.8.1"):
            assert render(device / PLACES[directory], version) == newest.tree.render(directory)


def test_packages_can_be_installed_apart(newest: Built, tmp_path: Path) -> None:
    repos = newest.repos
    install(tmp_path / "core", repos, NAME)
    assert (tmp_path / "core" / KSERVE / "kustomization.yaml").is_file()
    assert (tmp_path / "core" / RUNTIMES / "kustomization.yaml").is_file()
    assert not (tmp_path / "core" / LLM_D).exists()
    assert not (tmp_path / "core" / RELEASE).exists()
    install(tmp_path / "info", repos, f"{NAME}-release-info")
    assert [file.name for file in (tmp_path / "info" / RELEASE).iterdir()] == [Path(INFO).name]
    assert not (tmp_path / "info" / MANIFESTS_D).exists()
    install(tmp_path / "llm-d", repos, f"{NAME}-llm-d")
    assert (tmp_path / "llm-d" / LLM_D / "kustomization.yaml").is_file()
    assert (tmp_path / "llm-d" / KSERVE / "kustomization.yaml").is_file()
    installed = rpm("-qa", "--qf", "%{NAME}\n", root=tmp_path / "llm-d")
    assert sorted(installed) == ["microshift", NAME, f"{NAME}-llm-d", "microshift-gateway-api"]


def test_every_package_is_of_one_microshift_and_tells_its_rhoai(packaged: dict[str, Built]) -> None:
    for rhoai, built in packaged.items():
        for file in sorted(built.rpms.glob("*.rpm")):
            if file.name.endswith(".src.rpm"):
                continue
            requires = rpm("-qp", "--requires", file)
            base = f"{NAME}(x86-64) = {built.version}-1"
            assert (f"microshift = {built.version}" in requires) != (base in requires), file.name
            assert any(
                re.fullmatch(rf"{NAME}.*\(rhoai\) = {re.escape(rhoai)}\.\d+", line)
                for line in rpm("-qp", "--provides", file)
            ), file.name
            assert f" {rhoai}." in " ".join(rpm("-qp", "--qf", "%{DESCRIPTION}", file)), file.name
            assert rpm("-qp", "--qf", "%{LICENSE}", file) == ["Apache-2.0"]
            assert f"- RHOAI {rhoai}." in rpm("-qp", "--changelog", file)[1]


def test_an_architecture_gets_what_it_has_images_for(demo_images: Images, tmp_path: Path) -> None:
    kustomize("5.8.1")
    root = tmp_path / "root"
    root.mkdir()
    rebase("to", *demo_images.arguments, "--arch", "x86_64", "--arch", "aarch64", root=root).ok()
    rpms = build(sources(Tree(root), tmp_path / "tree"))
    names = {
        arch: {file.name for file in (device / RUNTIMES).iterdir()}
        for arch in ("x86_64", "aarch64")
        for device in [packages.unpack(package(rpms, arch=arch), tmp_path / arch)]
    }
    assert names["x86_64"] - names["aarch64"] == {"vllm-cpu-x86.yaml"}
    assert names["aarch64"] < names["x86_64"]
    rendered = parse(render(tmp_path / "aarch64" / RUNTIMES))
    assert len(rendered) == len(names["aarch64"]) - 1
    info = packages.unpack(package(rpms, f"{NAME}-release-info", "noarch"), tmp_path / "info")
    assert len(packages.release_infos(info)) == 2
    assert len(list(rpms.glob("*.noarch.rpm"))) == 2


@pytest.mark.parametrize("part", ["", "-llm-d"])
def test_a_package_has_an_sbom_of_its_images(part: str, device: Path, newest: Built) -> None:
    text = (device / f"usr/share/{NAME}{part}/sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    sbom = json.loads(text)
    subject = sbom["metadata"]["component"]
    assert subject["purl"] == f"pkg:rpm/{NAME}{part}@{newest.version}"
    assert subject["version"] == newest.version
    assert subject["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    info = newest.tree.release_infos()[f"release-ai-model-serving{part}-x86_64.json"]
    listed = [f"{one['name']}@{one['version']}" for one in sbom["components"]]
    assert sorted(listed) == sorted(set(info["images"].values()))
    keys = {prop["value"] for one in sbom["components"] for prop in one["properties"]}
    assert keys == set(info["images"])
    origins = {one["description"]: one["version"] for one in subject["pedigree"]["ancestors"]}
    bundle = newest.tree.record["bundle"]
    assert origins[f"bundle: CSV {bundle['csv']}"] == bundle["digest"]
    assert "operator: the manifests" in origins


# Building them


def test_whoever_builds_gets_the_same_bytes(demo: Built, tmp_path: Path) -> None:
    """Other directory, other times, other umask, clock's zone, locale and order of the files."""
    other = sources(demo.tree, tmp_path / "a-much-longer-name-for-a-directory")
    for path in sorted(other.rglob("*"), reverse=True):
        path.chmod(0o700 if path.is_dir() or os.access(path, os.X_OK) else 0o600)
        os.utime(path, (1, 1))
    rpms = build(other, env={"TZ": "Asia/Kolkata", "LANG": "de_DE.UTF-8"})
    assert snapshot(rpms) == snapshot(demo.rpms)
    assert sorted(file.suffixes[-2] for file in rpms.iterdir()) == [
        ".noarch",
        ".noarch",
        ".src",
        ".x86_64",
        ".x86_64",
    ]


def test_the_source_package_builds_on_its_own_to_the_same_bytes(
    demo: Built, tmp_path: Path
) -> None:
    """As mock, Koji and Copr build it: none of our options, kubectl for the check."""
    (srpm,) = demo.rpms.glob("*.src.rpm")
    words = ["--rebuild", "--nodeps", "--define", f"_topdir {tmp_path / 'top'}", str(srpm)]
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / "kubectl").write_text(f'#!/bin/sh\nshift\nexec {kustomize("5.5.0")} build "$@"\n')
    (fake / "kubectl").chmod(0o755)
    # Debian's rpmbuild has an empty dist, Fedora's has not; what is compared is of one machine.
    env = {"PATH": f"{fake}:{os.environ['PATH']}"}
    script(Path(tool("rpmbuild")), *words, "--define", "dist %{nil}", cwd=tmp_path, env=env)
    rebuilt = {file.name: file.read_bytes() for file in (tmp_path / "top/RPMS").rglob("*.rpm")}
    assert rebuilt == {
        file.name: file.read_bytes()
        for file in demo.rpms.glob("*.rpm")
        if not file.name.endswith(".src.rpm")
    }


def edit_json(file: Path, edit: Callable[[dict[str, dict[str, str]]], object]) -> None:
    data = json.loads(file.read_text())
    edit(data)
    file.write_text(json.dumps(data))


def wrong_info(tree: Path) -> None:
    edit_json(tree / f"release/{Path(INFO).name}", lambda info: info["images"].pop("ovms-image"))


def wrong_image(tree: Path) -> None:
    file = tree / "assets/kserve/deployment-kserve-controller-manager.yaml"
    file.write_text(re.sub(r"@sha256:\w{8}", "@sha256:00000000", file.read_text()))


def broken_list(tree: Path) -> None:
    (tree / "assets/delete").mkdir()
    (tree / "assets/delete/kustomization.yaml").write_text("resources: [missing.yaml]\n")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (wrong_info, "odh-openvino-model-server@sha256"),
        (wrong_image, "odh-kserve-controller@sha256:00000000"),
        (broken_list, "missing.yaml"),
    ],
)
def test_a_package_that_is_not_what_its_release_info_says_is_not_built(
    damage: Callable[[Path], None], said: str, demo_tree: Tree, tmp_path: Path
) -> None:
    tree = sources(demo_tree, tmp_path / "tree")
    damage(tree)
    env = {"KUSTOMIZE": str(kustomize("5.8.1")), "SOURCE_DATE_EPOCH": DAY}
    done = run(tree / "packaging/build-rpms.sh", "rpms", cwd=tree, env=env)
    assert done.returncode == 1
    assert "make rpm: rpmbuild failed for x86_64" in done.stderr
    assert said in done.stderr
    assert not list((tree / "rpms").iterdir())


def no_version(tree: Path) -> None:
    edit_json(tree / "release/rebase.json", lambda record: record["bundle"].pop("version"))


def real(tree: Path) -> None:
    edit_json(tree / "release/rebase.json", lambda record: record["bundle"].update(version="3.4.0"))


@pytest.mark.parametrize(
    ("damage", "version", "said"),
    [
        (real, "", "make rpm: which MicroShift are the packages for?"),
        (real, "4.20.0-rc.1", "(4.20.0-rc.1 is 4.20.0~rc.1)"),
        (lambda tree: None, "4.20.3", "this is the demo, RHOAI 3.4.0-demo"),
        (no_version, "4.20.3", "release/rebase.json has no .bundle.version"),
        (lambda tree: shutil.rmtree(tree / "assets"), "4.20.3", "there is no assets"),
        (lambda tree: shutil.rmtree(tree / "release"), "4.20.3", "there is no release"),
        (
            lambda tree: (tree / f"release/{Path(INFO).name}").unlink(),
            "",
            "there is no release/release-ai-model-serving-<arch>.json",
        ),
    ],
)
def test_what_cannot_be_packaged_is_told(
    damage: Callable[[Path], None], version: str, said: str, demo_tree: Tree, tmp_path: Path
) -> None:
    tool("jq")
    tree = sources(demo_tree, tmp_path / "tree")
    damage(tree)
    done = run(
        tree / "packaging/make-srpm.sh", "srpm", cwd=tree, env={"MICROSHIFT_VERSION": version}
    )
    assert done.returncode == 1
    assert said in done.stderr


def test_a_build_needs_a_day(demo_tree: Tree, tmp_path: Path) -> None:
    tree = sources(demo_tree, tmp_path / "tree")
    done = run(tree / "packaging/make-srpm.sh", "srpm", cwd=tree)
    assert done.returncode == 1
    assert "say SOURCE_DATE_EPOCH=" in done.stderr


def test_a_pre_release_of_microshift_is_older_than_the_release(
    demo_tree: Tree, tmp_path: Path
) -> None:
    tree = sources(demo_tree, tmp_path / "tree")
    real(tree)
    env = {"MICROSHIFT_VERSION": "4.20.0~rc.1", "SOURCE_DATE_EPOCH": DAY}
    script(tree / "packaging/make-srpm.sh", "srpm", cwd=tree, env=env)
    (srpm,) = (tree / "srpm").iterdir()
    assert srpm.name == f"{NAME}-4.20.0~rc.1-1.src.rpm"
    assert rpm("-qp", "--changelog", srpm)[0].startswith("* Tue Nov 14 2023 ")


# rpmlint


def lint(*words: str | Path, config: Path = REPO / "packaging/rpmlint.toml") -> str:
    if not RPMLINT.exists():
        tool("rpmlint of the current release: make test-tools")
    done = run(RPMLINT, "--config", str(config), *map(str, words), cwd=REPO, env=RPM_HOME)
    return done.stdout


@pytest.mark.parametrize("rhoai", [*MICROSHIFT, "demo"])
def test_rpmlint_finds_nothing(rhoai: str, packaged: dict[str, Built], demo: Built) -> None:
    rpms = demo.rpms if rhoai == "demo" else packaged[rhoai].rpms
    files = sorted(rpms.glob("*.rpm"))
    said = lint(*files, REPO / f"packaging/{NAME}.spec")
    assert f"{len(files)} packages and 1 specfiles checked; 0 errors, 0 warnings" in said, said


def test_every_rpmlint_filter_is_needed(newest: Built, tmp_path: Path) -> None:
    text = (REPO / "packaging/rpmlint.toml").read_text()
    config = tmp_path / "rpmlint.toml"
    config.write_text(text.partition("Filters")[0])
    said = lint(*newest.rpms.glob("*.rpm"), REPO / f"packaging/{NAME}.spec", config=config)
    for one in tomllib.loads(text)["Filters"]:
        assert re.search(one, said, re.MULTILINE), one
    assert "0 errors, 0 warnings" not in said


# On a device


def expected(built: Built) -> dict[str, str]:
    """What a device has of the packages of a tree, by its own files."""
    root = built.tree.root
    found: dict[str, str] = {}
    for directory in (*built.tree.directories, "delete"):
        for name, digest in snapshot(root / "assets" / directory).items():
            found[f"{PLACES[directory]}/{name}"] = digest
    for file in (root / "release").glob("release-*.json"):
        found[f"{RELEASE}/{file.name}"] = snapshot(root / "release")[file.name]
    custom = "retired-custom-objects.yaml"
    if (root / "release" / custom).exists():
        found[f"usr/share/{NAME}/{custom}"] = snapshot(root / "release")[custom]
    return found


def on_device(root: Path) -> dict[str, str]:
    return {
        path: digest
        for path, digest in shipped(root).items()
        if not path.endswith(("sbom.cdx.json", "/delete/"))
    }


def titles(directory: Path) -> set[str]:
    return {title(obj) for obj in parse(render(directory))}


LOCAL_MODEL = {
    "ServiceAccount kserve-localmodel-controller-manager",
    "ClusterRole kserve-localmodel-manager-role",
    "ClusterRoleBinding kserve-localmodel-manager-rolebinding",
}
MULTI_NODE = {
    "ClusterRole openshift-ai-llminferenceservice-multi-node-scc",
    "SecurityContextConstraints openshift-ai-llminferenceservice-multi-node-scc",
}


def test_upgrades_leave_exactly_the_new_files_and_the_right_delete_list(
    packaged: dict[str, Built], tmp_path: Path
) -> None:
    """2.22 → 2.25 → 3.4, back to 2.25, and removed."""
    repos: list[Path] = []
    for rhoai, deleted in (
        ("2.22", set()),
        ("2.25", LOCAL_MODEL),
        ("3.4", LOCAL_MODEL | MULTI_NODE),
    ):
        repos += packaged[rhoai].repos
        install(tmp_path, repos)
        assert on_device(tmp_path) == expected(packaged[rhoai]), rhoai
        assert (titles(tmp_path / DELETE) if (tmp_path / DELETE).exists() else set()) == deleted
        versions = set(rpm("-qa", "--qf", "%{VERSION}\n", root=tmp_path))
        assert versions == {packaged[rhoai].version}

    older = [f"{name}-4.20.3" for name in rpm("-qa", "--qf", "%{NAME}\n", root=tmp_path)]
    install(tmp_path, repos, *older)
    assert on_device(tmp_path) == expected(packaged["2.25"])

    rpm("-e", *(one for one in older_names(older) if one.startswith(NAME)), root=tmp_path)
    assert shipped(tmp_path) == {}


def older_names(versioned: list[str]) -> list[str]:
    return [name.removesuffix("-4.20.3") for name in versioned]


def test_the_demo_is_not_for_devices(
    demo: Built, packaged: dict[str, Built], tmp_path: Path
) -> None:
    """Not beside a real MicroShift, not over real packages, and not to be mistaken for them."""
    for file in demo.rpms.glob("*.rpm"):
        assert DEMO_VERSION in file.name
        assert rpm("-qp", "--qf", "%{SUMMARY}", file)[0].startswith("Demo, not for devices: ")
    root = tmp_path / "root"
    install(root, packaged["2.22"].repos)
    before = shipped(root)
    words = (
        str(root),
        ":".join(map(str, [demo.rpms, *packaged["2.22"].repos])),
        f"{NAME}-{DEMO_VERSION}",
    )
    done = run(REPO / "packaging/install-into-root.sh", *words, cwd=REPO, env=RPM_HOME)
    assert done.returncode == 1
    assert f"nothing provides microshift = {DEMO_VERSION}" in done.stderr
    assert shipped(root) == before


# greenboot

FUNCTIONS = "usr/share/microshift/functions/greenboot.sh"


@dataclass(frozen=True)
class Checked:
    """A run of greenboot's check."""

    code: int
    called: str
    said: str


def greenboot(device: Path, directory: Path, *, functions: bool = True, code: int = 0) -> Checked:
    """The check of llm-d, with MicroShift's part played."""
    text = (REPO / "packaging/greenboot-llm-d.sh").read_text()
    for path in ("/usr/lib/microshift", "/usr/share/microshift"):
        text = text.replace(path, f"{device}{path}")
    place = directory / "check"
    place.mkdir(exist_ok=True)
    (place / "check.sh").write_text(text)
    (place / "microshift").write_text(f'#!/bin/sh\necho "$@" >{place}/called\nexit {code}\n')
    for file in place.iterdir():
        file.chmod(0o755)
    (device / FUNCTIONS).parent.mkdir(parents=True, exist_ok=True)
    (device / FUNCTIONS).unlink(missing_ok=True)
    if functions:
        (device / FUNCTIONS).write_text("get_wait_timeout() { echo 300; }\n")
    env = {"PATH": f"{place}:{os.environ['PATH']}"}
    done = run(place / "check.sh", cwd=directory, env=env)
    called = place / "called"
    return Checked(done.returncode, called.read_text() if called.exists() else "", done.stdout)


def test_greenboot_waits_for_the_controller_of_llm_d(device: Path, tmp_path: Path) -> None:
    installed = rpm("-ql", f"{NAME}-llm-d", root=device)
    (path,) = (line for line in installed if "greenboot" in line)
    text = (REPO / "packaging/greenboot-llm-d.sh").read_text()
    assert (device / path[1:]).read_text() == text
    checked = greenboot(device, tmp_path)
    assert checked.code == 0
    assert checked.called.split() == [
        *("healthcheck", "-v=2", "--timeout=300s", "--namespace", "redhat-ods-applications"),
        *("--deployments", "llmisvc-controller-manager"),
    ]
    assert greenboot(device, tmp_path, code=7).code == 7


def test_greenboot_checks_nothing_where_there_is_nothing_to_check(
    device: Path, packaged: dict[str, Built], tmp_path: Path
) -> None:
    without = greenboot(device, tmp_path, functions=False)
    assert (without.code, without.called) == (0, "")
    assert "microshift-greenboot is not installed" in without.said
    older = packages.unpack(package(packaged["2.25"].rpms, f"{NAME}-llm-d"), tmp_path / "older")
    (tmp_path / "2.25").mkdir()
    checked = greenboot(older, tmp_path / "2.25")
    assert (checked.code, checked.called, checked.said) == (0, "", "")
