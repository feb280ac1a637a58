"""packaging/build-cluster.sh: each binary once, nothing half done, silent with nothing to do."""

import shutil
import subprocess
from pathlib import Path

import pytest
from integration.support.surroundings import REPO, tool

SCRIPT = "packaging/build-cluster.sh"
# A Go that notes its calls, and "builds" unless it is told which package is broken.
GO = """#!{bash}
printf '%s\\n' "$*" >>"$(dirname "$0")/calls"
case "$*" in
*\\ list\\ *.Dir*) dirname "$0" ;;
*\\ list\\ *) echo v1.34.4 ;;
version) echo go version go1.26 ;;
*\\ build\\ *)
    if [[ "$*" == *"${{BROKEN:-nothing}}" ]]; then echo "no such package" >&2; exit 1; fi
    while [ "$1" != -o ]; do shift; done
    mkdir "$GOCACHE" 2>/dev/null
    echo built >"$2"
    ;;
esac
"""


class Copy:
    """The script and its modules in a place of their own, with a Go that does not build."""

    def __init__(self, directory: Path) -> None:
        self.root, self.cache = directory / "tree", directory / "cache"
        (self.root / "packaging").mkdir(parents=True)
        shutil.copy(REPO / SCRIPT, self.root / "packaging")
        shutil.copytree(REPO / "tests/cluster/go", self.root / "tests/cluster/go")
        for path in ("config/crd/standard", "config/crd/full"):
            (directory / path).mkdir(parents=True)
            (directory / path / "crd.yaml").write_text("kind: CustomResourceDefinition\n")
        self.go = directory / "go"
        bash = tool("bash")
        self.go.write_text(GO.format(bash=bash))
        find_go = self.root / "packaging/find-go.sh"
        find_go.write_text(f"#!{bash}\necho {self.go}\n")
        for program in (self.go, find_go):
            program.chmod(0o755)

    def run(self, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(self.root / SCRIPT), *words],
            env={"PATH": "/usr/bin:/bin", "RHOAI_CLUSTER_CACHE": str(self.cache), **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def builds(self) -> list[str]:
        """The packages that were built, in order."""
        calls = self.go.with_name("calls")
        lines = calls.read_text().splitlines() if calls.exists() else []
        calls.unlink(missing_ok=True)
        return [line.rpartition("/")[2] for line in lines if " build " in line]


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_all_is_built_once(copy: Copy) -> None:
    first = copy.run()
    assert first.returncode == 0, first.stderr
    kubernetes = ["v3", "kube-apiserver", "kube-controller-manager", "kubectl"]
    kserve = ["manager", "manager", "manager", "llmisvc"]
    assert sorted(copy.builds) == sorted([*kubernetes, *kserve])
    binaries = Path(first.stdout.strip())
    assert binaries.is_relative_to(copy.cache)
    assert len(list(binaries.iterdir())) == 8
    assert (binaries.parent / "crds/gateway-api/crd.yaml").is_file()
    assert [path.name for path in copy.cache.iterdir() if path.name.startswith(".new")] == []
    again = copy.run()
    assert (again.returncode, again.stdout, again.stderr) == (0, first.stdout, "")
    assert copy.builds == []


def test_what_fails_leaves_what_was_built(copy: Copy) -> None:
    failed = copy.run(BROKEN="cmd/kube-controller-manager")
    assert failed.returncode == 1
    assert "no such package\ncluster: kube-controller-manager cannot be built" in failed.stderr
    assert failed.stdout == ""
    before = copy.builds
    assert "kube-apiserver" in before
    done = copy.run()
    assert done.returncode == 0, done.stderr
    after = copy.builds
    assert after[0] == "kube-controller-manager"
    assert "kube-apiserver" not in after


def test_other_sums_are_another_place(copy: Copy) -> None:
    before = copy.run("--where").stdout
    assert copy.builds == []
    assert not copy.cache.exists(), "asking makes nothing"
    sums = copy.root / "tests/cluster/go/etcd/go.sum"
    sums.write_text(sums.read_text() + "\n")
    assert copy.run("--where").stdout != before
