"""What the sides of `diff` are, and how they become directories."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from rebase.download import Source
from rebase.errors import RebaseError, ToolError, UsageError
from rebase.model import PACKAGE, RegistryOptions
from rebase.options import Options
from rebase.reference import ImageName
from rebase.sides import EMPTY_TAR, IN_PACKAGES, Kind, Side, Workshop, told_of, unpack
from rebase.tools.kustomize import Kustomize
from unit.helpers import executable, read_tree, write_tree
from unit.test_registry import Listener

SERVICE = "usr/lib/microshift/manifests.d/010-microshift-ai-model-serving-kserve/a.yaml"


def archive(
    *names: str,
    kind: bytes = tarfile.REGTYPE,
    target: str = "",
    texts: Mapping[str, str] | None = None,
) -> bytes:
    """A tar archive whose files hold their own names, or these texts."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, text in {**dict(zip(names, names, strict=True)), **(texts or {})}.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            data = text.encode() if kind == tarfile.REGTYPE else b""
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.fixture
def git(on_path: Path, tmp_path: Path) -> Path:
    """A fake git; the commits of its repository are the archives in a directory."""
    commits = tmp_path / "commits"
    commits.mkdir()
    executable(
        on_path,
        "git",
        f"""\
        #!/bin/sh
        shift 2
        case "$1" in
        rev-parse)
            [ "$2" = --show-toplevel ] && echo {tmp_path} && exit
            for last; do :; done
            [ -f "{commits}/${{last%^*}}" ] ;;
        ls-tree) [ ! -s "{commits}/$3" ] || echo assets ;;
        archive) /bin/cat "{commits}/$3" ;;
        *) exit 9 ;;
        esac
        """,
    )
    return commits


@pytest.fixture
def rpm(on_path: Path) -> None:
    """A fake rpm2archive whose packages are archives already; empty ones are broken."""
    executable(
        on_path,
        "rpm2archive",
        """\
        #!/bin/sh
        [ -s "$2" ] || { echo "$2: not an rpm package" >&2; exit 1; }
        /bin/cp "$2" "$2.tar"
        """,
    )


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    (tmp_path / "work").mkdir()
    return Workshop(
        root=tmp_path,
        source=Source(ImageName.parse("unset"), RegistryOptions()),
        options=Options(tmp_path),
        kustomize=Kustomize(tmp_path / "kustomize", "v5.8.1"),
        reporter=Listener(),
        directory=tmp_path / "work",
    )


# What a side is


def test_what_is_there_goes_before_commits_and_bundles(git: Path, tmp_path: Path) -> None:
    write_tree(tmp_path, {"file.rpm": "", "packages/a.rpm": "", "tree/a.yaml": "", "HEAD": ""})
    write_tree(git, {"tree": "", "HEAD": "", "quay.io/a": "", "v1": ""})

    def kind(name: str) -> Kind:
        return Side(name).kind(tmp_path)

    assert kind(f"{tmp_path}/file.rpm") is Kind.PACKAGES
    assert kind(f"{tmp_path}/packages") is Kind.PACKAGES
    assert kind(f"{tmp_path}/tree") is Kind.DIRECTORY
    assert kind(f"{tmp_path}/HEAD") is Kind.PACKAGES
    assert kind("v1") is Kind.REVISION
    assert kind("quay.io/a") is Kind.REVISION
    for bundle in ("quay.io/b", "quay.io/a:1", "localhost/a", "a:5000/b", "oci:somewhere:image"):
        assert kind(bundle) is Kind.BUNDLE


def test_names_relative_to_here(git: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write_tree(tmp_path, {"v1/a.yaml": ""}))
    write_tree(git, {"v1": ""})
    assert Side("v1").kind(tmp_path) is Kind.DIRECTORY
    assert Side(".").kind(tmp_path) is Kind.DIRECTORY


@pytest.mark.usefixtures("on_path")
def test_outside_of_a_repository_there_are_no_commits(tmp_path: Path) -> None:
    assert Side("quay.io/a").kind(tmp_path) is Kind.BUNDLE
    with pytest.raises(UsageError, match="HEAD is no file, no directory and no commit"):
        Side("HEAD").kind(tmp_path)


@pytest.mark.usefixtures("git")
@pytest.mark.parametrize("name", ["gone.rpm", "/gone", "./gone", "../gone", "~/gone", "a/b.rpm"])
def test_files_that_are_not_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no such file or directory"):
        Side(name).kind(tmp_path)


@pytest.mark.usefixtures("git")
@pytest.mark.parametrize("name", ["HEAD~99", "bundle", "bundle:v3.4", "feature/a", "rhoai/bundle"])
def test_what_is_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is no file, no directory and no commit") as raised:
        Side(name).kind(tmp_path)
    assert "registry in front" in raised.value.hint


# Laid out


def test_a_directory_stays_where_it_is(workshop: Workshop, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", {"a": ""})
    assert workshop.lay_out(Side(str(tree)), "old") == tree
    assert not list(workshop.directory.iterdir())


def test_a_commit(workshop: Workshop, git: Path) -> None:
    (git / "v1").write_bytes(archive("assets/kserve/a.yaml", "release/b.json"))
    found = workshop.lay_out(Side("v1"), "old")
    assert found == workshop.directory / "old"
    assert read_tree(found) == {
        "assets/kserve/a.yaml": b"assets/kserve/a.yaml",
        "release/b.json": b"release/b.json",
    }


def test_a_commit_that_ships_nothing(workshop: Workshop, git: Path) -> None:
    (git / "v1").write_bytes(b"")
    assert read_tree(workshop.lay_out(Side("v1"), "old")) == {}


@pytest.mark.usefixtures("rpm")
def test_a_package(workshop: Workshop, tmp_path: Path) -> None:
    """Whatever its name is; only what is ours in it."""
    file = tmp_path / "any"
    file.write_bytes(archive(f"./{SERVICE}", "./usr/bin/other", "./etc/microshift/config.yaml"))
    assert read_tree(workshop.lay_out(Side(str(file)), "old")).keys() == {SERVICE}


VERSION = "4.20.0-1.el9"


@pytest.mark.usefixtures("rpm")
def test_the_packages_of_a_directory(workshop: Workshop, tmp_path: Path) -> None:
    names = {
        f"{PACKAGE}-{VERSION}.x86_64.rpm": "core",
        f"{PACKAGE}-llm-d-{VERSION}.x86_64.rpm": "llm-d",
        f"{PACKAGE}-release-info-{VERSION}.noarch.rpm": "info",
        f"{PACKAGE}-{VERSION}.aarch64.rpm": "arm",
        f"{PACKAGE}-{VERSION}.src.rpm": "source",
        f"microshift-{VERSION}.x86_64.rpm": "other",
    }
    base = "usr/share/microshift"
    files: dict[str, str | bytes] = {
        name: archive(f"{base}/{word}") for name, word in names.items()
    }
    packages = write_tree(tmp_path / "packages", files)
    found = read_tree(workshop.lay_out(Side(str(packages)), "old"))
    assert found.keys() == {f"{base}/{word}" for word in ("core", "llm-d", "info")}


def refused(workshop: Workshop, side: Side) -> RebaseError:
    with pytest.raises(UsageError) as raised:
        workshop.lay_out(side, "old")
    assert side.name in raised.value.message
    return raised.value


@pytest.mark.usefixtures("rpm")
def test_packages_that_cannot_be_used(workshop: Workshop, tmp_path: Path) -> None:
    names = (f"{PACKAGE}-{VERSION}.aarch64.rpm", "microshift-1-1.x86_64.rpm")
    other = Side(str(write_tree(tmp_path / "other", dict.fromkeys(names, "x"))))
    assert f"has no {PACKAGE}*.rpm for x86_64" in refused(workshop, other).message
    names = (f"{PACKAGE}-{VERSION}.x86_64.rpm", f"{PACKAGE}-4.21.0-1.el9.x86_64.rpm")
    both = Side(str(write_tree(tmp_path / "both", dict.fromkeys(names, "x"))))
    assert refused(workshop, both).details == names
    broken = Side(str(write_tree(tmp_path, {"a.rpm": ""}) / "a.rpm"))
    assert refused(workshop, broken).details == ("a.rpm: not an rpm package",)


@pytest.mark.usefixtures("on_path")
def test_without_rpm2archive(workshop: Workshop, tmp_path: Path) -> None:
    file = write_tree(tmp_path, {"a.rpm": ""}) / "a.rpm"
    with pytest.raises(ToolError, match="rpm2archive is not installed"):
        workshop.lay_out(Side(str(file)), "old")


def test_images_to_replace_are_a_bundles(workshop: Workshop, tmp_path: Path) -> None:
    side = Side(str(tmp_path), operator_image=ImageName.parse("a.io/b:1"))
    assert "is no bundle" in refused(workshop, side).message


@pytest.mark.parametrize(
    ("name", "said", "told"),
    [
        ("HEAD", "it broke", "HEAD: it broke"),
        ("HEAD", "HEAD: it broke", "HEAD: it broke"),
        ("a.io/b:1", "there is no a.io/b:1", "there is no a.io/b:1"),
        (".", "assets/a.yaml is broken.", ".: assets/a.yaml is broken."),
        (".", ". ships nothing", ". ships nothing"),
        ("v1", "apiVersion v1beta1 of a/v1", "v1: apiVersion v1beta1 of a/v1"),
        ("out", "out/a.rpm is no package", "out/a.rpm is no package"),
    ],
)
def test_errors_name_their_side_once(name: str, said: str, told: str) -> None:
    with pytest.raises(UsageError) as raised, told_of(name):
        raise UsageError(said)
    assert raised.value.message == told


# Archives


def test_what_is_unpacked(tmp_path: Path) -> None:
    target = tmp_path / "out"
    unpack(archive("a", "./b/c", "/d/e", "b/f"), target)
    assert {path: data.decode() for path, data in read_tree(target).items()} == {
        "a": "a",
        "b/c": "./b/c",
        "d/e": "/d/e",
        "b/f": "b/f",
    }
    unpack(archive("a", "g"), target)  # another package
    assert (target / "g").is_file()


def test_only_what_is_below(tmp_path: Path) -> None:
    names = (SERVICE, "/usr/share/microshift-ai/b", "usr/lib/microshift", "usr/lib/other/c")
    unpack(archive(*names), tmp_path / "out", IN_PACKAGES)
    assert read_tree(tmp_path / "out").keys() == {SERVICE, "usr/share/microshift-ai/b"}


@pytest.mark.parametrize(
    "name", ["../a", "a/../../b", "/../a", "usr/lib/microshift/../../../../a", "a/.."]
)
def test_nothing_leads_out(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="which is outside of it"):
        unpack(archive("ok", name), tmp_path / "out")
    assert set(read_tree(tmp_path)) <= {"out/ok"}


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE]
)
def test_links_and_devices_are_not_made(tmp_path: Path, kind: bytes) -> None:
    target = tmp_path / "out"
    (tmp_path / "secret").mkdir()
    unpack(archive("link", kind=kind, target="../secret"), target)
    unpack(archive("link/a"), target)
    assert read_tree(tmp_path) == {"out/link/a": b"link/a"}
    assert not (target / "link").is_symlink()


def test_an_archive_of_nothing(tmp_path: Path) -> None:
    for empty in (b"", EMPTY_TAR, archive()):
        unpack(empty, tmp_path / "out")
    assert read_tree(tmp_path) == {}
