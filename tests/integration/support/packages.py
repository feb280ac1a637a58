"""RPMs of a tree, and scratch roots that they are installed in."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integration.support.command import environment
from integration.support.surroundings import REPO, kustomize, tool
from integration.support.trees import Tree

NAME = "microshift-ai-model-serving"
MANIFESTS_D = "usr/lib/microshift/manifests.d"
KSERVE = f"{MANIFESTS_D}/010-{NAME}-kserve"
LLM_D = f"{MANIFESTS_D}/030-{NAME}-llm-d"
RUNTIMES = f"{MANIFESTS_D}/050-{NAME}-runtimes"
DELETE = f"{MANIFESTS_D}/delete/010-{NAME}"
PLACES = {"kserve": KSERVE, "llm-d": LLM_D, "runtimes": RUNTIMES, "delete": DELETE}
RELEASE = "usr/share/microshift/release"
INFO = f"{RELEASE}/release-ai-model-serving-x86_64.json"
# Debian's rpm has its database in HOME, below the root that it works on: the one that dnf uses.
RPM_HOME = {"HOME": "/root"}
# What is packaged besides assets/ and release/, and what packages it.
SOURCES = ("packaging", "docs", "LICENSE", "CHANGELOG.md")
# The MicroShift that each RHOAI version is packaged for, in the tests.
MICROSHIFT = {"2.22": "4.19.7", "2.25": "4.20.3", "3.4": "5.0.1"}
DAY = "1700000000"  # 2023-11-14, ten at night
MIDNIGHT = 1699920000  # of that day


@dataclass(frozen=True)
class Built:
    """A tree, and its packages."""

    tree: Tree
    rpms: Path
    version: str

    @property
    def repos(self) -> list[Path]:
        """Where dnf finds them, and what they require."""
        return [self.rpms, stubs(self.rpms.with_name("stubs"), self.version)]


def sources(tree: Tree, directory: Path) -> Path:
    """A copy of a tree with all that its packages are built from."""
    shutil.copytree(tree.root, directory, ignore=shutil.ignore_patterns("_output"))
    for name in SOURCES:
        source = REPO / name
        if source.is_dir():
            shutil.copytree(source, directory / name)
        else:
            shutil.copy(source, directory / name)
    return directory


def build(directory: Path, version: str = "", *, env: Mapping[str, str] | None = None) -> Path:
    """The packages of a copy of the sources; gives the directory that they are in."""
    for name in ("rpmbuild", "rpm", "jq", "tar"):
        tool(name)
    words = {"SOURCE_DATE_EPOCH": DAY, "KUSTOMIZE": str(kustomize("5.8.1"))}
    if version:
        words["MICROSHIFT_VERSION"] = version
    script(
        directory / "packaging/build-rpms.sh", "rpms", cwd=directory, env={**words, **(env or {})}
    )
    return directory / "rpms"


def stubs(directory: Path, version: str) -> Path:
    """Packages that stand for MicroShift's own."""
    directory.mkdir(exist_ok=True)
    script(REPO / "demo/stub-packages.sh", str(directory), version, cwd=directory)
    return directory


def install(root: Path, rpms: Iterable[Path], *packages: str) -> None:
    """Install, or upgrade to, the newest of these packages; all of them unless some are named."""
    for name in ("dnf", "createrepo_c"):
        tool(name)
    words = (str(root), ":".join(map(str, rpms)), *packages)
    script(REPO / "packaging/install-into-root.sh", *words, cwd=REPO, env=RPM_HOME)


def rpm(*words: str | Path, root: Path | None = None) -> list[str]:
    """The lines that rpm says."""
    where = ["--root", str(root)] if root else []
    done = script(Path(tool("rpm")), *where, *map(str, words), cwd=REPO, env=RPM_HOME)
    return done.splitlines()


def package(rpms: Path, name: str = NAME, arch: str = "x86_64") -> Path:
    """The file of a package."""
    (found,) = (
        file for file in rpms.glob(f"*.{arch}.rpm") if rpm("-qp", "--qf", "%{NAME}", file) == [name]
    )
    return found


def unpack(file: Path, directory: Path) -> Path:
    """What a package brings, without installing it: one of another architecture, too."""
    directory.mkdir(exist_ok=True)
    archive = subprocess.run(
        [tool("rpm2archive"), "-n", "-"], input=file.read_bytes(), capture_output=True, check=True
    )
    subprocess.run([tool("tar"), "-x", "-C", directory], input=archive.stdout, check=True)
    return directory


def run(
    file: Path, *arguments: str, cwd: Path, env: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """A script, as somebody with an empty home runs it."""
    return subprocess.run(
        [str(file), *arguments],
        cwd=cwd,
        env=environment(cwd, env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def script(file: Path, *arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """The output of a script that must go well."""
    done = run(file, *arguments, cwd=cwd, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def bash(text: str, root: Path, cwd: Path, programs: Mapping[str, str] | None = None) -> str:
    """A user's script on an x86_64 device: absolute paths of ours lead into a scratch root.

    Args:
        programs: name → bash script, for what only a device has.
    """
    place = cwd / "bin"
    place.mkdir(exist_ok=True)
    for name, body in {"uname": "echo x86_64", **(programs or {})}.items():
        (place / name).write_text(f"#!{tool('bash')}\n{body}\n")
        (place / name).chmod(0o755)
    for path in (
        "/usr/lib/microshift",
        "/usr/share/microshift",
        "/etc/microshift",
        "/etc/containers",
    ):
        text = text.replace(path, f"{root}{path}")
    file = cwd / "script"
    file.write_text(f"#!{tool('bash')}\nset -euo pipefail\n{text}")
    file.chmod(0o755)
    tool("jq")
    return script(file, cwd=cwd, env={"PATH": f"{place}:{os.environ['PATH']}"})


def release_infos(root: Path) -> dict[str, Any]:
    """The release infos in a root, by file name."""
    return {file.name: json.loads(file.read_text()) for file in (root / RELEASE).iterdir()}
