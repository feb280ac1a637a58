"""Certificates come from OpenShift's service-ca, which MicroShift has; cert-manager it has not.

service-ca fills in the CA of what is annotated with inject-cabundle, and makes a serving
certificate for each Service that names a secret for it.
"""

from rebase.adapt.context import Context
from rebase.adapt.namespaces import clients_of_services
from rebase.errors import AdaptError
from rebase.objects import KubeObject, dict_at, selects

INJECT_CABUNDLE = "service.beta.openshift.io/inject-cabundle"
SERVING_CERT = "service.beta.openshift.io/serving-cert-secret-name"
CERT_MANAGER = "cert-manager.io/"


def take_certificates_from_service_ca(objects: list[KubeObject], context: Context) -> None:
    """Annotate whatever has a CA, and every Service that one of them calls."""
    called: dict[str, KubeObject] = {}
    for obj in objects:
        for name in [name for name in obj.annotations if name.startswith(CERT_MANAGER)]:
            del obj.annotations[name]
        clients = clients_of_services(obj)
        if clients:
            obj.annotate(INJECT_CABUNDLE, "true")
        for client in clients:
            called[str(client["service"].get("name"))] = obj
            # A placeholder such as `Cg==` would be fought over with service-ca at every start.
            client.pop("caBundle", None)
    for name, caller in sorted(called.items()):
        _annotate_service(name, caller, objects)


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
    secrets: set[str] = set()
    for obj in objects:
        if obj.kind == "Deployment" and selects(service, obj):
            volumes = dict_at(obj.data, "spec", "template", "spec").get("volumes") or ()
            secrets |= {volume["secret"]["secretName"] for volume in volumes if "secret" in volume}
    return secrets.pop() if len(secrets) == 1 else None
