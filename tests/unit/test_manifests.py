"""Finding the trees in an image by what they hold, wherever they are."""

import pytest

from rebase.manifests import describe, find_roots, reach, wanted
from rebase.model import Roots
from unit.helpers import tree

TEMPLATE = "kind: Template\nobjects:\n- kind: ServingRuntime\n"


def files(root: str = "opt/manifests", controller: str = "modelcontroller") -> dict[str, str]:
    return {
        f"{root}/kserve/overlays/odh/kustomization.yaml": "resources: [../../base]",
        f"{root}/kserve/base/kustomization.yaml": "resources: [a.yaml]",
        f"{root}/kserve/base/a.yaml": "kind: A",
        f"{root}/{controller}/base/kustomization.yaml": "resources: [../runtimes]",
        f"{root}/{controller}/runtimes/kustomization.yaml": "resources: [ovms.yaml]",
        f"{root}/{controller}/runtimes/ovms.yaml": TEMPLATE,
    }


def roots(content: dict[str, str]) -> Roots | None:
    return find_roots(tree(content), content)


@pytest.mark.parametrize("root", ["opt/manifests", "opt/manifests-template", "srv/x/y"])
@pytest.mark.parametrize("controller", ["modelcontroller", "odh-model-controller", "anything"])
def test_the_trees_are_found_wherever_they_are(root: str, controller: str) -> None:
    assert roots(files(root, controller)) == Roots(
        (f"{root}/kserve/overlays/odh",),
        f"{root}/{controller}/base",
        f"{root}/{controller}/runtimes",
    )


def test_at_the_top_of_an_image() -> None:
    content = {path.removeprefix("opt/"): text for path, text in files("opt").items()}
    found = roots(content)
    assert found is not None
    assert found.kserve == ("kserve/overlays/odh",)


def test_crds_apart_are_an_entry_of_their_own() -> None:
    content = files() | {
        "opt/manifests/kserve/overlays/odh-crds/kustomization.yaml": "resources: [crd.yaml]",
        "opt/manifests/kserve/overlays/odh-crds/crd.yaml": "kind: CustomResourceDefinition",
    }
    found = roots(content)
    assert found is not None
    assert found.kserve == (
        "opt/manifests/kserve/overlays/odh",
        "opt/manifests/kserve/overlays/odh-crds",
    )
    assert reach(tree(content), found).files == set(content)


def test_kserves_own_runtimes_are_not_the_model_controllers() -> None:
    content = files() | {
        "opt/manifests/kserve/runtimes/kustomization.yaml": "resources: [a.yaml]",
        "opt/manifests/kserve/runtimes/a.yaml": TEMPLATE,
    }
    found = roots(content)
    assert found is not None
    assert found.runtimes_directory == "opt/manifests/modelcontroller/runtimes"
    without = {path: text for path, text in content.items() if "modelcontroller" not in path}
    assert roots(without) is None


def test_other_components_are_not_the_model_controller() -> None:
    content = files() | {
        "opt/manifests/aaa/base/kustomization.yaml": "",
        "opt/manifests/aaa/runtimes/kustomization.yaml": "resources: [a.yaml]",
        "opt/manifests/aaa/runtimes/a.yaml": "kind: Template\nobjects: [{kind: Route}]\n",
        "opt/manifests/aab/base/kustomization.yaml": "",
        "opt/manifests/aab/runtimes/a.yaml": TEMPLATE,
        "opt/manifests/aac/runtimes/kustomization.yaml": "resources: [a.yaml]",
        "opt/manifests/aac/runtimes/a.yaml": TEMPLATE,
    }
    found = roots(content)
    assert found is not None
    assert found.runtimes == "opt/manifests/modelcontroller/base"


@pytest.mark.parametrize(
    "lost",
    [
        "kserve/overlays/odh/kustomization.yaml",
        "modelcontroller/base/kustomization.yaml",
        "modelcontroller/runtimes/kustomization.yaml",
        "modelcontroller/runtimes/ovms.yaml",
    ],
)
def test_half_of_them_is_none(lost: str) -> None:
    content = files()
    del content[f"opt/manifests/{lost}"]
    assert roots(content) is None


def test_a_name_that_only_ends_alike_is_another() -> None:
    content = {path.replace("/kserve/", "/not-kserve/"): text for path, text in files().items()}
    assert roots(content) is None


def test_trees_apart_do_not_make_a_pair() -> None:
    one = {path: text for path, text in files("opt/one").items() if "kserve" in path}
    two = {path: text for path, text in files("opt/two").items() if "kserve" not in path}
    assert roots(one | two) is None


def test_what_is_missing_is_found_by_reaching() -> None:
    content = files()
    del content["opt/manifests/kserve/base/a.yaml"]
    found = roots(content)
    assert found is not None
    assert [one.path for one in reach(tree(content), found).missing] == ["a.yaml"]


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("opt/manifests/dashboard/a", True),
        ("srv/manifests/kserve/a", True),
        ("srv/modelcontroller/a", True),
        ("srv/odh-model-controller/a", True),
        ("usr/lib/a", False),
        ("srv/not-kserve/a", False),
    ],
)
def test_wanted(path: str, kept: bool) -> None:
    assert wanted(path) is kept


def test_an_image_is_described_by_its_kustomized_directories() -> None:
    paths = [
        "opt/manifests/ray/base/kustomization.yaml",
        "opt/manifests/ray/kustomization.yml",
        "opt/manifests/dashboard/Kustomization",
        "opt/manifests/readme",
    ]
    assert describe(paths) == "/opt/manifests/dashboard, /opt/manifests/ray"
    assert describe([]) == "no kustomization at all"
