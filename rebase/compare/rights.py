"""What RBAC lets whom do, and what of it is new.

Rights are compared as they work out, not rule by rule: a rule that was split in two, or a verb
that `*` allowed before, is no change. Source: rbac.authorization.k8s.io/v1.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rebase.model import NAMESPACE
from rebase.objects import KubeObject, dict_at

AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"
CLUSTER = ""  # the scope of a right that holds everywhere
ANY_URL = "/*"


@dataclass(frozen=True, order=True)
class Right:
    """One verb on one resource, or on one URL.

    Attributes:
        scope: the namespace that it holds in; "" for all.
        resource: a URL begins with a slash.
        name: of the one object that it is for; "" for all.
    """

    scope: str
    group: str
    resource: str
    name: str
    verb: str

    def allows(self, other: "Right") -> bool:
        """Does having this one mean having the other one?"""
        return (
            self.scope in (CLUSTER, other.scope)
            and self.group in ("*", other.group)
            and self.name in ("", other.name)
            and self.verb in ("*", other.verb)
            and self._is_about(other.resource)
        )

    def _is_about(self, resource: str) -> bool:
        own = self.resource
        if own == resource:
            return True
        if own.startswith("/"):
            return own.endswith("*") and resource.startswith(own[:-1])
        if resource.startswith("/"):
            return False
        subresource = resource.partition("/")[2]
        return own == "*" or (bool(subresource) and own == f"*/{subresource}")


@dataclass(frozen=True, order=True)
class Grant:
    """Rights told together: these verbs on these resources of an API group.

    Attributes:
        resources: URLs begin with a slash.
        names: of the only objects that they are for; empty for all.
    """

    scope: str
    group: str
    resources: tuple[str, ...]
    names: tuple[str, ...]
    verbs: tuple[str, ...]


@dataclass(frozen=True)
class RightsChange:
    """What somebody may do now and could not, and the other way round.

    Attributes:
        subject: such as `ServiceAccount kserve-controller-manager`, in another namespace than ours
            `ServiceAccount <namespace>/<name>`.
        is_new: nobody of that name had any right before.
        is_gone: nobody of that name has any right now.
        gained: nobody of its sort (ServiceAccounts, for one) had these.
        taken_over: somebody else of its sort had these before.
    """

    subject: str
    is_new: bool
    is_gone: bool
    gained: tuple[Grant, ...]
    taken_over: tuple[Grant, ...]
    lost: tuple[Grant, ...]


def compare_rights(old: Iterable[KubeObject], new: Iterable[KubeObject]) -> list[RightsChange]:
    """The changes, by subject."""
    before, after = rights_of(old), rights_of(new)
    found = []
    for subject in sorted(before.keys() | after.keys()):
        had, has = before.get(subject, set()), after.get(subject, set())
        gained, lost = _not_in(has, had), _not_in(had, has)
        if gained or lost:
            own = _not_in(gained, _of_sort(subject, before))
            taken_over = set(gained) - set(own)
            found.append(
                RightsChange(
                    subject,
                    subject not in before,
                    subject not in after,
                    told(own),
                    told(taken_over),
                    told(lost),
                )
            )
    return found


def rights_of(objects: Iterable[KubeObject]) -> dict[str, set[Right]]:
    """Who may do what, by all roles and bindings together.

    Roles that upstream binds to nobody are there for whom somebody else binds to them.
    """
    listed = list(objects)
    roles = {
        (obj.kind, obj.namespace if obj.kind == "Role" else "", obj.name): obj
        for obj in listed
        if obj.kind in ("Role", "ClusterRole")
    }
    found: dict[str, set[Right]] = {}
    used: set[tuple[str, str, str]] = set()
    for binding in listed:
        if binding.kind not in ("RoleBinding", "ClusterRoleBinding"):
            continue
        reference = dict_at(binding.data, "roleRef")
        kind, name = str(reference.get("kind")), str(reference.get("name"))
        key = (kind, binding.namespace if kind == "Role" else "", name)
        subjects = binding.data.get("subjects") or ()
        if subjects:
            used.add(key)
        scope = CLUSTER if binding.kind == "ClusterRoleBinding" else binding.namespace
        # else a role of the cluster's own, such as system:auth-delegator
        rights = (
            set(_rights(roles[key], scope))
            if key in roles
            else {Right(scope, "", f"{kind} {name}", "", "*")}
        )
        for subject in subjects:
            found.setdefault(_who(subject), set()).update(rights)
    for (kind, namespace, name), role in roles.items():
        for label, value in dict_at(role.metadata, "labels").items():
            if label.startswith(AGGREGATE) and value == "true":
                used.add((kind, namespace, name))
                who = f"users with ClusterRole {label.removeprefix(AGGREGATE)}"
                found.setdefault(who, set()).update(_rights(role, CLUSTER))
        if (kind, namespace, name) not in used:
            who = f"whoever is bound to {kind} {name}"
            found.setdefault(who, set()).update(_rights(role, namespace))
    return {who: rights for who, rights in found.items() if rights}


def told(rights: Iterable[Right]) -> tuple[Grant, ...]:
    """Rights as few grants as say the same: what another one allows anyway is left out."""
    verbs: dict[tuple[str, str, str, str], set[str]] = {}
    for right in _widest(set(rights)):
        key = (right.scope, right.group, right.resource, right.name)
        verbs.setdefault(key, set()).add(right.verb)
    resources: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = {}
    for (scope, group, resource, name), some in sorted(verbs.items()):
        resources.setdefault((scope, group, name, tuple(sorted(some))), []).append(resource)
    names: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for (scope, group, name, verbs_), some_resources in resources.items():
        names.setdefault((scope, group, tuple(some_resources), verbs_), []).append(name)
    return tuple(
        sorted(
            Grant(scope, group, some_resources, tuple(sorted(filter(None, some))), verbs_)
            for (scope, group, some_resources, verbs_), some in names.items()
        )
    )


def _who(subject: Mapping[str, Any]) -> str:
    namespace = str(subject.get("namespace") or NAMESPACE)
    place = "" if namespace == NAMESPACE else f"{namespace}/"
    return f"{subject.get('kind')} {place}{subject.get('name')}"


def _rights(role: KubeObject, scope: str) -> Iterator[Right]:
    for rule in role.data.get("rules") or ():
        for verb in rule.get("verbs") or ():
            for url in rule.get("nonResourceURLs") or ():
                path = ANY_URL if url == "*" else str(url)
                yield Right(scope, "", path, "", str(verb))
            yield from _on_resources(rule, scope, str(verb))


def _on_resources(rule: dict[str, Any], scope: str, verb: str) -> Iterator[Right]:
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            for name in rule.get("resourceNames") or ("",):
                yield Right(scope, str(group), str(resource), str(name), verb)


def _of_sort(subject: str, rights: Mapping[str, set[Right]]) -> set[Right]:
    """What anybody of a subject's sort may do: any ServiceAccount, any kind of users."""
    sort = subject.partition(" ")[0]
    return {
        right for who, some in rights.items() if who.partition(" ")[0] == sort for right in some
    }


def _widest(rights: set[Right]) -> Iterator[Right]:
    for right in rights:
        if not any(other != right and other.allows(right) for other in rights):
            yield right


def _not_in(rights: Iterable[Right], others: set[Right]) -> list[Right]:
    left = set(rights) - others
    return [right for right in left if not any(other.allows(right) for other in others)]
