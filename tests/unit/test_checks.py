"""Each check finds the one thing that is wrong, and nothing in what is right."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rebase import checks, yamlfile
from rebase.adapt import certificates
from rebase.checks import Parts, RenderedDirectory, check, check_tree, refuse, render_directories
from rebase.errors import CheckError
from rebase.findings import Finding, Waiver
from rebase.model import NAMESPACE
from rebase.objects import KubeObject
from rebase.tools.kustomize import Kustomize
from unit.helpers import (
    executable,
    find,
    make,
    make_crd,
    make_deployment,
    make_ours,
    make_webhook,
    pinned,
    write_tree,
)

RBAC = "rbac.authorization.k8s.io/v1"


def right() -> list[KubeObject]:
    """A small world in which all is well."""
    service = {"name": "webhook-service", "namespace": NAMESPACE}
    hook = make_webhook("hook", namespace=NAMESPACE)
    crd = make_crd("ServingRuntime", "serving.kserve.io", service=service)
    for obj in (hook, crd):
        obj.annotate(certificates.INJECT_CABUNDLE, "true")
    answering = make_ours("Service", "webhook-service", spec={"selector": {"app": "manager"}})
    answering.annotate(certificates.SERVING_CERT, "cert")
    manager = make_deployment("manager", image=pinned("a"))
    manager.metadata["namespace"] = NAMESPACE
    container = manager.data["spec"]["template"]["spec"]["containers"][0]
    container["args"] = ["--size=$(SIZE)"]
    container["command"] = ["sh", "-c", "echo $(date)"]
    container["env"] = [{"name": "A", "value": "$(B)"}]
    runtime = make_ours(
        "ServingRuntime",
        "r",
        api="serving.kserve.io/v1alpha1",
        spec={"containers": [{"name": "c", "image": pinned("b")}]},
    )
    example = "image: $(x)\nnamespace: kserve\n"
    config = {"a": json.dumps({"image": pinned("a"), "ns": NAMESPACE}), "_example": example}
    return [
        make("Namespace", NAMESPACE),
        make("ClusterRole", "role", api=RBAC),
        crd,
        hook,
        answering,
        manager,
        runtime,
        make_ours("ConfigMap", "config", data=config),
    ]


def infos(*names: str) -> dict[str, bytes]:
    images = {name: pinned(name) for name in names}
    return {"info.json": json.dumps({"release": {"base": "1"}, "images": images}).encode()}


RIGHT_INFOS = infos("a", "b")


def ids(objects: list[KubeObject], listed: dict[str, bytes] | None = None) -> list[str]:
    found = check(
        [RenderedDirectory("assets/x", tuple(objects))], RIGHT_INFOS if listed is None else listed
    )
    return [finding.id for finding in found]


def test_what_is_right_has_no_findings() -> None:
    assert ids(right()) == []


def change(kind: str, name: str, edit: Callable[[Any], object]) -> list[KubeObject]:
    """The small world with one object changed."""
    objects = right()
    edit(find(objects, kind, name).data)
    return objects


def container(data: Any) -> Any:
    return data["spec"]["template"]["spec"]["containers"][0]


def set_json(data: Any, **values: str) -> None:
    data["data"]["a"] = json.dumps({"image": pinned("a"), **values})


@pytest.mark.parametrize(
    ("check_id", "objects"),
    [
        (
            "image-not-pinned",
            change("Deployment", "manager", lambda d: container(d).update(image="a:latest")),
        ),
        (
            "image-not-pinned",
            change("ConfigMap", "config", lambda d: set_json(d, defaultJobImage="a/b:latest")),
        ),
        (
            "image-not-pinned",
            change("ConfigMap", "config", lambda d: set_json(d, xImage="REPLACE_IMAGE")),
        ),
        ("variable-left", change("ConfigMap", "config", lambda d: set_json(d, a="x-$(agent)"))),
        (
            "variable-left",
            change("Service", "webhook-service", lambda d: d["spec"].update(x="$(y)")),
        ),
        (
            "foreign-namespace",
            change("ConfigMap", "config", lambda d: d["metadata"].update(namespace="kserve")),
        ),
        (
            "foreign-namespace",
            change("ConfigMap", "config", lambda d: d["metadata"].pop("namespace")),
        ),
        (
            "foreign-namespace",
            change("ConfigMap", "config", lambda d: set_json(d, jobNamespace="opendatahub")),
        ),
        ("foreign-namespace", [*right(), make("Namespace", "opendatahub")]),
        (
            "foreign-namespace",
            [
                *right(),
                make_ours(
                    "RoleBinding",
                    "b",
                    api=RBAC,
                    subjects=[{"kind": "ServiceAccount", "name": "a", "namespace": "kserve"}],
                ),
            ],
        ),
        (
            "foreign-namespace",
            change(
                "ValidatingWebhookConfiguration",
                "hook",
                lambda d: d["webhooks"][0]["clientConfig"]["service"].update(namespace="elsewhere"),
            ),
        ),
        (
            "foreign-namespace",
            change(
                "CustomResourceDefinition",
                "servingruntimes.serving.kserve.io",
                lambda d: d["spec"]["conversion"]["webhook"]["clientConfig"]["service"].update(
                    namespace="kserve"
                ),
            ),
        ),
        ("unknown-api", [*right(), make_ours("VirtualService", "v", api="networking.istio.io/v1")]),
        (
            "no-ca",
            change(
                "ValidatingWebhookConfiguration",
                "hook",
                lambda d: d["metadata"].pop("annotations"),
            ),
        ),
        (
            "no-certificate",
            change("Service", "webhook-service", lambda d: d["metadata"].pop("annotations")),
        ),
        ("no-service", [obj for obj in right() if obj.kind != "Service"]),
        ("duplicate", [*right(), make("ClusterRole", "role", api=RBAC)]),
    ],
)
def test_each_finding_has_its_cause(check_id: str, objects: list[KubeObject]) -> None:
    assert set(ids(objects)) - {"release-info"} == {check_id}


def test_images_that_are_used_and_listed_are_the_same() -> None:
    assert ids(right(), infos("a")) == ["release-info"]
    assert ids(right(), infos("a", "b", "c")) == ["release-info"]
    assert ids(right(), {"one": infos("a")["info.json"], "two": infos("b")["info.json"]}) == []


def test_images_in_a_release_info_are_pinned() -> None:
    floating = {"images": {"a": pinned("a"), "b": pinned("b"), "c": "quay.io/x/c:1"}}
    data = json.dumps({"release": {"base": "1"}, **floating}).encode()
    (found,) = check([RenderedDirectory("assets/x", tuple(right()))], {"info.json": data})
    assert (found.id, found.where) == ("image-not-pinned", "release/info.json: c")


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"release": {"base": 1}, "images": {}}', "\xff"]
)
def test_a_release_info_that_is_none(text: str) -> None:
    (found,) = check(
        [RenderedDirectory("assets/x", tuple(right()))], {"info.json": text.encode("latin-1")}
    )
    assert (found.id, found.where) == ("release-info", "release/info.json")


def test_what_is_waived_is_not_refused() -> None:
    found = [Finding("a", "x[0]", "is wrong"), Finding("a", "y", "too")]
    waivers = (Waiver("a", "known", "x[0]"), Waiver("a", "known", "z"), Waiver("b", "other id"))
    with pytest.raises(CheckError, match="1 finding;") as caught:
        refuse(found, waivers)
    assert caught.value.details == ("a: y: too",)
    assert "check --explain ID" in caught.value.hint
    sifted = refuse(found, (*waivers, Waiver("a", "all of them")))
    assert [waiver.reason for _, waiver in sifted.waived] == ["known", "all of them"]
    assert sifted.unused == waivers[1:]


def test_a_finding_says_where() -> None:
    objects = change("ConfigMap", "config", lambda d: set_json(d, jobNamespace="kserve"))
    (finding,) = check([RenderedDirectory("assets/x", tuple(objects))], RIGHT_INFOS)
    assert str(finding) == (
        "foreign-namespace: assets/x: ConfigMap config: data.a.jobNamespace: says kserve"
    )


def test_crds_that_another_part_brings_are_known() -> None:
    objects = right()
    crd = find(objects, "CustomResourceDefinition", "servingruntimes.serving.kserve.io")
    part = RenderedDirectory("assets/x", tuple(obj for obj in objects if obj is not crd))
    assert {finding.id for finding in check([part], RIGHT_INFOS)} == {"unknown-api"}
    needed = [RenderedDirectory("assets/y", (crd,))]
    assert check([part], RIGHT_INFOS, needed) == []


def test_an_object_of_a_needed_part_ships_once() -> None:
    part = RenderedDirectory("assets/x", tuple(right()))
    needed = [RenderedDirectory("assets/y", (make("ClusterRole", "role", api=RBAC),))]
    assert [finding.id for finding in check([part], RIGHT_INFOS, needed)] == ["duplicate"]


def test_cluster_scoped_objects_need_no_namespace() -> None:
    objects = [
        *right(),
        make_crd("Cached", "example.com", scope="Cluster"),
        make("Cached", "c", api="example.com/v1"),
    ]
    assert ids(objects) == []


def test_all_findings_are_refused_at_once() -> None:
    refuse([])
    with pytest.raises(CheckError, match="2 findings; nothing was written") as caught:
        refuse([Finding("a", "here", "is wrong"), Finding("b", "there", "too")])
    assert caught.value.details == ("a: here: is wrong", "b: there: too")


# Rendering


def test_directories_are_rendered_as_a_device_would(tmp_path: Path) -> None:
    script = '#!/bin/sh\ncat "$2"/*.yaml\n'
    tool = Kustomize(executable(tmp_path, "kustomize", script), "v5.8.1")
    write_tree(
        tmp_path,
        {
            f"new/{name}/a.yaml": yamlfile.dump(make("Service", name).data)
            for name in ("one", "two")
        },
    )
    found = render_directories(tmp_path / "new", ["one", "two"], tool.build, {})
    assert [(part.directory, str(part.objects[0])) for part in found] == [
        ("one", "Service one"),
        ("two", "Service two"),
    ]


PRINTS = '#!/bin/sh\ncat "$2"/*.yaml\n'


def test_a_directory_that_does_not_render_is_told_without_our_paths(tmp_path: Path) -> None:
    script = '#!/bin/sh\necho "Error: $2/a.yaml is missing" >&2\nexit 1\n'
    tool = Kustomize(executable(tmp_path, "kustomize", script), "v5.8.1")
    (found,) = check_tree(tmp_path, {("assets/x",): RIGHT_INFOS}, tool.build).findings
    assert str(found) == (
        "render: assets/x: kustomize cannot render it: Error: assets/x/a.yaml is missing"
    )


def test_one_that_does_not_render_keeps_others_from_no_check_of_their_own(tmp_path: Path) -> None:
    """What is beside an object is not known then, but the object is."""
    objects = change("Deployment", "manager", lambda d: container(d).update(image="a:latest"))
    lonely = [obj for obj in objects if obj.kind != "Service"]
    text = "---\n".join(yamlfile.dump(obj.data) for obj in lonely)
    write_tree(tmp_path, {"assets/x/a.yaml": text, "assets/y/a.txt": ""})
    tool = Kustomize(executable(tmp_path, "kustomize", PRINTS), "v5.8.1")
    found = check_tree(tmp_path, {("assets/x", "assets/y"): RIGHT_INFOS}, tool.build).findings
    assert sorted(finding.id for finding in found) == ["image-not-pinned", "render"]


def test_documents_that_are_no_objects_are_told_one_by_one(tmp_path: Path) -> None:
    text = "kind: A\n---\n" + "---\n".join(yamlfile.dump(obj.data) for obj in right())
    text += "---\napiVersion: v1\nkind: B\nmetadata: {name: b, annotations: [1]}\n"
    write_tree(tmp_path, {"assets/x/a.yaml": text})
    tool = Kustomize(executable(tmp_path, "kustomize", PRINTS), "v5.8.1")
    checked = check_tree(tmp_path, {("assets/x",): RIGHT_INFOS}, tool.build)
    assert [str(finding) for finding in checked.findings] == [
        "malformed: assets/x: the render holds something that is no Kubernetes object",
        "malformed: assets/x: B b is malformed: metadata.annotations is not a mapping of strings",
    ]
    assert len(checked.rendered["assets/x"].objects) == len(right())


def test_the_core_is_there_for_other_parts_and_not_the_other_way_round(tmp_path: Path) -> None:
    objects = right()
    crd = find(objects, "CustomResourceDefinition", "servingruntimes.serving.kserve.io")
    crd.data["spec"].pop("conversion")
    rest = "---\n".join(yamlfile.dump(obj.data) for obj in objects if obj is not crd)
    tool = Kustomize(executable(tmp_path, "kustomize", PRINTS), "v5.8.1")
    both: Parts = {("assets/kserve",): infos(), ("assets/llm-d",): RIGHT_INFOS}
    write_tree(tmp_path, {"assets/kserve/a.yaml": yamlfile.dump(crd.data)})
    write_tree(tmp_path, {"assets/llm-d/a.yaml": rest})
    assert check_tree(tmp_path, both, tool.build).findings == ()
    swapped: Parts = {("assets/kserve",): RIGHT_INFOS, ("assets/llm-d",): infos()}
    write_tree(tmp_path, {"assets/llm-d/a.yaml": yamlfile.dump(crd.data)})
    write_tree(tmp_path, {"assets/kserve/a.yaml": rest})
    assert {f.id for f in check_tree(tmp_path, swapped, tool.build).findings} == {"unknown-api"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("metadata: {name: x}\n", "malformed"),
        ("just text\n", "malformed"),
        ("a: [\n", "malformed"),
        ("{apiVersion: v1, kind: Namespace, metadata: {name: x}}\n", "deletes-users"),
        ("{apiVersion: x.example.com/v1, kind: X, metadata: {name: x}}\n", "deletes-custom"),
        ("{apiVersion: v1, kind: ServiceAccount, metadata: {name: x}}\n", ""),
    ],
)
def test_what_is_deleted_is_looked_at_as_people_write_it(
    tmp_path: Path, text: str, told: str
) -> None:
    write_tree(tmp_path, {"assets/delete/kustomization.yaml": text})
    tool = Kustomize(executable(tmp_path, "kustomize", PRINTS), "v5.8.1")
    found = check_tree(tmp_path, {}, tool.build).findings
    assert [finding.id for finding in found] == ([told] if told else [])


def test_checks_know_the_small_world() -> None:
    cluster = checks.Cluster(right())
    assert "serving.kserve.io" in cluster.groups
    assert list(cluster.services) == ["webhook-service"]
