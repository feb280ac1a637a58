"""Everything lives in redhat-ods-applications, where MicroShift's health check looks.

The tree is rendered for `opendatahub`, and kustomize does not reach everything: subjects
of service accounts from other directories, CRD conversions, webhooks filled by broken
vars, JSON strings.
"""

import json
from typing import Any

from rebase.adapt.context import FOREIGN_NAMESPACES, Context
from rebase.objects import CRD, KubeObject, dict_at

# Kinds of MicroShift's own that have no namespace; CRDs say it of theirs.
CLUSTER_SCOPED = frozenset(
    {
        "APIService",
        "ClusterRole",
        "ClusterRoleBinding",
        CRD,
        "IngressClass",
        "MutatingWebhookConfiguration",
        "Namespace",
        "PersistentVolume",
        "PriorityClass",
        "RuntimeClass",
        "SecurityContextConstraints",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    }
)


def replace_namespace_object(objects: list[KubeObject], context: Context) -> None:
    """Our Namespace instead of theirs: upstream renders `opendatahub`, 2.24 to 3.0."""
    for obj in [obj for obj in objects if obj.kind == "Namespace"]:
        objects.remove(obj)
        context.leave_out(f"upstream's {obj}", "a plain one of ours takes its place")
    objects.insert(
        0,
        KubeObject(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": context.namespace}}
        ),
    )


def follow_namespace(objects: list[KubeObject], context: Context) -> None:
    """Put every object, and every reference to one of ours, into our namespace."""
    cluster_scoped = CLUSTER_SCOPED | cluster_scoped_by_crd(objects)
    accounts = {obj.name for obj in objects if obj.kind == "ServiceAccount"}
    for obj in objects:
        if obj.kind in cluster_scoped:
            obj.metadata.pop("namespace", None)
        else:
            obj.metadata["namespace"] = context.namespace
        if obj.kind.endswith("RoleBinding"):
            _follow_in_subjects(obj, accounts, context)
        for service in referenced_services(obj):
            service["namespace"] = context.namespace
        if obj.kind == "ConfigMap":
            _follow_in_json(obj, context)


def cluster_scoped_by_crd(objects: list[KubeObject]) -> set[str]:
    """The kinds that CRDs among these objects define without a namespace."""
    specs = (dict_at(obj.data, "spec") for obj in objects if obj.kind == CRD)
    return {str(dict_at(spec, "names")["kind"]) for spec in specs if spec.get("scope") == "Cluster"}


def referenced_services(obj: KubeObject) -> list[dict[str, Any]]:
    """The Service references of webhooks and of CRD conversions."""
    return [client["service"] for client in clients_of_services(obj)]


def clients_of_services(obj: KubeObject) -> list[dict[str, Any]]:
    """The clientConfigs, of webhooks and of CRD conversions, that name a Service."""
    clients = [dict_at(webhook, "clientConfig") for webhook in webhooks_of(obj)]
    if obj.kind == CRD:
        clients.append(dict_at(obj.data, "spec", "conversion", "webhook", "clientConfig"))
    return [client for client in clients if isinstance(client.get("service"), dict)]


def webhooks_of(obj: KubeObject) -> list[dict[str, Any]]:
    """The webhooks of a webhook configuration; none of any other object."""
    if not obj.kind.endswith("WebhookConfiguration"):
        return []
    return [webhook for webhook in obj.data.get("webhooks") or () if isinstance(webhook, dict)]


def _follow_in_subjects(obj: KubeObject, accounts: set[str], context: Context) -> None:
    subjects: list[Any] = []
    for subject in obj.data.get("subjects") or ():
        ours = (
            isinstance(subject, dict)
            and subject.get("kind") == "ServiceAccount"
            and (subject.get("name") in accounts or subject.get("namespace") in FOREIGN_NAMESPACES)
        )
        if ours:
            subject["namespace"] = context.namespace
        if subject not in subjects:  # two namespaces that became one
            subjects.append(subject)
    if subjects:
        obj.data["subjects"] = subjects


def _follow_in_json(obj: KubeObject, context: Context) -> None:
    """3.4's localModel.jobNamespace: a namespace inside a JSON string."""
    for key, text in dict_at(obj.data, "data").items():
        try:
            value = json.loads(text)
        except (TypeError, ValueError):
            continue
        if _follow_in_fields(value, context):
            obj.data["data"][key] = json.dumps(value, indent=2, ensure_ascii=False)


def _follow_in_fields(value: Any, context: Context) -> bool:
    """Change the namespaces in a JSON value; were there any?"""
    changed = False
    for inner in value if isinstance(value, list) else ():
        changed |= _follow_in_fields(inner, context)
    for key, inner in value.items() if isinstance(value, dict) else ():
        if isinstance(inner, dict | list):
            changed |= _follow_in_fields(inner, context)
        elif key.lower().endswith("namespace") and inner in FOREIGN_NAMESPACES:
            value[key] = context.namespace
            changed = True
    return changed
