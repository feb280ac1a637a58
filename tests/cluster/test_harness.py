"""The harness itself: the cluster, the MicroShift in small, the way to webhooks, service-ca."""

import base64
import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from integration.support.process import NotInTimeError, running, wait_until
from integration.support.trees import title

from cluster.support.api_client import Object
from cluster.support.api_server import Cluster
from cluster.support.connect_proxy import NoRouteError
from cluster.support.device import add
from cluster.support.microshift import MicroShift
from cluster.support.service_ca import INJECT, SECRET_NAME

MINE = "etc/microshift/manifests.d/900-mine"
OURS = "usr/lib/microshift/manifests.d"


def config_map(name: str, namespace: str = "default", **data: str) -> Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def custom_kind(plural: str) -> tuple[Object, Object]:
    """A CRD, and an object of its kind."""
    kind, group = plural.removesuffix("s").title(), "test.example.com"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural},
            "scope": "Namespaced",
            "versions": [version],
        },
    }
    metadata = {"name": "one", "namespace": "default"}
    return crd, {"apiVersion": f"{group}/v1", "kind": kind, "metadata": metadata}


# Processes


def test_a_process_ends_with_the_block_even_one_that_does_not_want_to(tmp_path: Path) -> None:
    """SIGTERM is not enough for everybody."""
    stubborn = "import signal, time; signal.signal(15, lambda *_: None); print('up', flush=True)"
    words = [sys.executable, "-c", f"{stubborn}; time.sleep(600)"]
    seen = []

    def failing_test() -> None:
        with running(words, log=tmp_path / "log", env={}, grace=0.2) as process:
            seen.append(process)
            wait_until(lambda: "up" in process.text(), "it is up", process=process)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing_test()
    assert seen[0].popen.returncode == -9


def test_who_waits_for_a_process_that_has_ended_sees_its_log(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "raise SystemExit('no such luck')"]
    with (
        running(words, log=tmp_path / "log", env={}, name="it") as process,
        pytest.raises(NotInTimeError, match=r"it is up: it has ended\nit says:\nno such luck"),
    ):
        wait_until(lambda: False, "it is up", process=process)


# The cluster


def test_the_cluster_is_a_kubernetes_with_openshifts_stubs(cluster: Cluster) -> None:
    version = json.loads(cluster.kubectl("version", "-o", "json").ok().out)
    assert version["serverVersion"]["gitVersion"] == version["clientVersion"]["gitVersion"]
    kinds = cluster.kubectl("api-resources", "-o", "name").ok().out.split()
    assert {"routes.route.openshift.io", "inferenceservices.serving.kserve.io"} & set(kinds) == {
        "routes.route.openshift.io"
    }


def test_a_service_account_may_only_what_rbac_grants(cluster: Cluster) -> None:
    cluster.kubectl("create", "serviceaccount", "reader").ok()
    reader = cluster.kubeconfig("reader", cluster.create_token("reader", "default"))
    cluster.kubectl("get", "pods", kubeconfig=reader).failed("forbidden", "default:reader")
    cluster.kubectl("create", "role", "reader", "--verb=list", "--resource=pods").ok()
    binding = ("rolebinding", "reader", "--role=reader", "--serviceaccount=default:reader")
    cluster.kubectl("create", *binding).ok()
    wait_until(
        lambda: cluster.kubectl("get", "pods", kubeconfig=reader).code == 0, "it may list pods"
    )


def test_with_the_controller_manager_deployments_have_pods(cluster: Cluster) -> None:
    cluster.kubectl("create", "deployment", "web", "--image=example.com/web:1").ok()
    with cluster.controller_manager():
        pods = wait_until(
            lambda: cluster.get("pods", namespace="default")["items"] or None, "a pod"
        )
    assert pods[0]["status"]["phase"] == "Pending"


# The MicroShift


def test_directories_are_applied_in_order(cluster: Cluster, tmp_path: Path) -> None:
    """First the system's, then the user's; by name, but a-b/ before a/, as paths sort."""
    for directory in (MINE, f"{OURS}/b", f"{OURS}/a", f"{OURS}/a-b"):
        add(tmp_path, directory, config_map("order", by=directory))
    (tmp_path / OURS / "no-kustomization").mkdir()
    start = MicroShift(cluster, tmp_path).start()
    assert [one.name for one in start.handled] == ["a-b", "a", "b", "900-mine"]
    assert start.ok
    assert [(one.objects, one.tries[0].accepted) for one in start.handled] == [(1, 1)] * 4
    assert cluster.get("configmap", "order", "default")["data"] == {"by": MINE}


def test_what_others_changed_is_changed_back(cluster: Cluster, tmp_path: Path) -> None:
    """Server-side apply with forced conflicts: no directory waits because of a user's edit."""
    add(tmp_path, MINE, config_map("edited", key="shipped"))
    microshift = MicroShift(cluster, tmp_path)
    assert microshift.start().ok
    patch = '{"data": {"key": "edited", "other": "theirs"}}'
    cluster.kubectl("patch", "configmap", "edited", "--type=merge", "--patch", patch).ok()
    assert microshift.start().ok
    data = cluster.get("configmap", "edited", "default")["data"]
    assert data == {"key": "shipped", "other": "theirs"}


def test_a_directory_is_tried_again_as_a_whole(cluster: Cluster, tmp_path: Path) -> None:
    """An object beside its CRD is for a later pass."""
    add(tmp_path, MINE, *custom_kind("laters"), config_map("beside"))
    start = MicroShift(cluster, tmp_path, interval=1, timeout=60).start()
    mine = start.of("900-mine")
    assert mine.ok
    assert (mine.objects, mine.tries[0].accepted, mine.tries[-1].accepted) == (3, 2, 3)
    assert "ensure CRDs are installed first" in mine.failures[0]


def test_a_directory_is_given_up_and_the_next_one_is_not(cluster: Cluster, tmp_path: Path) -> None:
    add(tmp_path, f"{OURS}/010-never", custom_kind("nevers")[1], config_map("one-of-never"))
    (tmp_path / OURS / "020-broken").mkdir()
    (tmp_path / OURS / "020-broken/kustomization.yaml").write_text('{"resources": ["missing"]}')
    add(tmp_path, MINE, config_map("after-it"))
    start = MicroShift(cluster, tmp_path, interval=0.5, timeout=2).start()
    assert [one.ok for one in start.handled] == [False, False, True]
    assert 3 <= len(start.of("never").tries) <= 5
    assert "010-never: GIVEN UP" in str(start)
    assert "missing" in start.of("broken").failures[-1]
    assert cluster.find("configmap", "after-it", "default")
    assert cluster.find("configmap", "one-of-never", "default"), "the rest of it is applied"


def test_what_is_to_be_deleted_goes_first(cluster: Cluster, tmp_path: Path) -> None:
    cluster.apply(config_map("old", key="value"), config_map("kept", key="value")).ok()
    uid = cluster.get("configmap", "kept", "default")["metadata"]["uid"]
    add(tmp_path, f"{OURS}/delete/010-it", config_map("old"), config_map("kept"))
    add(tmp_path, f"{OURS}/010-it", config_map("kept"))
    microshift = MicroShift(cluster, tmp_path)
    start = microshift.start()
    assert [(one.verb, one.name) for one in start.handled] == [
        ("delete", "010-it"),
        ("apply", "010-it"),
    ]
    assert start.of("it", "delete").tries[0].accepted == 2
    assert cluster.find("configmap", "old", "default") is None
    assert cluster.get("configmap", "kept", "default")["metadata"]["uid"] != uid
    assert microshift.start().ok, "what is gone already is no failure"


def test_the_embedded_kustomize_is_chosen(cluster: Cluster, tmp_path: Path) -> None:
    """5.7.1 has not what 5.8.1 has: it is the one that runs."""
    add(tmp_path, MINE, config_map("json", key='{"a": "b"}'))
    replacement = {
        "sourceValue": "c",
        "targets": [{"select": {"kind": "ConfigMap"}, "fieldPaths": ["data.key.a"]}],
    }
    text = json.dumps({"resources": ["00.yaml"], "replacements": [replacement]})
    (tmp_path / MINE / "kustomization.yaml").write_text(text)
    assert not MicroShift(cluster, tmp_path, "5.7.1", timeout=0).start().ok
    assert MicroShift(cluster, tmp_path, "5.8.1", timeout=0).start().ok
    assert cluster.get("configmap", "json", "default")["data"] == {"key": '{"a":"c"}'}


# Webhooks, the way to them, and service-ca


def webhook(name: str, port: str = "webhook", selector: str = "") -> list[Object]:
    """All that a webhook has in manifests: its Service, its Deployment, its configuration.

    It sees ConfigMaps named so.
    """
    labels = {"app": name}
    ports = [{"name": "webhook", "containerPort": 9443}]
    container = {"name": "it", "image": "example.com/it:1", "ports": ports}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["configmaps"],
    }
    hook = {
        "name": f"{name}.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "clientConfig": {"service": {"name": name, "namespace": "default", "path": "/"}},
        "rules": [rule],
        "matchConditions": [{"name": "it", "expression": f"object.metadata.name == '{name}'"}],
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "annotations": {SECRET_NAME: f"{name}-cert"}},
            "spec": {
                "selector": {"app": selector or name},
                "ports": [{"port": 443, "targetPort": port}],
            },
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {"selector": {"matchLabels": labels}, "template": template},
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": name, "annotations": {INJECT: "true"}},
            "webhooks": [hook],
        },
    ]


class Reviewer(BaseHTTPRequestHandler):
    """Admits ConfigMaps that say please."""

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        request = review["request"]
        polite = "please" in request["object"]["data"]
        answer = {"uid": request["uid"], "allowed": polite, "status": {"message": "say please"}}
        body = json.dumps({**review, "response": answer}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Not on the tests' output."""


def secret_files(cluster: Cluster, name: str, directory: Path) -> tuple[Path, Path]:
    """The files of a Secret that service-ca makes."""
    secret = wait_until(lambda: cluster.find("secret", name, "default"), f"secret {name}")
    files = directory / "tls.crt", directory / "tls.key"
    for file in files:
        file.write_bytes(base64.b64decode(secret["data"][file.name]))
    return files


@contextmanager
def reviewer(cluster: Cluster, name: str, directory: Path) -> Iterator[None]:
    """The program of a webhook, with the certificate that its Secret has."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*secret_files(cluster, f"{name}-cert", directory))
    with ThreadingHTTPServer(("127.0.0.1", 0), Reviewer) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with cluster.router.registered("default", name, {9443: server.server_port}):
                yield
        finally:
            server.shutdown()
            thread.join()


def ca_bundle(cluster: Cluster, name: str) -> str | None:
    configuration = cluster.get("validatingwebhookconfiguration", name)
    found = configuration["webhooks"][0]["clientConfig"].get("caBundle")
    return None if found is None else str(found)


def test_a_webhook_is_asked_when_its_controller_is_up(cluster: Cluster, tmp_path: Path) -> None:
    cluster.apply(*webhook("polite")).ok()
    wait_until(lambda: ca_bundle(cluster, "polite"), "the CA is in the webhook")
    refused = cluster.apply(config_map("polite", please="now"))
    refused.failed("failed calling webhook", "nothing runs as deployment default/polite")
    with reviewer(cluster, "polite", tmp_path):
        cluster.apply(config_map("polite", key="value")).failed("denied the request: say please")
        cluster.apply(config_map("polite", please="now")).ok()
    assert cluster.router.connections["default/polite"] >= 1
    cluster.kubectl("delete", "configmap", "polite").ok()
    cluster.apply(config_map("polite", please="now")).failed("nothing runs as deployment")


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("no-port", {"port": "https"}, "has no port https"),
        ("no-pods", {"selector": "other"}, "its selector selects no Deployment's pods"),
    ],
)
def test_a_service_that_leads_nowhere(
    cluster: Cluster, name: str, changes: dict[str, str], reason: str
) -> None:
    service, deployment, _ = webhook(name, **changes)
    cluster.apply(service, deployment).ok()
    address = cluster.get("service", name, "default")["spec"]["clusterIP"]
    with (
        cluster.router.registered("default", name, {9443: 1}),
        pytest.raises(NoRouteError, match=reason),
    ):
        cluster.router.find(address, 443)
    with pytest.raises(NoRouteError, match="has no port 444"):
        cluster.router.find(address, 444)


def test_the_ca_survives_another_apply(cluster: Cluster, tmp_path: Path) -> None:
    """As at each start of MicroShift: the field belongs to service-ca."""
    *_, configuration = webhook("survivor")
    crd, _ = custom_kind("survivors")
    service = {"name": "survivor", "namespace": "default"}
    conversion = {"clientConfig": {"service": service}, "conversionReviewVersions": ["v1"]}
    crd["spec"]["conversion"] = {"strategy": "Webhook", "webhook": conversion}
    crd["metadata"]["annotations"] = {INJECT: "true"}
    add(tmp_path, MINE, configuration, crd)
    bundle = cluster.service_ca.bundle
    for _ in range(2):
        assert MicroShift(cluster, tmp_path).start().ok
        wait_until(lambda: ca_bundle(cluster, "survivor") == bundle, title(configuration))
        read = ("crd", crd["metadata"]["name"])
        config = cluster.get(*read)["spec"]["conversion"]["webhook"]["clientConfig"]
        assert config["caBundle"] == bundle


def test_a_certificate_is_for_the_services_names(cluster: Cluster, tmp_path: Path) -> None:
    service, *_ = webhook("named")
    cluster.apply(service).ok()
    certificate, _ = secret_files(cluster, "named-cert", tmp_path)
    words = ["openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", str(certificate)]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert "DNS:named.default.svc, DNS:named.default.svc.cluster.local" in said
