"""Which APIs there are on MicroShift, and what to do with objects of others."""

from rebase.adapt.context import Context
from rebase.objects import CRD, KubeObject, dict_at

# Served by MicroShift itself: Kubernetes, and of OpenShift routes and SCCs.
MICROSHIFT_GROUPS = frozenset(
    {
        "",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "autoscaling",
        "batch",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "route.openshift.io",
        "scheduling.k8s.io",
        "security.openshift.io",
        "storage.k8s.io",
    }
)

# Not on MicroShift, and KServe in RawDeployment mode does without; any other unknown API
# is not ours to drop: the checks refuse it.
DISPENSABLE = {
    "cert-manager.io": "certificates come from service-ca",
    "console.openshift.io": "there is no web console",
    "datasciencecluster.opendatahub.io": "there is no RHOAI operator",
    "dscinitialization.opendatahub.io": "there is no RHOAI operator",
    "istio.io": "there is no service mesh",
    "knative.dev": "there is no Serverless",
    "monitoring.coreos.com": "there is no Prometheus operator",
    "template.openshift.io": "there are no Templates",
}


def leave_out_foreign_apis(objects: list[KubeObject], context: Context) -> None:
    """Drop objects of APIs that MicroShift has not and that nobody needs there."""
    defined = defined_groups(objects)
    for obj in list(objects):
        reason = dispensable(obj.group)
        if reason and obj.group not in defined:
            objects.remove(obj)
            context.leave_out(obj, f"{obj.group} is not on MicroShift: {reason}")


def dispensable(group: str) -> str:
    """Why MicroShift does without an API group; "" for one that it may need."""
    for suffix, reason in DISPENSABLE.items():
        if group == suffix or group.endswith("." + suffix):
            return reason
    return ""


def defined_groups(objects: list[KubeObject]) -> set[str]:
    """The API groups that CRDs among these objects define."""
    return {str(dict_at(obj.data, "spec").get("group")) for obj in objects if obj.kind == CRD}
