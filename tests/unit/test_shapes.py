"""Objects of the wrong shape are named with the place; right ones pass."""

from typing import Any

import pytest

from rebase.errors import TreeError
from rebase.objects import KubeObject
from rebase.shapes import misshapen
from rebase.yamlfile import dump
from unit.helpers import make, make_crd, make_deployment, make_webhook

CLUSTER_ROLE = make(
    "ClusterRole",
    "r",
    rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}, {"verbs": ["get"]}],
)


@pytest.mark.parametrize(
    "obj",
    [
        CLUSTER_ROLE,
        make("ClusterRole", "empty", rules=None),
        make("ConfigMap", "c", data={"a": "b"}),
        make("Secret", "anything", data=5),
        make_crd("Thing", "example.com", service={"name": "s"}),
        make_deployment("d", volumes=[{"secret": {"secretName": "s"}}]),
        make_webhook("w"),
    ],
    ids=str,
)
def test_well_formed(obj: KubeObject) -> None:
    assert list(misshapen(obj.data)) == []


@pytest.mark.parametrize(
    ("kind", "fields", "problem"),
    [
        ("ClusterRole", {"rules": ["get"]}, "rules[0] is not a mapping"),
        ("ClusterRole", {"rules": {"a": 1}}, "rules is not a list"),
        ("Role", {"rules": [{"verbs": [1]}]}, "rules[0].verbs[0] is not a string"),
        ("RoleBinding", {"roleRef": {"kind": "Role"}}, "roleRef.name is missing"),
        ("RoleBinding", {}, "roleRef is missing"),
        ("ConfigMap", {"data": {"a": 1}}, "data is not a mapping of strings"),
        ("CustomResourceDefinition", {}, "spec is missing"),
        ("CustomResourceDefinition", {"spec": {"scope": "Cluster"}}, "spec.group is missing"),
        ("Deployment", {"spec": {"template": {}}}, "spec.template.spec is missing"),
        ("Service", {"metadata": {"annotations": {"a": True}}}, "metadata.annotations is not"),
        (
            "ValidatingWebhookConfiguration",
            {"webhooks": [{"name": "x", "clientConfig": {"service": {}}}]},
            "webhooks[0].clientConfig.service.name is missing",
        ),
    ],
)
def test_malformed(kind: str, fields: dict[str, Any], problem: str) -> None:
    obj = make(kind, "x", **fields)
    assert [one for one in misshapen(obj.data) if one.startswith(problem)]
    with pytest.raises(TreeError, match=f"somewhere: {kind} x is malformed"):
        KubeObject.parse(dump(obj.data), "somewhere")
