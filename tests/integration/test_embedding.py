"""What embeds or mirrors the images: read by the tools that it is for, or by their parsers."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from oci_layout import Layer, write_image

from integration.support.command import rebase
from integration.support.images import Images
from integration.support.packages import run, script, sources
from integration.support.registry import Registry, mirror_conf, running_registry
from integration.support.surroundings import REPO, VENV, need, tool
from integration.support.trees import Tree, snapshot

VALIDATORS = VENV / "validators/bin"
PARTS = {
    "core": [],
    "a-runtime": ["--runtime", "kserve-ovms"],
    "llm-d": ["--llm-d"],
    "all": ["--all"],
}


def validator(name: str) -> str:
    path = VALIDATORS / name
    need(path.exists(), f"{name}, which `make test-tools` builds,")
    return str(path)


def problems(*words: str | Path) -> str:
    """What a validator says; "" when all is well."""
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False, cwd=REPO
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout + done.stderr if done.returncode else ""


CHECKS: dict[str, Callable[[], list[str]]] = {
    "containerfile": lambda: [validator("validate"), "containerfile"],
    "blueprint": lambda: [validator("validate"), "blueprint"],
    "oc-mirror": lambda: [validator("validate"), "imageset"],
    "kickstart": lambda: [validator("ksvalidator"), "--version", "RHEL9"],
}
# What each must not let pass.
MISTAKES = {
    "containerfile": ("RUN --mount=type=secret", "RUN --mount=type=secre"),
    "blueprint": ("source =", "sauce ="),
    "oc-mirror": ("additionalImages:", "additionalImage:"),
    "kickstart": ("%end\n", ""),
}


def images(tree: Tree, *words: str) -> str:
    return rebase("images", *words, root=tree.root).ok().out


@pytest.fixture(params=["demo", "2.22", "3.4"])
def any_tree(
    request: pytest.FixtureRequest, demo_tree: Tree, rebased: Callable[[str], Tree]
) -> Tree:
    return demo_tree if request.param == "demo" else rebased(request.param)


@pytest.mark.parametrize("part", PARTS)
def test_the_tools_read_what_is_for_them(part: str, any_tree: Tree, tmp_path: Path) -> None:
    if part == "llm-d" and "llm-d" not in any_tree.directories:
        run = rebase("images", *PARTS[part], root=any_tree.root)
        run.failed(2, "has no llm-d")
        return
    for name, check in CHECKS.items():
        file = tmp_path / name
        file.write_text(images(any_tree, *PARTS[part], "--format", name))
        assert problems(*check(), file) == "", name


@pytest.mark.parametrize("name", CHECKS)
def test_the_validators_find_mistakes(name: str, demo_tree: Tree, tmp_path: Path) -> None:
    text = images(demo_tree, "--format", name)
    right, wrong = MISTAKES[name]
    assert right in text
    (tmp_path / name).write_text(text.replace(right, wrong))
    assert problems(*CHECKS[name](), tmp_path / name)


def test_images_are_exactly_those_of_the_parts(any_tree: Tree) -> None:
    """Against the renders: the core's, with a runtime's, and all."""

    def used(*directories: str) -> set[str]:
        found = re.compile(r"[a-z0-9][a-z0-9./:_-]*@sha256:[0-9a-f]{64}")
        return {ref for one in directories for ref in found.findall(any_tree.render(one))}

    core = used("kserve")
    assert set(images(any_tree).split()) == core
    (runtime,) = (
        obj for obj in any_tree.rendered["runtimes"] if obj["metadata"]["name"] == "kserve-ovms"
    )
    ovms = {one["image"] for one in runtime["spec"]["containers"]}
    assert set(images(any_tree, "--runtime", "kserve-ovms").split()) == core | ovms
    assert set(images(any_tree, "--all").split()) == used(*any_tree.directories)
    if "llm-d" in any_tree.directories:
        assert set(images(any_tree, "--llm-d").split()) == core | used("llm-d")


# What they do


def fakes(directory: Path, *names: str) -> dict[str, str]:
    """Programs that write down how they are called; gives the environment for them."""
    place = directory / "bin"
    place.mkdir(exist_ok=True)
    for name in names:
        (place / name).write_text(f'#!/bin/sh\necho {name} "$@" >>{directory}/called\n')
        (place / name).chmod(0o755)
    return {"PATH": f"{place}:{os.environ['PATH']}"}


def called(directory: Path) -> list[str]:
    return (directory / "called").read_text().splitlines()


def in_scratch(text: str, root: Path) -> str:
    """A script whose absolute paths of ours lead into a scratch root."""
    return re.sub(r"/(usr/(?:lib|bin)|run)/(?=[a-z])", rf"{root}/\1/", text)


def sh(text: str, directory: Path, env: dict[str, str]) -> None:
    file = directory / "script"
    file.write_text(f"#!{tool('sh')}\n{text}")
    file.chmod(0o755)
    script(file, cwd=directory, env=env)


def test_the_containerfile_embeds_and_the_device_gets_it_at_each_start(
    demo_tree: Tree, tmp_path: Path
) -> None:
    text = images(demo_tree, "--runtime", "kserve-ovms", "--format", "containerfile")
    references = images(demo_tree, "--runtime", "kserve-ovms").split()
    root = tmp_path / "root"
    (root / "usr/bin").mkdir(parents=True)
    env = fakes(tmp_path, "dnf", "skopeo")
    joined = text.replace("\\\n", "")
    for line in joined.splitlines():
        if line.startswith("RUN "):
            command = re.sub(r"^RUN (--\S+ )?", "", line)
            sh(in_scratch(command, root), tmp_path, env)
    dnf, clean, *copies = called(tmp_path)
    assert dnf.startswith("dnf install --assumeyes microshift-ai-model-serving ")
    assert clean == "dnf clean all"
    storage = root / "usr/lib/containers/storage"
    listed = [line.split(",") for line in (storage / "image-list.txt").read_text().splitlines()]
    assert [reference for reference, _ in listed] == references
    assert len({directory for _, directory in listed}) == len(references)
    secret = root / "run/secrets/pull-secret.json"
    assert copies == [
        f"skopeo copy --all --preserve-digests --authfile {secret}"
        f" docker://{reference} dir:{storage}/{directory}"
        for reference, directory in listed
    ]

    (tmp_path / "called").unlink()
    drop_in = root / "usr/lib/systemd/system/microshift.service.d/microshift-copy-images.conf"
    section, start = drop_in.read_text().splitlines()
    assert section == "[Service]"
    copy_images = Path(start.removeprefix("ExecStartPre="))
    script(copy_images, cwd=tmp_path, env=env)
    assert called(tmp_path) == [
        f"skopeo copy --preserve-digests dir:{storage}/{directory} containers-storage:{reference}"
        for reference, directory in listed
    ]


def test_a_base_that_copies_images_already_keeps_its_own_way(
    demo_tree: Tree, tmp_path: Path
) -> None:
    text = images(demo_tree, "--format", "containerfile").replace("\\\n", "")
    (last,) = (line for line in text.splitlines() if line.startswith("RUN [ -e "))
    root = tmp_path / "root"
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/microshift-copy-images").write_text("theirs")
    sh(in_scratch(last.removeprefix("RUN "), root), tmp_path, fakes(tmp_path))
    assert list(snapshot(root)) == ["usr/bin/microshift-copy-images"]
    assert (root / "usr/bin/microshift-copy-images").read_text() == "theirs"


def test_the_kickstart_copies_each_image_to_cri_o(demo_tree: Tree, tmp_path: Path) -> None:
    text = images(demo_tree, "--format", "kickstart")
    post = text.partition("%post --erroronfail\n")[2].partition("%end")[0]
    sh(f"set -eu\n{post}", tmp_path, fakes(tmp_path, "skopeo"))
    assert called(tmp_path) == [
        "skopeo copy --preserve-digests --authfile /etc/crio/openshift-pull-secret"
        f" docker://{reference} containers-storage:{reference}"
        for reference in images(demo_tree).split()
    ]


KEYS = (
    *("kserve-agent", "kserve-controller", "kserve-router", "kserve-storage-initializer"),
    *("kube-rbac-proxy", "ovms-image"),
)


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Registry]:
    with running_registry(tmp_path / "upstream") as registry:
        yield registry


def test_skopeo_mirrors_exactly_these_images(
    upstream: Registry, registry: Registry, demo_images: Images, tmp_path: Path
) -> None:
    """From a registry of images that exist, one of them of two architectures, and checked there."""
    conf = tmp_path / "upstream.conf"
    conf.write_text(mirror_conf("registry.redhat.io", upstream.host))
    overrides: list[str] = []
    for key in KEYS:
        layout = tmp_path / "layouts" / key
        layout.parent.mkdir(exist_ok=True)
        architectures = ("amd64", "arm64") if key == "ovms-image" else ("amd64",)
        digest = write_image(
            layout, [Layer().file("name", key.encode())], architectures=architectures
        )
        upstream.copy(f"oci:{layout}:image", f"rhoai/{key}:v1", "--all")
        overrides += ["--image", f"{key}=registry.redhat.io/rhoai/{key}@{digest}"]
    root = tmp_path / "root"
    root.mkdir()
    rebase("to", *demo_images.arguments, *overrides, root=root).ok()
    words = ("--runtime", "kserve-ovms")
    file = tmp_path / "sync.yaml"
    file.write_text(rebase("images", *words, "--format", "skopeo-sync", root=root).ok().out)
    mirror = f"{registry.host}/mirror"
    # The command is the one in the file's own comment.
    command = file.read_text().splitlines()[1].removeprefix("# skopeo ")
    arguments = command.replace("FILE", str(file)).replace("MIRROR", mirror).split()
    tls = ("--src-tls-verify=false", "--dest-tls-verify=false")
    done = run(Path(tool("skopeo")), "--registries-conf", str(conf), *arguments, *tls, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"Synced {len(KEYS)} images" in done.stderr
    for reference in rebase("images", *words, root=root).ok().out.split():
        raw = subprocess.run(
            [
                *(tool("skopeo"), "inspect", "--raw", "--tls-verify=false"),
                f"docker://{mirror}/{reference}",
            ],
            check=True,
            capture_output=True,
        )
        kind = json.loads(raw.stdout)
        assert ("manifests" in kind) == ("ovms-image" in reference)


def test_errors_are_told_and_nothing_is_on_stdout(demo_tree: Tree, tmp_path: Path) -> None:
    wrong = rebase("images", "--runtime", "nonsense", root=demo_tree.root)
    wrong.failed(2, "has no ServingRuntime nonsense", "kserve-ovms (assets/runtimes/ovms-kserve")
    assert wrong.out == ""
    rebase("images", root=tmp_path).failed(2, "has no release/rebase.json")
    other = rebase("images", "--arch", "aarch64", root=demo_tree.root)
    other.failed(2, "not for aarch64, but for x86_64")


# Definitions for those who build at scale


def test_packit_and_tekton_read_their_definitions() -> None:
    packit = [validator("python"), "tests/validators/validate_packit.py", ".packit.yaml"]
    assert problems(*packit) == ""
    files = sorted((REPO / ".tekton").iterdir())
    assert len(files) > 1
    assert problems(validator("validate-tekton"), *files) == ""


def test_the_validators_of_definitions_find_mistakes(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    shutil.copytree(REPO / "packaging", repository / "packaging")
    text = (REPO / ".packit.yaml").read_text()
    (repository / ".packit.yaml").write_text(text.replace("copr_build", "copr_bild"))
    packit = [validator("python"), "tests/validators/validate_packit.py"]
    assert problems(*packit, repository / ".packit.yaml")
    pipeline = tmp_path / "pipeline.yaml"
    text = (REPO / ".tekton/pipeline.yaml").read_text()
    pipeline.write_text(text.replace("runAfter:", "runafter:"))
    assert problems(validator("validate-tekton"), pipeline)


def test_the_scripts_of_the_pipeline_are_bash() -> None:
    text = (REPO / ".tekton/pipeline.yaml").read_text()
    scripts = re.findall(r"script: \|\n((?: {14}.*\n|\n)+)", text)
    assert len(scripts) == 2
    for one in scripts:
        lines = re.sub(r"\$\((\w+)\.[\w.-]+\)", r"\1", one)
        subprocess.run([tool("bash"), "-n"], input=lines, text=True, check=True)


def test_packits_steps_make_the_source_package(demo_tree: Tree, tmp_path: Path) -> None:
    """As Packit runs them, one after the other in the root of the checkout."""
    tree = sources(demo_tree, tmp_path / "tree")
    yaml = validator("python")
    loaded = subprocess.run(
        [yaml, "-c", "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))"],
        input=(REPO / ".packit.yaml").read_text(),
        text=True,
        capture_output=True,
        check=True,
    )
    config = json.loads(loaded.stdout)
    env = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    said: dict[str, str] = {}
    for step in ("get-current-version", "create-archive", "fix-spec-file"):
        for command in config["actions"][step]:
            done = subprocess.run(
                [sys.executable, "-c", RUN, command],
                cwd=tree,
                env=env,
                capture_output=True,
                text=True,
                check=True,
            )
            said[step] = done.stdout
    assert said["get-current-version"] == "0~3.4.0~demo\n"
    assert (tree / said["create-archive"].strip()).is_file()
    spec = tree / config["specfile_path"]
    define = ["--define", f"_sourcedir {spec.parent}", "--define", f"_srcrpmdir {tmp_path}"]
    subprocess.run(
        [tool("rpmbuild"), "-bs", "--nodeps", *define, str(spec)],
        env={**env, "HOME": str(tmp_path)},
        check=True,
        capture_output=True,
    )
    assert len(list(tmp_path.glob("microshift-ai-model-serving-0~3.4.0~demo-1*.src.rpm"))) == 1


# Packit splits a command as a shell would and runs it without one.
RUN = "import shlex, subprocess, sys; sys.exit(subprocess.call(shlex.split(sys.argv[1])))"
