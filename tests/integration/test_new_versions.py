"""What a real registry has, against what the tree was rebased to."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from integration.support.command import Run, rebase
from integration.support.images import Images
from integration.support.process import free_ports
from integration.support.registry import PASSWORD, USER, Registry, mirror_conf, running_registry
from integration.support.versions import NAME, released_demo

OTHERS = ("latest", "sha256-0123.sig", "v3.4.2-1738000000-source")


@dataclass(frozen=True)
class Setting:
    """A registry with images of some versions, and a tree that may be rebased to one."""

    registry: Registry
    images: dict[str, Images]
    root: Path

    @property
    def repository(self) -> str:
        return f"{self.registry.host}/{NAME}"

    def push(self, version: str, *tags: str) -> None:
        for tag in tags:
            self.registry.copy(
                f"oci:{self.images[version].layouts['bundle']}:image", f"{NAME}:{tag}"
            )

    def rebase(self, version: str, tag: str) -> None:
        operator = f"oci:{self.images[version].layouts['operator']}:image"
        words = ("--operator-image", operator, "--no-tls-verify")
        rebase("to", f"{self.repository}:{tag}", *words, root=self.root).ok()

    def versions(self, *words: str | Path) -> Run:
        return rebase("versions", *words, "--no-tls-verify", root=self.root)


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Images]:
    return released_demo(tmp_path_factory.mktemp("released"), "3.4.1", "3.4.2")


@pytest.fixture
def setting(released: dict[str, Images], tmp_path: Path) -> Iterator[Setting]:
    root = tmp_path / "root"
    root.mkdir()
    with running_registry(tmp_path / "registry") as registry:
        yield Setting(registry, released, root)


def test_what_is_newer_and_rebasing_to_it(setting: Setting) -> None:
    setting.push("3.4.1", "v3.4", "v3.4.1", "v3.4.1-1738000000", "v2.25.11", *OTHERS)
    setting.rebase("3.4.1", "v3.4.1")
    said = setting.versions("--exit-code").ok()
    assert said.out.splitlines()[-4:] == [
        "here: 3.4.1, from v3.4.1",
        *("newer on 3.4.z: none", "newer on 3.y: none", "newer elsewhere: none"),
    ]
    assert setting.versions("--newest").ok().out == ""

    setting.push("3.4.2", "v3.4.2", "v3.10.0", "v3.9.0", "v4.0.0", "v3.11.0-rc1")
    newest = {
        stream: setting.versions("--newest", "--stream", stream).ok().out.strip()
        for stream in ("z", "y", "all")
    }
    assert newest == {
        "z": f"{setting.repository}:v3.4.2",
        "y": f"{setting.repository}:v3.10.0",
        "all": f"{setting.repository}:v4.0.0",
    }
    said = setting.versions("--exit-code")
    assert said.code == 1
    assert f"\nnext: rhoai-rebase {setting.repository}:v3.10.0\n" in said.out
    found = json.loads(setting.versions("--json").ok().out)
    assert found["others"] == sorted(OTHERS)
    assert [one["version"] for one in found["versions"]] == [
        *("2.25.11", "3.4", "3.4.1", "3.4.2", "3.9.0", "3.10.0", "3.11.0rc1", "4.0.0"),
    ]

    setting.rebase("3.4.2", "v3.4.2")
    setting.versions("--exit-code", "--stream", "z").ok()


def test_a_tag_that_moved(setting: Setting) -> None:
    setting.push("3.4.1", "v3.4")
    setting.rebase("3.4.1", "v3.4")
    setting.versions("--exit-code").ok()
    setting.push("3.4.2", "v3.4")
    said = setting.versions("--exit-code", "--stream", "z")
    assert said.code == 1
    assert "v3.4, which the last rebase read, is another image now" in said.out
    assert setting.versions("--newest").ok().out == f"{setting.repository}:v3.4\n"
    setting.rebase("3.4.2", "v3.4")
    setting.versions("--exit-code").ok()


def test_a_name_that_only_a_mirror_serves(setting: Setting, tmp_path: Path) -> None:
    """skopeo lists tags at the registry itself, so the mirror has to be named."""
    setting.push("3.4.1", "v3.4.1")
    conf = tmp_path / "mirror.conf"
    conf.write_text(mirror_conf("registry.example.com", setting.registry.host))
    words = ("versions", f"registry.example.com/{NAME}", "--registries-conf", conf)
    rebase(*words, root=setting.root).failed(12, "registry.example.com")
    assert "  3.4.1  v3.4.1\n" in setting.versions(setting.repository).ok().out


def test_errors(setting: Setting) -> None:
    missing = setting.versions(f"{setting.registry.host}/demo/other")
    missing.failed(10, f"{setting.registry.host}/demo/other: ", "404")
    (port,) = free_ports(1)
    setting.versions(f"127.0.0.1:{port}/demo/other").failed(12, "connection refused")
    setting.versions().failed(2, "which repository? no rebase yet")
    with_tls = rebase("versions", setting.repository, "--tls-verify", root=setting.root)
    with_tls.failed(12, "HTTP response to HTTPS", "hint: --no-tls-verify")


def test_credentials(released: dict[str, Images], tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with running_registry(tmp_path / "registry", passwords=True) as registry:
        source = f"oci:{released['3.4.1'].layouts['bundle']}:image"
        registry.copy(source, f"{NAME}:v3.4.1", "--dest-creds", f"{USER}:{PASSWORD}")
        setting = Setting(registry, released, root)
        setting.versions(setting.repository).failed(11, "skopeo login")
