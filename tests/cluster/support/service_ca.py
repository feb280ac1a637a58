"""The part of OpenShift's service-ca that MicroShift's users see, and nothing else.

It makes the Secrets that Services ask for, with a certificate for the Service's name, and puts its
CA where an annotation asks for it: webhooks, and conversion webhooks of CRDs.
"""

import base64
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cluster.support.api_client import JSON_PATCH, METADATA_ONLY, ApiClient, Object, RefusedError
from cluster.support.certificates import Pair, make_authority, make_certificate

SECRET_NAME = "service.beta.openshift.io/serving-cert-secret-name"
INJECT = "service.beta.openshift.io/inject-cabundle"
ORIGIN = "service.beta.openshift.io/originating-service-name"
INTERVAL = 0.3  # seconds
# Whose these fields are: a server-side apply by somebody else leaves them alone.
MANAGER = "fieldManager=service-ca"
INJECTED = (
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
)


@dataclass
class ServiceCa:
    """What it knows, and one round of its work.

    Attributes:
        failures: what went wrong, but for objects that changed or went meanwhile.
    """

    api: ApiClient
    directory: Path
    authority: Pair
    failures: list[str] = field(default_factory=list)
    # Path of an object → its version after it was looked at: only metadata is read again and again.
    _seen: dict[str, str] = field(default_factory=dict)

    @property
    def bundle(self) -> str:
        """The CA as webhook configurations have it."""
        return _encoded(self.authority.certificate)

    def work(self) -> None:
        """Look at all there is once."""
        for service in self._annotated("/api/v1/services", SECRET_NAME):
            self._once(service, f"/api/v1/services/{_where(service)}", self._serve)
        for path in INJECTED:
            for one in self._annotated(path, INJECT):
                if one["metadata"]["annotations"][INJECT] == "true":
                    self._once(one, f"{path}/{one['metadata']['name']}", self._inject)

    def _annotated(self, path: str, annotation: str) -> list[Object]:
        found = self.api.get(path, accept=METADATA_ONLY)["items"] or ()  # null when empty
        return [one for one in found if annotation in one["metadata"].get("annotations", {})]

    def _once(self, obj: Object, path: str, act: Callable[[Object, str], str | None]) -> None:
        """Act on an object that is new or has changed."""
        version = obj["metadata"]["resourceVersion"]
        if self._seen.get(path) == version:
            return
        try:
            self._seen[path] = act(obj, path) or version
        except RefusedError as error:
            # 404, 409, 422 (a patch's test): it is not any more what was read; the next round.
            if error.code not in (404, 409, 422):
                self.failures.append(f"{path}: {error}")

    def _serve(self, service: Object, _: str) -> None:
        """Make the Secret that a Service asks for."""
        metadata = service["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        host = f"{name}.{namespace}.svc"
        pair = make_certificate(self.directory, self.authority, (host, f"{host}.cluster.local"))
        owner = {"apiVersion": "v1", "kind": "Service", "name": name, "uid": metadata["uid"]}
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": metadata["annotations"][SECRET_NAME],
                "annotations": {ORIGIN: name},
                "ownerReferences": [owner],
            },
            "type": "kubernetes.io/tls",
            "data": {"tls.crt": _encoded(pair.certificate), "tls.key": _encoded(pair.key)},
        }
        try:
            self.api.request("POST", f"/api/v1/namespaces/{namespace}/secrets?{MANAGER}", secret)
        except RefusedError as error:
            if error.code != 409:  # there since a version of the Service before this
                raise

    def _inject(self, _: Object, path: str) -> str:
        """Put the CA into an object; gives its version then."""
        obj = self.api.get(path)
        places = [
            f"{place}/caBundle"
            for place, config in _client_configs(obj)
            if config.get("caBundle") != self.bundle
        ]
        if places:
            patch = [{"op": "add", "path": place, "value": self.bundle} for place in places]
            version = obj["metadata"]["resourceVersion"]
            test = {"op": "test", "path": "/metadata/resourceVersion", "value": version}
            obj = self.api.request(
                "PATCH", f"{path}?{MANAGER}", [test, *patch], content_type=JSON_PATCH
            )
        return str(obj["metadata"]["resourceVersion"])


def _client_configs(obj: Object) -> Iterator[tuple[str, Object]]:
    """The client configurations of an object's webhooks, each with its JSON pointer."""
    for number, webhook in enumerate(obj.get("webhooks", ())):
        yield f"/webhooks/{number}/clientConfig", webhook["clientConfig"]
    webhook = obj.get("spec", {}).get("conversion", {}).get("webhook")
    if webhook:
        yield "/spec/conversion/webhook/clientConfig", webhook.get("clientConfig", {})


def _encoded(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()


def _where(obj: Object) -> str:
    return f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"


@contextmanager
def running_service_ca(api: ApiClient, directory: Path) -> Iterator[ServiceCa]:
    """A service-ca that works until the end of the block, and must have had no failure then."""
    directory.mkdir(exist_ok=True)
    ca = ServiceCa(api, directory, make_authority(directory, "service-ca"))
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(INTERVAL):
            try:
                ca.work()
            except Exception as error:  # nobody would see a thread's
                ca.failures.append(repr(error))

    thread = threading.Thread(target=work, name="service-ca")
    thread.start()
    try:
        yield ca
    finally:
        stop.set()
        thread.join()
    assert not ca.failures, ca.failures
