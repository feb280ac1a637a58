"""What is made once for all tests: a registry, images, and a rebase of each version."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integration.support.command import rebase
from integration.support.images import Images, make_demo, make_images
from integration.support.packages import MICROSHIFT, Built, build, install, sources
from integration.support.registry import Registry, running_registry
from integration.support.reports import Reports, report
from integration.support.surroundings import VERSIONS, kustomize, need_data
from integration.support.trees import Tree

LOCAL = "--no-tls-verify"  # our registries have no certificates


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry for the whole session."""
    with running_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="session")
def images_of(
    registry: Registry, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Images]:
    """The images of a version: OCI layouts, and pushed to the registry."""
    out, made = tmp_path_factory.mktemp("images"), dict[str, Images]()

    def images(version: str) -> Images:
        if version not in made:
            made[version] = make_images(version, out, "--push", registry.host)
        return made[version]

    return images


@pytest.fixture(scope="session")
def rebased(
    images_of: Callable[[str], Images],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Tree]:
    """The tree of a version, rebased through the registry; it belongs to all tests."""
    made: dict[str, Tree] = {}

    def tree(version: str) -> Tree:
        if version not in made:
            kustomize("5.8.1")
            images = images_of(version)
            root = tmp_path_factory.mktemp(f"rebased-{version}-")
            rebase("to", images.bundle, LOCAL, root=root).ok()
            made[version] = Tree(root)
        return made[version]

    return tree


@pytest.fixture(scope="session", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """Each RHOAI version that there is data of."""
    return str(request.param)


@pytest.fixture(scope="session")
def tree(version: str, rebased: Callable[[str], Tree]) -> Tree:
    """The tree of each version."""
    return rebased(version)


@pytest.fixture(scope="session")
def compared(
    rebased: Callable[[str], Tree], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], Reports]:
    """What is different between two versions, each rebased on its own."""
    made: dict[tuple[str, str], Reports] = {}

    def between(old: str, new: str) -> Reports:
        if (old, new) not in made:
            need_data(old, new)
            out = tmp_path_factory.mktemp(f"compared-{old}-{new}-")
            made[old, new] = report(rebased(old).root, rebased(new).root, out)
        return made[old, new]

    return between


@pytest.fixture(scope="session")
def demo_images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    """The demo's images as they are."""
    return make_demo(tmp_path_factory.mktemp("demo") / "images")


@pytest.fixture(scope="session")
def demo_tree(demo_images: Images, tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """The demo's tree; it belongs to all tests."""
    kustomize("5.8.1")
    root: Path = tmp_path_factory.mktemp("demo-tree")
    rebase("to", *demo_images.arguments, root=root).ok()
    return Tree(root)


@pytest.fixture(scope="session")
def packaged(
    images_of: Callable[[str], Images], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Built]:
    """One tree that is rebased from RHOAI version to version, and packaged each time."""
    built: dict[str, Built] = {}
    here = tmp_path_factory.mktemp("history")
    for rhoai, version in MICROSHIFT.items():
        need_data(rhoai)
        rebase("to", *images_of(rhoai).arguments, root=here).ok()
        place = sources(Tree(here), tmp_path_factory.mktemp(f"build-{rhoai}-") / "tree")
        built[rhoai] = Built(Tree(place), build(place, version), version)
    return built


@pytest.fixture(scope="session")
def newest(packaged: dict[str, Built]) -> Built:
    """The packages of the last of them."""
    return list(packaged.values())[-1]


@pytest.fixture(scope="session")
def device(newest: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with all of these installed."""
    root = tmp_path_factory.mktemp("device")
    install(root, newest.repos)
    return root
