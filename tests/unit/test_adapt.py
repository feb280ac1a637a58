"""What MicroShift wants changed, each step on small objects, and all of them twice."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebase import yamlfile
from rebase.adapt import apis, certificates, configuration, namespaces, parameters
from rebase.adapt.context import Context
from rebase.adapt.steps import STEPS, adapt
from rebase.adapt.twins import leave_out_twins
from rebase.adapt.webhooks import NAMESPACE_LABEL, spare_own_namespace
from rebase.adapt.workloads import keep_selectors, pull_images_only_if_absent
from rebase.errors import AdaptError
from rebase.model import NAMESPACE
from rebase.objects import KubeObject
from rebase.params import Param
from unit.helpers import find, make, make_crd, make_deployment, make_ours, make_webhook, pinned

RBAC = "rbac.authorization.k8s.io/v1"
CONFIG: dict[str, dict[str, Any]] = {
    "deploy": {"defaultDeploymentMode": "Serverless"},
    "ingress": {"disableIngressCreation": False, "disableIstioVirtualHost": False, "x": 1},
    "service": {"serviceClusterIPNone": False},
    "storageInitializer": {"image": pinned("storage-initializer")},
    "agent": {"image": pinned("agent")},
    "localModel": {
        "jobNamespace": "kserve",
        "defaultJobImage": "kserve/storage-initializer:latest",
        "localModelAgentImage": "REPLACE_IMAGE",
    },
    "openshiftConfig": {"modelcachePermissionFixImage": "REPLACE_IMAGE"},
}


def config(**sections: object) -> KubeObject:
    """The configuration; a section that is None is left out, a string is written as it is."""
    data = {
        name: section if isinstance(section, str) else json.dumps(section)
        for name, section in {**CONFIG, **sections}.items()
        if section is not None
    }
    return make("ConfigMap", configuration.NAME, data={**data, "_example": "# deploy: |-\n#  {}\n"})


def section(objects: list[KubeObject], name: str) -> Any:
    return json.loads(find(objects, "ConfigMap", configuration.NAME).data["data"][name])


def binding(name: str, *subjects: tuple[str, str], kind: str = "ClusterRoleBinding") -> KubeObject:
    return make(
        kind,
        name,
        api=RBAC,
        roleRef={"kind": "ClusterRole", "name": name},
        subjects=[
            {"kind": "ServiceAccount", "name": account, "namespace": namespace}
            if namespace
            else {"kind": "ServiceAccount", "name": account}
            for account, namespace in subjects
        ],
    )


def left_out(context: Context) -> dict[str, str]:
    return {one.what: one.reason for one in context.left_out}


# APIs


@pytest.mark.parametrize(
    "api",
    [
        "cert-manager.io/v1",
        "networking.istio.io/v1",
        "security.istio.io/v1",
        "serving.knative.dev/v1",
        "monitoring.coreos.com/v1",
        "template.openshift.io/v1",
        "console.openshift.io/v1",
        "datasciencecluster.opendatahub.io/v1",
    ],
)
def test_objects_of_apis_that_microshift_has_not_go(api: str) -> None:
    objects, context = [make("A", "a", api=api), make("Service", "b")], Context()
    apis.leave_out_foreign_apis(objects, context)
    assert [str(obj) for obj in objects] == ["Service b"]
    assert api.partition("/")[0] in left_out(context)["A a"]


@pytest.mark.parametrize(
    "api",
    [
        "v1",
        "route.openshift.io/v1",
        "security.openshift.io/v1",
        "apps/v1",
        "nobody.knows.this/v1",
        "notistio.io/v1",
    ],
)
def test_the_rest_stays(api: str) -> None:
    objects, context = [make("A", "a", api=api)], Context()
    apis.leave_out_foreign_apis(objects, context)
    assert len(objects) == 1
    assert context.left_out == []


def test_an_api_that_comes_with_its_crd_stays() -> None:
    objects = [make_crd("A", "a.istio.io"), make("A", "a", api="a.istio.io/v1")]
    apis.leave_out_foreign_apis(objects, Context())
    assert len(objects) == 2


# Twins


def llm_config(name: str, image: str, kind: str = "LLMInferenceServiceConfig") -> KubeObject:
    spec = {"template": {"containers": [{"image": image}], "args": "a  b\n"}}
    return make(kind, name, api="serving.kserve.io/v1alpha1", spec=spec)


def test_a_twin_is_the_same_spec_under_a_longer_name() -> None:
    stable, fast, faster = (Param("kserve", "p", key, "", True) for key in ("s", "f1", "f2"))
    images = {stable.marker: "same", fast.marker: "same", faster.marker: "newer"}

    def marked(param: Param) -> str:
        return f"quay.io/example/x@sha256:{param.marker}"

    objects = [
        llm_config("a-fast-1", marked(fast)),
        llm_config("a", marked(stable)),
        llm_config("a-fast-2", marked(faster)),
        llm_config("ab", marked(stable)),
        llm_config("a-other-kind", marked(stable), kind="Other"),
    ]
    context = Context(images=images)
    leave_out_twins(objects, context)
    assert [obj.name for obj in objects] == ["a", "a-fast-2", "ab", "a-other-kind"]
    assert left_out(context) == {"LLMInferenceServiceConfig a-fast-1": "twin: the same image as a"}


def test_kubernetes_own_objects_have_no_twins() -> None:
    objects = [
        make("NetworkPolicy", name, api="networking.k8s.io/v1", spec={"podSelector": {}})
        for name in ("a", "a-b")
    ] + [make("Service", name, spec={"ports": []}) for name in ("a", "a-b")]
    leave_out_twins(objects, Context())
    assert len(objects) == 4


# Namespaces


@pytest.mark.parametrize("name", ["opendatahub", "kserve", NAMESPACE])
def test_there_is_one_namespace_and_it_is_ours(name: str) -> None:
    objects = [make("Service", "a"), make("Namespace", name, metadata={"labels": {"a": "b"}})]
    namespaces.replace_namespace_object(objects, Context())
    assert [str(obj) for obj in objects] == [f"Namespace {NAMESPACE}", "Service a"]
    assert objects[0].metadata == {"name": NAMESPACE}


def test_a_namespace_that_is_missing_is_added() -> None:
    objects: list[KubeObject] = []
    namespaces.replace_namespace_object(objects, Context())
    assert [str(obj) for obj in objects] == [f"Namespace {NAMESPACE}"]


def test_objects_follow_and_cluster_scoped_ones_have_none() -> None:
    objects = [
        make("Service", "a", namespace="opendatahub"),
        make("Service", "b"),
        make("ClusterRole", "c", api=RBAC, namespace="kserve"),
        make_crd("Cached", "example.com", scope="Cluster"),
        make("Cached", "d", api="example.com/v1", namespace="kserve"),
        make("Thing", "e", api="example.com/v1"),
    ]
    namespaces.follow_namespace(objects, Context())
    assert [obj.namespace for obj in objects] == [NAMESPACE, NAMESPACE, "", "", "", NAMESPACE]


def test_subjects_follow_once_each() -> None:
    objects = [
        make("ServiceAccount", "ours"),
        binding("a", ("ours", "kserve"), ("ours", "opendatahub"), ("ours", "")),
        binding("b", ("prometheus-k8s", "openshift-monitoring"), ("gone", "system")),
        binding("c", ("ours", "elsewhere"), kind="RoleBinding"),
        binding("d"),
    ]
    objects[1].data["subjects"].append({"kind": "Group", "name": "ours", "namespace": "kserve"})
    namespaces.follow_namespace(objects, Context())
    found = [
        [(one["kind"], one["name"], one["namespace"]) for one in obj.data["subjects"]]
        for obj in objects[1:]
    ]
    account = ("ServiceAccount", "ours", NAMESPACE)
    assert found == [
        [account, ("Group", "ours", "kserve")],
        [
            ("ServiceAccount", "prometheus-k8s", "openshift-monitoring"),
            ("ServiceAccount", "gone", NAMESPACE),
        ],
        [account],
        [],
    ]


def test_webhooks_and_conversions_follow() -> None:
    service = {"name": "webhook-service", "namespace": "system"}
    objects = [make_webhook("a", namespace="$(kserveNamespace)"), make_crd("A", "e.io")]
    objects.append(make_crd("B", "e.io", service=service))
    namespaces.follow_namespace(objects, Context())
    found = [one["namespace"] for obj in objects for one in namespaces.referenced_services(obj)]
    assert found == [NAMESPACE, NAMESPACE]


def test_namespaces_in_json_follow() -> None:
    """3.4's localModel.jobNamespace."""
    text = {
        "jobNamespace": "kserve",
        "nested": {"namespace": "opendatahub"},
        "list": [{"namespace": "kserve"}, [{"namespace": "system"}], "kserve"],
        "other": {"namespace": "istio-system"},
        "name": "kserve",
    }
    untouched = '{"name":   "kserve"}'
    objects = [make("ConfigMap", "a", data={"json": json.dumps(text), "x": untouched, "y": "{"})]
    namespaces.follow_namespace(objects, Context())
    assert json.loads(objects[0].data["data"]["json"]) == {
        "jobNamespace": NAMESPACE,
        "nested": {"namespace": NAMESPACE},
        "list": [{"namespace": NAMESPACE}, [{"namespace": NAMESPACE}], "kserve"],
        "other": {"namespace": "istio-system"},
        "name": "kserve",
    }
    assert objects[0].data["data"]["x"] == untouched
    assert objects[0].data["data"]["y"] == "{"


# Configuration


def test_settings_are_what_microshift_needs() -> None:
    objects = [config()]
    configuration.set_microshift_settings(objects, Context())
    assert section(objects, "deploy") == {"defaultDeploymentMode": "RawDeployment"}
    assert section(objects, "ingress") == {
        "disableIngressCreation": True,
        "disableIstioVirtualHost": True,
        "x": 1,
    }
    assert section(objects, "service") == {"serviceClusterIPNone": True}
    assert section(objects, "agent") == CONFIG["agent"]


def test_a_section_reads_like_the_guide_edits_it() -> None:
    objects = [config()]
    configuration.set_microshift_settings(objects, Context())
    text = objects[0].data["data"]["ingress"]
    assert '\n  "disableIngressCreation": true,\n' in text


def test_all_missing_settings_are_told_at_once() -> None:
    objects = [config(deploy=None, ingress={"x": 1}, service={"y": 2})]
    with pytest.raises(AdaptError, match="settings to change are not there") as caught:
        configuration.set_microshift_settings(objects, Context())
    assert caught.value.details == (
        "data.deploy is missing",
        "data.ingress has no disableIngressCreation",
        "data.ingress has no disableIstioVirtualHost",
        "data.service has no serviceClusterIPNone",
    )
    assert "configuration.py" in caught.value.hint


def test_versions_without_service_section_are_fine() -> None:
    objects = [config(service=None)]
    configuration.set_microshift_settings(objects, Context())
    assert "service" not in objects[0].data["data"]


@pytest.mark.parametrize("text", ["{broken", "[]", '"text"', ""])
def test_a_section_that_is_no_json_object_is_told(text: str) -> None:
    with pytest.raises(AdaptError, match=r"data\.deploy is not"):
        configuration.set_microshift_settings([config(deploy=text)], Context())


def test_without_configuration() -> None:
    for step in (configuration.set_microshift_settings, configuration.pin_leftover_images):
        with pytest.raises(AdaptError, match="has no ConfigMap inferenceservice-config"):
            step([make("ConfigMap", "other", data={})], Context())


def test_leftover_images_are_pinned_or_go() -> None:
    objects, context = [config()], Context()
    configuration.pin_leftover_images(objects, context)
    assert section(objects, "localModel") == {
        "jobNamespace": "kserve",
        "defaultJobImage": pinned("storage-initializer"),
    }
    assert section(objects, "openshiftConfig") == {"modelcachePermissionFixImage": pinned("agent")}
    (what,) = left_out(context)
    assert what.endswith("data.localModel.localModelAgentImage")


def test_images_that_are_pinned_already_stay() -> None:
    own = {"defaultJobImage": pinned("job"), "localModelAgentImage": pinned("local")}
    objects, context = [config(localModel=own, openshiftConfig=None)], Context()
    configuration.pin_leftover_images(objects, context)
    assert section(objects, "localModel") == own
    assert context.left_out == []


@pytest.mark.parametrize("missing", [None, {}])
def test_an_image_to_take_must_be_there(missing: object) -> None:
    with pytest.raises(AdaptError, match=r"data\.storageInitializer has no image for"):
        configuration.pin_leftover_images([config(storageInitializer=missing)], Context())


def test_making_it_readable_changes_no_value() -> None:
    texts = {
        "json": '{"b":1,"a":{"c":[1,"ü"]}}',
        "_example": "# {}\n",
        "version": "1.10",
        "flag": "true",
        "number": "1e3",
        "text": '"quoted"',
    }
    obj = make("ConfigMap", configuration.NAME, data=dict(texts))
    configuration.make_readable(obj)
    assert obj.data["data"] == {
        **texts,
        "json": '{\n  "b": 1,\n  "a": {\n    "c": [\n      1,\n      "ü"\n    ]\n  }\n}',
    }


# Certificates


def served(*secrets: str, service: str = "webhook-service") -> list[KubeObject]:
    """A Service and the Deployment behind it."""
    volumes = [{"name": s, "secret": {"secretName": s}} for s in secrets]
    return [
        make("Service", service, spec={"selector": {"app": "manager"}}),
        make_deployment("manager", volumes=[*volumes, {"name": "tmp", "emptyDir": {}}]),
    ]


def test_what_calls_a_service_gets_its_ca_from_service_ca() -> None:
    hook = make_webhook("a")
    hook.annotate("cert-manager.io/inject-ca-from", "kserve/cert")
    crd = make_crd("A", "e.io", service={"name": "webhook-service", "namespace": NAMESPACE})
    plain = make_crd("B", "e.io")
    objects = [hook, crd, plain, *served("cert")]
    certificates.take_certificates_from_service_ca(objects, Context())
    for obj in (hook, crd):
        assert obj.annotations == {certificates.INJECT_CABUNDLE: "true"}
        assert "caBundle" not in json.dumps(obj.data)
    assert certificates.INJECT_CABUNDLE not in plain.annotations
    assert objects[3].annotations == {certificates.SERVING_CERT: "cert"}


def test_a_service_that_names_its_secret_keeps_it() -> None:
    objects = [make_webhook("a"), *served("cert", "other")]
    objects[1].annotate(certificates.SERVING_CERT, "own")
    certificates.take_certificates_from_service_ca(objects, Context())
    assert objects[1].annotations[certificates.SERVING_CERT] == "own"


@pytest.mark.parametrize("secrets", [(), ("cert", "other")])
def test_a_secret_that_cannot_be_told_is_an_error(secrets: tuple[str, ...]) -> None:
    with pytest.raises(AdaptError, match=r"Service webhook-service has no .*exactly one"):
        certificates.take_certificates_from_service_ca(
            [make_webhook("a"), *served(*secrets)], Context()
        )


def test_a_service_that_is_not_there_is_an_error() -> None:
    with pytest.raises(AdaptError, match="calls the Service webhook-service, which is not"):
        certificates.take_certificates_from_service_ca([make_webhook("a")], Context())


# Webhooks


def selector(obj: KubeObject) -> Any:
    return obj.data["webhooks"][0].get("namespaceSelector")


OURS = {"key": NAMESPACE_LABEL, "operator": "NotIn", "values": [NAMESPACE]}
OTHERS = {"key": "a", "operator": "Exists"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, {"matchExpressions": [OURS]}),
        ({}, {"matchExpressions": [OURS]}),
        (
            {"matchExpressions": [OTHERS], "matchLabels": {"b": "c"}},
            {"matchExpressions": [OTHERS, OURS], "matchLabels": {"b": "c"}},
        ),
        ({"matchExpressions": [OURS]}, {"matchExpressions": [OURS]}),
    ],
)
def test_webhooks_of_kinds_that_ship_leave_our_namespace_out(before: Any, after: Any) -> None:
    crd = make_crd("ServingRuntime", "serving.kserve.io")
    hook = make_webhook("a", **({} if before is None else {"namespaceSelector": before}))
    context = Context(shipped_elsewhere=frozenset({("serving.kserve.io", "ServingRuntime")}))
    spare_own_namespace([crd, hook], context)
    assert selector(hook) == after


def test_objects_beside_it_count_and_subresources_too() -> None:
    crd = make_crd("ServingRuntime", "serving.kserve.io")
    hook = make_webhook("a", resource="servingruntimes/status")
    spare_own_namespace(
        [crd, hook, make("ServingRuntime", "r", api="serving.kserve.io/v1")], Context()
    )
    assert selector(hook) == {"matchExpressions": [OURS]}


@pytest.mark.parametrize(
    ("group", "resource"),
    [("serving.kserve.io", "*"), ("*", "servingruntimes"), ("*", "*/*")],
)
def test_a_webhook_for_everything_is_one_for_them(group: str, resource: str) -> None:
    crd = make_crd("ServingRuntime", "serving.kserve.io")
    hook = make_webhook("a", group=group, resource=resource)
    context = Context(shipped_elsewhere=frozenset({("serving.kserve.io", "ServingRuntime")}))
    spare_own_namespace([crd, hook], context)
    assert selector(hook) == {"matchExpressions": [OURS]}


@pytest.mark.parametrize(
    ("group", "resource"),
    [("serving.kserve.io", "inferenceservices"), ("example.com", "servingruntimes"), ("", "pods")],
)
def test_webhooks_of_the_users_kinds_keep_seeing_everything(group: str, resource: str) -> None:
    crds = [
        make_crd("ServingRuntime", "serving.kserve.io"),
        make_crd("InferenceService", "serving.kserve.io"),
    ]
    hook = make_webhook("a", group=group, resource=resource)
    context = Context(shipped_elsewhere=frozenset({("serving.kserve.io", "ServingRuntime")}))
    spare_own_namespace([*crds, hook, make("Pod", "p")], context)
    assert selector(hook) is None


# Workloads


def test_images_are_pulled_only_if_absent() -> None:
    init = {"name": "i", "image": pinned("i"), "imagePullPolicy": "Always"}
    objects = [make_deployment("a", initContainers=[init]), make("ConfigMap", "b", data={})]
    pull_images_only_if_absent(objects, Context())
    pod = objects[0].data["spec"]["template"]["spec"]
    policies = {c["imagePullPolicy"] for c in pod["containers"] + pod["initContainers"]}
    assert policies == {"IfNotPresent"}


# Parameters


def test_only_images_in_use_stay_in_the_params_config_map() -> None:
    used, unused = (Param("kserve", "p", key, "", True) for key in ("used", "unused"))
    text = {one.key: f"quay.io/example/x@sha256:{one.marker}" for one in (used, unused)}
    objects = [
        make("ConfigMap", "params", data={**text, "state": "managed"}),
        make("ConfigMap", "other", data={**text, "used": ""}),
        make_deployment("a", image=text["used"]),
    ]
    objects[1].data["data"] = {"x": "no marker"}
    context = Context(parameters=frozenset({"params"}))
    parameters.keep_used_parameters(objects, context)
    assert objects[0].data["data"] == {"used": text["used"], "state": "managed"}
    (what,) = left_out(context)
    assert "unused" in what


def test_another_params_config_map_is_no_use() -> None:
    one = Param("kserve", "p", "a", "", True)
    data = {"a": f"quay.io/example/x@sha256:{one.marker}"}
    objects = [make("ConfigMap", name, data=dict(data)) for name in ("p1", "p2")]
    parameters.keep_used_parameters(objects, Context(parameters=frozenset({"p1", "p2"})))
    assert [obj.data["data"] for obj in objects] == [{}, {}]


# All together

NAMESPACES = st.sampled_from(["", "kserve", "opendatahub", "system", NAMESPACE, "other"])


@st.composite
def worlds(draw: st.DrawFn) -> list[KubeObject]:
    """Small renders in which every step has something to do, or not."""
    base = [
        config(service=draw(st.sampled_from([None, CONFIG["service"]]))),
        *served("cert"),
        make("ServiceAccount", "manager", namespace=draw(NAMESPACES)),
    ]
    service = {"name": "webhook-service", "namespace": draw(NAMESPACES)}
    more = [
        make("Namespace", "opendatahub"),
        make("Namespace", NAMESPACE),
        make("Certificate", "cert", api="cert-manager.io/v1", spec={}),
        make_webhook("hook", namespace=draw(NAMESPACES)),
        make_webhook("pods", group="", resource="pods", namespaceSelector={}),
        make_crd("ServingRuntime", "serving.kserve.io", service=service),
        make_crd("Cached", "serving.kserve.io", scope="Cluster"),
        make("Cached", "c", api="serving.kserve.io/v1", namespace=draw(NAMESPACES), spec={}),
        make("ServingRuntime", "r", api="serving.kserve.io/v1", spec={"a": 1}),
        make("ServingRuntime", "r-fast", api="serving.kserve.io/v1", spec={"a": 1}),
        binding("b", ("manager", draw(NAMESPACES)), ("manager", draw(NAMESPACES))),
        make("ConfigMap", "json", data={"a": '{"namespace": "kserve"}'}),
    ]
    chosen = draw(st.lists(st.sampled_from(range(len(more))), unique=True))
    objects = base + [more[index] for index in chosen]
    return draw(st.permutations(objects))


@given(worlds())
def test_all_steps_a_second_time_change_nothing(objects: list[KubeObject]) -> None:
    once = adapt(objects, Context())
    first = copy.deepcopy([obj.data for obj in once])
    context = Context()
    again = adapt(once, context)
    assert [obj.data for obj in again] == [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        *[data for data in first if data["kind"] != "Namespace"],
    ]
    assert not [one for one in context.left_out if "Namespace" not in one.what]


@given(worlds())
def test_the_order_of_objects_does_not_matter(objects: list[KubeObject]) -> None:
    def data(some: list[KubeObject]) -> list[str]:
        return sorted(json.dumps(obj.data) for obj in some)

    backwards = copy.deepcopy(objects[::-1])
    assert data(adapt(objects, Context())) == data(adapt(backwards, Context()))


def test_each_step_is_a_function_with_a_reason() -> None:
    assert len(set(STEPS)) == len(STEPS)
    assert all(step.__doc__ for step in STEPS)


# Selectors


def deployment(name: str, selector: dict[str, str], labels: dict[str, str]) -> KubeObject:
    spec = {
        "selector": {"matchLabels": selector},
        "template": {"metadata": {"labels": labels}, "spec": {}},
    }
    return make_ours("Deployment", name, api="apps/v1", spec=spec)


def test_a_selector_that_devices_have_is_kept_and_pods_have_what_it_asks_for() -> None:
    new = deployment("a", {"app": "a"}, {"app": "a", "name": "x"})
    context = Context(selectors={new.identity: {"app": "a", "part-of": "b"}})
    keep_selectors([new], context)
    assert new.selector == {"app": "a", "part-of": "b"}
    assert new.data["spec"]["template"]["metadata"]["labels"] == {
        "app": "a",
        "name": "x",
        "part-of": "b",
    }


def test_a_selector_that_asks_for_less_is_kept_too() -> None:
    new = deployment("a", {"app": "a", "more": "m"}, {"app": "a", "more": "m"})
    keep_selectors([new], Context(selectors={new.identity: {"app": "a"}}))
    assert new.selector == {"app": "a"}


def test_kserves_selector_is_what_it_was_up_to_3_3_even_without_a_record() -> None:
    short = {"control-plane": "kserve-controller-manager", "controller-tools.k8s.io": "1.0"}
    new = deployment("kserve-controller-manager", short, dict(short))
    keep_selectors([new], Context())
    assert new.selector == {**short, "app.kubernetes.io/part-of": "kserve"}


def test_new_workloads_and_other_kinds_keep_what_they_say() -> None:
    new = deployment("a", {"app": "a"}, {"app": "a"})
    service = make_ours("Service", "a", spec={"selector": {"app": "a"}})
    objects = [new, service]
    before = [yamlfile.dump(obj.data) for obj in objects]
    keep_selectors(objects, Context())
    assert [yamlfile.dump(obj.data) for obj in objects] == before


def test_pods_that_cannot_have_the_old_labels_are_an_error() -> None:
    new = deployment("a", {"app": "new"}, {"app": "new"})
    with pytest.raises(AdaptError, match="selector app=old, which cannot change") as caught:
        keep_selectors([new], Context(selectors={new.identity: {"app": "old"}}))
    assert "its pods are app=new now" in caught.value.message
