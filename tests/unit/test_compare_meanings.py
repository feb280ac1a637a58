"""Webhooks, configuration, runtimes and images, compared by what they mean."""

import copy
import json
from typing import Any

import pytest

from rebase.compare.fields import FieldChange
from rebase.compare.images import ImageChange, ImageFacts, compare_images
from rebase.compare.runtimes import (
    DISPLAY_NAME,
    VERSION,
    Runtime,
    RuntimeChange,
    compare_runtimes,
)
from rebase.compare.settings import compare_settings
from rebase.compare.webhooks import WebhookChange, compare_webhooks
from rebase.model import ImageSource
from rebase.objects import KubeObject
from unit.helpers import hex64, make, make_ours, make_webhook, pinned

# Webhooks

HOOK = "validating models"


def webhook(**fields: Any) -> KubeObject:
    made = make_webhook("models", resource="models")
    made.data["webhooks"][0] |= {"name": "models", **fields}
    return made


def test_webhooks_that_are_alike() -> None:
    """Whatever the CA is, and in whatever order they stand."""
    old = webhook()
    old.data["webhooks"].append({**copy.deepcopy(old.data["webhooks"][0]), "name": "other"})
    new = copy.deepcopy(old)
    new.data["webhooks"].reverse()
    new.data["webhooks"][0]["clientConfig"]["caBundle"] = "bmV3"
    del new.data["webhooks"][1]["clientConfig"]["caBundle"]
    assert compare_webhooks([old], [new]) == []
    assert compare_webhooks([make("ConfigMap", "a")], []) == []


def test_a_webhook_that_came_and_one_that_went() -> None:
    rules = [{"operations": ["CREATE", "UPDATE"], "resources": ["models", "graphs"]}, {}]
    new = webhook(rules=rules)
    (came,) = compare_webhooks([], [new])
    assert came == WebhookChange(
        HOOK, "create, update models, graphs", "webhook-service answers, else Fail", added=True
    )
    (went,) = compare_webhooks([new], [])
    assert (went.name, went.added, went.removed, went.changes) == (HOOK, False, True, ())


def test_a_webhook_that_changed() -> None:
    old, new = webhook(failurePolicy="Fail"), webhook(failurePolicy="Ignore")
    (change,) = compare_webhooks([old], [new])
    assert change == WebhookChange(
        HOOK,
        "models",
        "webhook-service answers, else Ignore",
        changes=(FieldChange("failurePolicy", "Fail", "Ignore"),),
    )


def test_a_webhook_has_its_configurations_name_and_its_own() -> None:
    mutating = make("MutatingWebhookConfiguration", "a", webhooks=[{"name": "b"}])
    (change,) = compare_webhooks([], [mutating])
    assert change.name == "mutating a: b"
    assert (change.about, change.answers) == ("", "a URL answers, else Fail")


# Configuration


def config(name: str = "inferenceservice-config", **data: Any) -> KubeObject:
    texts = {key: one if isinstance(one, str) else json.dumps(one) for key, one in data.items()}
    return make_ours("ConfigMap", name, data=texts)


def changed(old: KubeObject, new: KubeObject) -> list[FieldChange]:
    (change,) = compare_settings([old], [new])
    assert change.name == new.name
    return list(change.changes)


def test_keys_inside_json() -> None:
    old = config(deploy={"mode": "Serverless", "old": 1}, plain="x")
    new = config(deploy={"mode": "RawDeployment", "new": {"a": True}}, plain="y")
    assert changed(old, new) == [
        FieldChange("deploy.mode", "Serverless", "RawDeployment"),
        FieldChange("deploy.new.a", None, "true"),
        FieldChange("deploy.old", "1", None),
        FieldChange("plain", "x", "y"),
    ]


def test_a_boolean_that_became_a_text_is_told() -> None:
    """KServe does not start with it."""
    old, new = config(ingress={"enable": True}), config(ingress={"enable": "true"})
    assert changed(old, new) == [FieldChange("ingress.enable", "true", '"true"')]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('{"a": 1, "b": [2]}', '{\n  "b": [2],\n  "a": 1\n}'),
        ("  [1, 2]", "[1,2]"),
        ('{"a": 1', '{"a": 1'),
    ],
)
def test_json_is_compared_by_what_it_says(old: str, new: str) -> None:
    assert compare_settings([config(a=old)], [config(a=new)]) == []


def test_broken_json_is_text() -> None:
    assert changed(config(a='{"b": 1'), config(a='{"b": 2')) == [
        FieldChange("a", '{"b": 1', '{"b": 2')
    ]
    assert changed(config(a='{"b": 1}'), config(a='{"b": 2')) == [
        FieldChange("a", None, '{"b": 2'),
        FieldChange("a.b", "1", None),
    ]


def test_examples_and_pinned_images_are_not_told() -> None:
    other = f"registry.example.com/test/a@sha256:{hex64('new')}"
    old = config(agent={"image": pinned("a")}, _example="a", image=pinned("a"))
    new = config(agent={"image": other}, _example="b", image=other)
    assert compare_settings([old], [new]) == []
    assert changed(config(image=pinned("a")), config(image="a:1")) == [
        FieldChange("image", pinned("a"), "a:1")
    ]
    assert changed(config(), config(image=pinned("a"))) == [FieldChange("image", None, pinned("a"))]


def test_config_maps_that_came_or_went_are_told_elsewhere() -> None:
    empty = make_ours("ConfigMap", "a", data=None)
    assert compare_settings([config("a", x="1")], [config("b", x="1")]) == []
    assert compare_settings([empty], [empty]) == []
    assert changed(empty, config("a", x="1")) == [FieldChange("x", None, "1")]


# Runtimes

ONNX = {"name": "onnx", "version": "1", "autoSelect": True}
OPENVINO = [{"name": "openvino_ir", "version": version} for version in ("opset1", "opset13")]


def runtime(
    *formats: dict[str, Any], version: str = "v1", title: str = "Server", **spec: Any
) -> KubeObject:
    notes = {VERSION: version, DISPLAY_NAME: title}
    fields = {"supportedModelFormats": list(formats), "containers": [], **spec}
    return make_ours(
        "ServingRuntime",
        "ovms",
        api="serving.kserve.io/v1alpha1",
        metadata={"annotations": notes},
        spec=fields,
    )


def container(image: str, *args: str) -> list[dict[str, Any]]:
    return [{"name": "kserve-container", "image": image, "args": list(args)}]


def one_runtime(old: KubeObject, new: KubeObject) -> RuntimeChange:
    (change,) = compare_runtimes([old], [new])
    assert change.old
    assert change.new
    return change


def test_runtimes_that_are_alike() -> None:
    """Images are told by their keys; the order of formats means nothing."""
    old = runtime(ONNX, *OPENVINO, containers=container(pinned("a")))
    new = runtime(*reversed(OPENVINO), ONNX, containers=container(pinned("b")))
    new.metadata["labels"] = {"a": "b"}
    assert compare_runtimes([old], [new]) == []
    assert compare_runtimes([make("ConfigMap", "a")], []) == []


def test_a_runtime_that_came_and_one_that_went() -> None:
    known = Runtime("ovms", "Server", "v1", ("onnx 1", "openvino_ir opset1"))
    some = runtime(ONNX, OPENVINO[0])
    assert compare_runtimes([], [some]) == [RuntimeChange(None, known)]
    assert compare_runtimes([some], []) == [RuntimeChange(known, None)]
    assert compare_runtimes([some], [])[0].name == "ovms"


def test_a_runtime_that_says_nothing_of_itself() -> None:
    bare = make_ours("ServingRuntime", "bare", spec={"supportedModelFormats": [{"name": "any"}]})
    (change,) = compare_runtimes([], [bare])
    assert change.new == Runtime("bare", "bare", "", ("any",))


def test_version_title_and_formats() -> None:
    change = one_runtime(
        runtime(ONNX, OPENVINO[0]), runtime(ONNX, OPENVINO[1], version="v2", title="New")
    )
    assert change.old == Runtime("ovms", "Server", "v1", ("onnx 1", "openvino_ir opset1"))
    assert change.new == Runtime("ovms", "New", "v2", ("onnx 1", "openvino_ir opset13"))
    assert change.changes == ()


def test_how_a_runtime_is_started() -> None:
    old = runtime(containers=container(pinned("a"), "--port=1", "--x"), multiModel=False)
    new = runtime(containers=container(pinned("b"), "--port=2", "--x"), multiModel=True)
    assert one_runtime(old, new).changes == (
        FieldChange("spec.containers[kserve-container].args[]", "--port=1", None),
        FieldChange("spec.containers[kserve-container].args[]", None, "--port=2"),
        FieldChange("spec.multiModel", "false", "true"),
    )


def test_whether_a_format_chooses_the_runtime() -> None:
    old, new = runtime(ONNX, *OPENVINO), runtime(*OPENVINO, {**ONNX, "autoSelect": False})
    assert one_runtime(old, new).changes == (
        FieldChange("spec.supportedModelFormats[onnx 1].autoSelect", "true", "false"),
    )
    new = runtime({"name": "onnx", "version": "1"}, {**OPENVINO[0], "priority": 2}, OPENVINO[1])
    assert one_runtime(old, new).changes == (
        FieldChange("spec.supportedModelFormats[onnx 1].autoSelect", "true", None),
        FieldChange("spec.supportedModelFormats[openvino_ir opset1].priority", None, "2"),
    )


# Images


def test_images_by_key() -> None:
    same = ImageFacts(pinned("same"), ImageSource.OPERATOR)
    old = {"same": same, "gone": ImageFacts(pinned("gone")), "moved": ImageFacts(pinned("moved"))}
    new = {
        "same": ImageFacts(pinned("same"), ImageSource.PARAMS, "v1", {"x86_64": 1}),
        "came": ImageFacts(pinned("came")),
        "moved": ImageFacts(pinned("elsewhere")),
    }
    assert compare_images(old, new) == [
        ImageChange("came", None, new["came"]),
        ImageChange("gone", old["gone"], None),
        ImageChange("moved", old["moved"], new["moved"]),
    ]
    assert compare_images(old, old) == []


@pytest.mark.parametrize(
    ("old", "new", "changed_"),
    [
        (pinned("a"), f"{pinned('a').partition('@')[0]}@sha256:{hex64('b')}", False),
        (pinned("a"), pinned("b"), True),
        ("a.io/b:1", "a.io/b:2", False),
        ("a.io:5000/b:1", "a.io:5001/b:1", True),
        ("a.io/b:1", None, False),
        (None, "a.io/b:1", False),
    ],
)
def test_another_repository(old: str | None, new: str | None, changed_: bool) -> None:
    facts = [ImageFacts(one) if one else None for one in (old, new)]
    assert ImageChange("key", *facts).repository_changed is changed_
