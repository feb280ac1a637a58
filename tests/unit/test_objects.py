"""Kubernetes objects: how they are read, told apart, walked through and ordered."""

import json
import random

import pytest

from rebase import yamlfile
from rebase.errors import TreeError
from rebase.objects import (
    KubeObject,
    containers,
    deep_strings,
    dict_at,
    images,
    in_apply_order,
    parse_render,
    strings,
)
from unit.helpers import make, make_crd, make_deployment, make_webhook, pinned


@pytest.mark.parametrize(
    "text",
    [
        "a string",
        "[]",
        "kind: A\nmetadata: {name: a}",
        "apiVersion: v1\nmetadata: {name: a}",
        "apiVersion: v1\nkind: A",
        "apiVersion: v1\nkind: A\nmetadata: {name: 1}",
        "apiVersion: 1\nkind: A\nmetadata: {name: a}",
    ],
)
def test_what_is_no_object(text: str) -> None:
    with pytest.raises(TreeError, match="the render: the render holds something that is no"):
        KubeObject.parse(text, "the render")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: ConfigMap\ndata: {a: 1}", "data is not a mapping of strings"),
        (
            "kind: Deployment\nspec: {template: {spec: {containers: {}}}}",
            "containers is not a list",
        ),
        ("kind: RoleBinding\nroleRef: {kind: Role}", "roleRef.name is missing"),
    ],
)
def test_a_malformed_object_is_named(text: str, said: str) -> None:
    with pytest.raises(TreeError, match=r"the render: .* a is malformed") as caught:
        KubeObject.parse(f"apiVersion: v1\nmetadata: {{name: a}}\n{text}", "the render")
    assert said in " ".join(caught.value.details)


def test_what_makes_an_object_the_same_one() -> None:
    obj = make("Role", "a", api="rbac.authorization.k8s.io/v1", namespace="n")
    assert obj.identity == ("rbac.authorization.k8s.io", "Role", "n", "a")
    assert make("Service", "a").group == ""
    assert str(obj) == "Role a"


def test_an_unchanged_crd_keeps_kustomizes_own_text() -> None:
    text = "# odd\n" + yamlfile.dump(make_crd("A", "example.com").data).replace("type: ", "type:  ")
    (crd,) = parse_render(text, "x")
    assert crd.to_yaml() == text
    crd.annotate("a", "b")
    assert crd.unchanged_text is None
    assert yamlfile.load(crd.to_yaml(), "x") == crd.data


def test_an_object_known_by_its_text_is_not_parsed_again() -> None:
    text = yamlfile.dump(make_crd("A", "example.com").data)
    (crd,) = parse_render(text, "x")
    assert parse_render(text, "x", {text: crd})[0] is crd


def test_dict_at() -> None:
    data: dict[str, object] = {"a": {"b": {"c": 1}}, "n": None}
    assert dict_at(data, "a", "b") == {"c": 1}
    assert dict_at(data, "x", "y") == {}
    assert "x" not in data
    dict_at(data, "n", "m", create=True)["k"] = 1
    assert data["n"] == {"m": {"k": 1}}


def test_strings_with_their_paths() -> None:
    value = {"a": ["x", {"b": "y"}], "_example": "not looked into", "n": 1, "z": None}
    assert list(strings(value)) == [("a[0]", "x"), ("a[1].b", "y")]


def test_json_in_config_maps_is_taken_apart() -> None:
    data = {"json": json.dumps({"a": {"image": "x"}}), "list": '["y"]', "text": "{not json"}
    found = dict(deep_strings(make("ConfigMap", "a", data=data)))
    assert found["data.json.a.image"] == "x"
    assert found["data.list[0]"] == "y"
    assert found["data.text"] == "{not json"
    secret = dict(deep_strings(make("Secret", "a", data={"json": "{}"})))
    assert secret["data.json"] == "{}"


def test_a_crds_schemas_are_not_looked_into() -> None:
    crd = make_crd("A", "example.com")
    crd.data["spec"]["versions"][0]["schema"] = {"image": "in a schema"}
    assert list(images(crd)) == []


def test_images_are_told_by_their_fields_name() -> None:
    data = {"a": json.dumps({"image": "1", "defaultJobImage": "2", "images": "3", "note": "4"})}
    assert [value for _, value in images(make("ConfigMap", "a", data=data))] == ["1", "2"]
    deployment = make_deployment("a", initContainers=[{"name": "i", "image": "init"}])
    assert {value for _, value in images(deployment)} == {pinned("a"), "init"}


def test_containers() -> None:
    pod = {"containers": [{"name": "a"}, None], "initContainers": [{"name": "i"}]}
    assert [container["name"] for container in containers(pod)] == ["i", "a"]
    assert list(containers({"containers": None})) == []


def test_the_order_to_apply_in() -> None:
    right = [
        make("Namespace", "z"),
        make_crd("A", "a.example.com"),
        make_crd("B", "b.example.com"),
        make("ServiceAccount", "a"),
        make("ClusterRole", "a"),
        make("ClusterRoleBinding", "a"),
        make("ConfigMap", "a"),
        make("ConfigMap", "b"),
        make("Service", "a"),
        make_deployment("a"),
        make_webhook("a"),
        make("A", "a", api="a.example.com/v1"),
        make("B", "a", api="b.example.com/v1"),
    ]
    for seed in range(5):
        shuffled = random.Random(seed).sample(right, len(right))
        assert [str(obj) for obj in in_apply_order(shuffled)] == [str(obj) for obj in right]
