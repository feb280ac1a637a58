"""Certificates come from OpenShift's service-ca, which MicroShift has; cert-manager it has not.

service-ca fills in the CA of what is annotated with inject-cabundle, and makes a serving
certificate for each Service that names a secret for it.
"""

from rebase.adapt.context import Context
from rebase.adapt.namespaces import referenced_services
from rebase.errors import AdaptError
from rebase.objects import CRD, KubeObject, dict_at

INJECT_CABUNDLE = "service.beta.openshift.io/inject-cabundle"
SERVING_CERT = "service.beta.openshift.io/serving-cert-secret-name"
CERT_MANAGER = "cert-manager.io/"


def take_certificates_from_service_ca(objects: list[KubeObject], context: Context) -> None:
    """Annotate whatever has a CA, and every Service that one of them calls."""
    called: dict[str, KubeObject] = {}
    for obj in objects:
        for name in [name for name in obj.annotations if name.startswith(CERT_MANAGER)]:
            del obj.annotations[name]
        services = referenced_services(obj)
        if services:
            obj.annotate(INJECT_CABUNDLE, "true")
            called.update({str(service.get("name")): obj for service in services})
        _drop_placeholder_ca(obj)
    for name, caller in sorted(called.items()):
        _annotate_service(name, caller, objects)


def _drop_placeholder_ca(obj: KubeObject) -> None:
    """`caBundle: Cg==` would be fought over with service-ca at every start."""
    clients = [dict_at(webhook, "clientConfig") for webhook in obj.data.get("webhooks") or ()]
    if obj.kind == CRD:
        clients.append(dict_at(obj.data, "spec", "conversion", "webhook", "clientConfig"))
    for client in clients:
        if "service" in client:  # one with a url has a CA of its own
            client.pop("caBundle", None)


def _annotate_service(name: str, caller: KubeObject, objects: list[KubeObject]) -> None:
    service = next((o for o in objects if o.kind == "Service" and o.name == name), None)
    if service is None:
        raise AdaptError(f"{caller} calls the Service {name}, which is not in the render")
    if service.annotations.get(SERVING_CERT):
        return
    secret = _certificate_secret(service, objects)
    if secret is None:
        raise AdaptError(
            f"Service {name} has no {SERVING_CERT}, and no Deployment behind it mounts exactly one"
            " secret that could be its certificate"
        )
    service.annotate(SERVING_CERT, secret)


def _certificate_secret(service: KubeObject, objects: list[KubeObject]) -> str | None:
    """The one secret that the Deployment behind a Service mounts."""
    selector = dict_at(service.data, "spec", "selector").items()
    secrets: set[str] = set()
    for obj in objects:
        labels = dict_at(obj.data, "spec", "template", "metadata", "labels").items()
        if obj.kind == "Deployment" and selector and selector <= labels:
            volumes = dict_at(obj.data, "spec", "template", "spec").get("volumes") or ()
            secrets |= {volume["secret"]["secretName"] for volume in volumes if "secret" in volume}
    return secrets.pop() if len(secrets) == 1 else None
