"""What ships, seen from a device: checks of our own (domain.md §4) on what kustomize renders."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from integration.support.surroundings import NAMESPACE, VERSIONS, kustomize
from integration.support.trees import Object, Tree, group, parse, render, settings, title

PINNED = re.compile(r"[a-z0-9.-]+(:\d+)?/[a-z0-9._/-]+@sha256:[0-9a-f]{64}")
# What is an image reference wherever it stands: a path with a tag or a digest, or one of a
# registry that images come from.
IMAGE = re.compile(
    r"[a-z0-9][a-z0-9.-]*(:\d+)?(/[a-z0-9][a-z0-9._-]*)+(:[A-Za-z_][\w.-]*|@sha256:\w+)"
    r"|(quay\.io|registry\.redhat\.io|docker\.io|ghcr\.io|gcr\.io)/\S+"
)
APIS = {
    *("", "apps", "batch", "autoscaling", "policy"),
    *("admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io"),
    *("networking.k8s.io", "rbac.authorization.k8s.io", "scheduling.k8s.io", "storage.k8s.io"),
    *("route.openshift.io", "security.openshift.io"),
}
NOT_ON_MICROSHIFT = re.compile(
    r"cert-manager\.io|istio\.io|knative\.dev|monitoring\.coreos\.com|template\.openshift\.io|"
    r"opendatahub\.io|console\.openshift\.io"
)
CLUSTER_SCOPED = {
    *("Namespace", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"),
    *("SecurityContextConstraints", "PriorityClass", "StorageClass", "APIService"),
    *("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"),
}
INJECT_CABUNDLE = "service.beta.openshift.io/inject-cabundle"
SERVING_CERT = "service.beta.openshift.io/serving-cert-secret-name"
OUR_NAMESPACE_LEFT_OUT = {
    "key": "kubernetes.io/metadata.name",
    "operator": "NotIn",
    "values": [NAMESPACE],
}


@pytest.fixture(scope="module", params=[*VERSIONS, "demo"])
def tree(request: pytest.FixtureRequest, rebased: Callable[[str], Tree]) -> Tree:
    """The tree of each version, and of the demo, which is always there."""
    if request.param == "demo":
        demo: Tree = request.getfixturevalue("demo_tree")
        return demo
    return rebased(request.param)


def annotations(obj: Object) -> dict[str, str]:
    return dict(obj["metadata"].get("annotations") or {})


def webhooks(tree: Tree) -> Iterator[tuple[Object, dict[str, Any]]]:
    """(configuration, webhook) pairs."""
    for obj in tree.of_kind("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        for webhook in obj["webhooks"]:
            yield obj, webhook


def called_services(tree: Tree) -> Iterator[tuple[Object, dict[str, Any]]]:
    """(caller, service reference) of webhooks, and of CRDs that are converted."""
    for obj, webhook in webhooks(tree):
        yield obj, webhook["clientConfig"]["service"]
    for crd in tree.of_kind("CustomResourceDefinition"):
        conversion = crd["spec"].get("conversion", {})
        if conversion.get("strategy") == "Webhook":
            yield crd, conversion["webhook"]["clientConfig"]["service"]


def configuration(tree: Tree) -> Object:
    return tree.one("ConfigMap", "inferenceservice-config")


def section(tree: Tree, name: str) -> dict[str, Any]:
    return dict(json.loads(configuration(tree)["data"][name]))


@pytest.mark.parametrize("older", ["5.5.0", "5.7.1"])
def test_every_kustomize_renders_the_same_objects(tree: Tree, older: str) -> None:
    for directory in tree.directories:
        assert tree.rendered[directory]
        text = tree.render(directory, older)
        if text != tree.render(directory):
            assert parse(text) == tree.rendered[directory], directory


def test_every_image_is_pinned(tree: Tree) -> None:
    unpinned = [
        f"{title(obj)}: {place}: {value}"
        for obj in tree.objects
        for place, value in settings(obj)
        if isinstance(value, str)
        and (
            IMAGE.fullmatch(value) or (str(place[-1]).lower().endswith("image")) or "IMAGE" in value
        )
        and not PINNED.fullmatch(value)
    ]
    assert not unpinned


def test_no_variable_of_kustomize_is_left(tree: Tree) -> None:
    left = [
        f"{title(obj)}: {place}: {value}"
        for obj in tree.objects
        for place, value in settings(obj)
        if isinstance(value, str)
        and "$(" in value
        and not {"args", "command", "env"} & set(place)  # Kubernetes' own, and scripts
    ]
    assert not left


def test_everything_is_in_our_namespace(tree: Tree) -> None:
    cluster_scoped = CLUSTER_SCOPED | {
        crd["spec"]["names"]["kind"]
        for crd in tree.of_kind("CustomResourceDefinition")
        if crd["spec"]["scope"] == "Cluster"
    }
    elsewhere = [
        title(obj)
        for obj in tree.objects
        if obj["metadata"].get("namespace")
        != (None if obj["kind"] in cluster_scoped else NAMESPACE)
    ]
    assert not elsewhere
    assert [obj["metadata"]["name"] for obj in tree.of_kind("Namespace")] == [NAMESPACE]


def test_nothing_speaks_of_another_namespace(tree: Tree) -> None:
    # Local models, which are off, have a namespace of their own; a template is filled in later.
    allowed = re.compile(rf"{NAMESPACE}|kserve-localmodel-jobs|{{{{.*}}}}")
    foreign = [
        f"{title(obj)}: {place}: {value}"
        for obj in tree.objects
        for place, value in settings(obj)
        if str(place[-1]).lower().endswith("namespace") and not allowed.fullmatch(str(value))
    ]
    assert not foreign


def test_webhooks_and_conversions_get_the_ca_of_service_ca(tree: Tree) -> None:
    calls = list(called_services(tree))
    assert calls
    services = {obj["metadata"]["name"]: obj for obj in tree.of_kind("Service")}
    for caller, reference in calls:
        assert annotations(caller).get(INJECT_CABUNDLE) == "true", title(caller)
        assert reference["namespace"] == NAMESPACE, title(caller)
        secret = annotations(services[reference["name"]]).get(SERVING_CERT)
        assert secret, f"{title(caller)}: {reference['name']}"


def test_serving_certificates_are_the_secrets_that_controllers_mount(tree: Tree) -> None:
    mounted = {
        volume["secret"]["secretName"]
        for deployment in tree.of_kind("Deployment")
        for volume in deployment["spec"]["template"]["spec"].get("volumes", ())
        if "secret" in volume
    }
    services = {obj["metadata"]["name"]: obj for obj in tree.of_kind("Service")}
    for _, reference in called_services(tree):
        assert annotations(services[reference["name"]])[SERVING_CERT] in mounted


def test_nobody_asks_a_service_that_is_not_there(tree: Tree) -> None:
    services = {obj["metadata"]["name"]: obj for obj in tree.of_kind("Service")}
    for caller, reference in called_services(tree):
        ports = [port["port"] for port in services[reference["name"]]["spec"]["ports"]]
        assert reference.get("port", 443) in ports, title(caller)


def test_controllers_use_images_that_the_device_has(tree: Tree) -> None:
    deployments = {obj["metadata"]["name"]: obj for obj in tree.of_kind("Deployment")}
    assert "kserve-controller-manager" in deployments  # MicroShift's health check waits for it
    for deployment in deployments.values():
        pod = deployment["spec"]["template"]["spec"]
        for container in [*pod["containers"], *pod.get("initContainers", ())]:
            assert container["imagePullPolicy"] == "IfNotPresent", container["name"]


def test_kserve_is_configured_for_microshift(tree: Tree) -> None:
    assert section(tree, "deploy")["defaultDeploymentMode"] == "RawDeployment"
    assert section(tree, "ingress")["disableIngressCreation"] is True
    assert section(tree, "ingress")["disableIstioVirtualHost"] is True
    if "service" in configuration(tree)["data"]:
        assert section(tree, "service")["serviceClusterIPNone"] is True


def test_the_configuration_is_a_file_that_users_can_copy_and_edit(tree: Tree) -> None:
    text = (tree.root / "assets/kserve/inferenceservice-config-microshift-patch.yaml").read_text()
    assert "$(" not in re.sub(r"(?ms)^  _example: .*?^  (?=\w)", "", text)
    assert parse(text) == [configuration(tree)]
    edited = text.replace('disableIngressCreation": true', 'disableIngressCreation": false')
    (changed,) = parse(edited)
    assert json.loads(changed["data"]["ingress"]) == {
        **section(tree, "ingress"),
        "disableIngressCreation": False,
    }


def test_webhooks_spare_what_we_ship(tree: Tree) -> None:
    """The controller that answers them runs only later; the users' namespaces keep them."""
    crds = {
        (crd["spec"]["group"], crd["spec"]["names"]["kind"]): crd["spec"]["names"]["plural"]
        for crd in tree.of_kind("CustomResourceDefinition")
    }
    shipped = {
        crds[group(obj), obj["kind"]] for obj in tree.objects if (group(obj), obj["kind"]) in crds
    }
    assert "servingruntimes" in shipped
    for obj, webhook in webhooks(tree):
        resources = {
            one.partition("/")[0] for rule in webhook["rules"] for one in rule["resources"]
        }
        selector = webhook.get("namespaceSelector", {})
        spared = OUR_NAMESPACE_LEFT_OUT in selector.get("matchExpressions", ())
        if resources & (shipped | {"servingruntimes", "llminferenceserviceconfigs"}):
            assert spared, f"{title(obj)}: {webhook['name']}"
        else:
            assert not spared, f"{title(obj)}: {webhook['name']} guards nothing that ships"


def test_only_apis_that_are_on_microshift(tree: Tree) -> None:
    defined = {crd["spec"]["group"] for crd in tree.of_kind("CustomResourceDefinition")}
    assert not [one for one in defined if NOT_ON_MICROSHIFT.search(one)]
    assert not {title(obj) for obj in tree.objects if group(obj) not in APIS | defined}


def test_nothing_ships_twice(tree: Tree) -> None:
    seen = [(group(obj), title(obj)) for obj in tree.objects]
    assert len(seen) == len(set(seen))


def test_the_order_is_one_to_apply_in(tree: Tree) -> None:
    for directory, objects in tree.rendered.items():
        defined = {
            (crd["spec"]["group"], crd["spec"]["names"]["kind"]): index
            for index, crd in enumerate(objects)
            if crd["kind"] == "CustomResourceDefinition"
        }
        for index, obj in enumerate(objects):
            where = f"{directory}: {title(obj)}"
            assert defined.get((group(obj), obj["kind"]), -1) < index, where
            assert obj["kind"] != "Namespace" or index == 0, where


def test_controllers_have_accounts_and_rights(tree: Tree) -> None:
    accounts = {obj["metadata"]["name"] for obj in tree.of_kind("ServiceAccount")}
    roles = {(obj["kind"], obj["metadata"]["name"]) for obj in tree.of_kind("Role", "ClusterRole")}
    bound: set[str] = set()
    for binding in tree.of_kind("RoleBinding", "ClusterRoleBinding"):
        assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) in roles, title(binding)
        bound |= {one["name"] for one in binding.get("subjects", ())}
    for deployment in tree.of_kind("Deployment"):
        account = deployment["spec"]["template"]["spec"]["serviceAccountName"]
        assert account in accounts & bound, title(deployment)


def test_the_core_does_without_llm_d(tree: Tree) -> None:
    """assets/llm-d is a package of its own that a device may not have."""
    core = [obj for one in ("kserve", "runtimes") for obj in tree.rendered[one]]
    services = {obj["metadata"]["name"] for obj in core if obj["kind"] == "Service"}
    for caller, reference in called_services(tree):
        if caller in core:
            assert reference["name"] in services, title(caller)
    assert not [title(obj) for obj in core if obj["kind"].startswith("LLM")]


def test_files_are_plain_text_with_one_object_each(tree: Tree) -> None:
    for directory in tree.directories:
        for file in (tree.root / "assets" / directory).glob("*.yaml"):
            data = file.read_bytes()
            assert data.endswith(b"\n"), file.name
            assert b"\r" not in data, file.name
            assert len(parse(data.decode())) == 1, file.name


@pytest.mark.parametrize("older", ["5.5.0", "5.8.1"])
def test_the_copied_configuration_renders_on_its_own(
    tree: Tree, older: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kustomize(older)
    own = tmp_path_factory.mktemp("own")
    name = "inferenceservice-config-microshift-patch.yaml"
    (own / name).write_bytes((tree.root / "assets/kserve" / name).read_bytes())
    (own / "kustomization.yaml").write_text(f"resources: [{name}]\n")
    assert parse(render(own, older)) == [configuration(tree)]
