"""The operator bundle: finding its one CSV, and what is read out of it."""

import json
from typing import Any

import pytest

from rebase import yamlfile
from rebase.bundle import read_csv, wanted
from rebase.errors import BundleError
from rebase.model import Csv

SUBJECT = "quay.io/example/bundle:1"
PATH = "manifests/rhods-operator.clusterserviceversion.yaml"


def container(name: str, image: str = "quay.io/example/operator:1", **env: Any) -> dict[str, Any]:
    return {
        "name": name,
        "image": image,
        "env": [{"name": key, "value": value} for key, value in env.items()],
    }


def csv(*containers: dict[str, Any], version: object = "2.25.1", **spec: Any) -> dict[str, Any]:
    deployment = {"name": "operator", "spec": {"template": {"spec": {"containers": containers}}}}
    return {
        "apiVersion": "operators.coreos.com/v1alpha1",
        "kind": "ClusterServiceVersion",
        "metadata": {"name": "rhods-operator.2.25.1"},
        "spec": {
            "version": version,
            "install": {"spec": {"deployments": [deployment]}},
            **spec,
        },
    }


def dumped(document: object) -> bytes:
    return yamlfile.dump(json.loads(json.dumps(document))).encode()


def parsed(document: object) -> Csv:
    return read_csv({PATH: dumped(document)}, SUBJECT)


def test_what_a_csv_says() -> None:
    found = parsed(csv(container("manager", RELATED_IMAGE_A="a", OTHER="b")))
    assert found == Csv(
        name="rhods-operator.2.25.1",
        version="2.25.1",
        operator_image="quay.io/example/operator:1",
        env={"RELATED_IMAGE_A": "a", "OTHER": "b"},
        file="rhods-operator.clusterserviceversion.yaml",
    )
    assert found.related_images == {"RELATED_IMAGE_A": "a"}


def test_json_is_yaml_too() -> None:
    document = csv(container("manager", A="1"))
    for text in (json.dumps(document), json.dumps(document, indent=4)):
        assert read_csv({PATH: text.encode()}, SUBJECT) == parsed(document)


def test_other_files_are_not_taken_for_it() -> None:
    files = {
        PATH: dumped(csv(container("manager"))),
        "manifests/crd.yaml": b"kind: CustomResourceDefinition\nof: ClusterServiceVersion\n",
        "manifests/readme.txt": b"{{ not: [yaml",
        "manifests/binary": b"\xff\xfe\x00",
        "metadata/annotations.yaml": dumped(csv(container("manager"))),
        "manifests/nested.yaml": b"spec:\n  kind: ClusterServiceVersion\n",
    }
    assert read_csv(files, SUBJECT).version == "2.25.1"


def test_the_operators_container_is_the_one_that_is_told_the_images() -> None:
    found = parsed(
        csv(
            container("kube-rbac-proxy", "quay.io/example/proxy:1", OTHER="x"),
            container("manager", RELATED_IMAGE_A="a"),
        )
    )
    assert found.operator_image == "quay.io/example/operator:1"


def test_deployments_are_looked_through_for_it() -> None:
    document = csv(container("manager", RELATED_IMAGE_A="a"))
    deployments = document["spec"]["install"]["spec"]["deployments"]
    deployments.insert(0, csv(container("webhook"))["spec"]["install"]["spec"]["deployments"][0])
    assert parsed(document).env == {"RELATED_IMAGE_A": "a"}


def test_env_without_value_is_not_there() -> None:
    document = csv(container("manager", EMPTY="", GONE=None, NUMBER=3))
    env = document["spec"]["install"]["spec"]["deployments"][0]["spec"]["template"]["spec"]
    env["containers"][0]["env"] += [{"name": "FIELD", "valueFrom": {"fieldRef": {}}}, {"value": 1}]
    assert parsed(document).env == {"EMPTY": "", "NUMBER": "3"}


def test_a_csv_without_name_goes_by_its_file() -> None:
    document = csv(container("manager"))
    del document["metadata"]
    assert parsed(document).name == "rhods-operator.clusterserviceversion.yaml"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (csv(container("manager"), version=None), "spec.version is missing"),
        (csv(container("manager"), version=""), "spec.version is missing"),
        (csv(container("manager"), version=2.25), "spec.version"),
        (csv(), "no operator Deployment"),
        (csv(container("manager"), install=None), "no operator Deployment"),
        (csv(container("m"), install={"spec": {"deployments": []}}), "no operator Deployment"),
        ({"kind": "ClusterServiceVersion"}, "spec.version is missing"),
        (csv(container("manager", "")), "the operator's container has no image"),
        (csv(container("a"), container("b")), "cannot tell which container .*: a, b"),
        (
            csv(container("a", RELATED_IMAGE_A="a"), container("b", RELATED_IMAGE_B="b")),
            "cannot tell which container .*: a, b",
        ),
    ],
)
def test_what_a_csv_must_have(document: object, said: str) -> None:
    with pytest.raises(BundleError, match=said) as caught:
        parsed(document)
    assert SUBJECT in caught.value.message
    assert PATH in caught.value.message


def test_two_csvs_are_named() -> None:
    document = dumped(csv(container("manager")))
    with pytest.raises(BundleError, match="holds 2 ClusterServiceVersions") as caught:
        read_csv({PATH: document, "manifests/other.yaml": document}, SUBJECT)
    assert caught.value.details == ("/manifests/other.yaml", f"/{PATH}")


@pytest.mark.parametrize(
    ("files", "seen"),
    [
        ({}, "neither /manifests nor /metadata"),
        ({"manifests/crd.yaml": b"kind: CustomResourceDefinition\n"}, "/manifests/crd.yaml"),
        ({"metadata/annotations.yaml": b"annotations: {}\n"}, "/metadata/annotations.yaml"),
    ],
)
def test_an_image_that_is_no_bundle_is_told_with_what_it_has(
    files: dict[str, bytes], seen: str
) -> None:
    with pytest.raises(BundleError, match="is not an operator bundle") as caught:
        read_csv(files, SUBJECT)
    assert seen in caught.value.message
    assert "bundle image is needed" in caught.value.hint


def test_a_csv_that_is_no_yaml_is_a_bundle_error() -> None:
    with pytest.raises(BundleError, match=f"/{PATH}: not valid YAML"):
        read_csv({PATH: b"kind: ClusterServiceVersion\nspec: [\n"}, SUBJECT)


@pytest.mark.parametrize(
    ("path", "matters"),
    [
        ("manifests/a.yaml", True),
        ("metadata/annotations.yaml", True),
        ("root/manifests/a.yaml", False),
        ("manifests-template/a", False),
    ],
)
def test_wanted(path: str, matters: bool) -> None:
    assert wanted(path) is matters
