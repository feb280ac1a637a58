"""A cluster without nodes: etcd, kube-apiserver, and what a MicroShift has beside them.

All of it listens on loopback only, on free ports, and keeps its files in a directory of its own.
"""

import json
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integration.support.process import Process, free_ports, running, wait_until

from cluster.support.api_client import ApiClient, Object
from cluster.support.binaries import binary
from cluster.support.certificates import make_key
from cluster.support.connect_proxy import Router, running_proxy
from cluster.support.service_ca import ServiceCa, running_service_ca

ISSUER = "https://kubernetes.default.svc"
SERVICES = "10.43.0.0/16"  # MicroShift's
ADMIN = "admin"
# What a MicroShift has of OpenShift's APIs and our manifests use, as far as a test needs them.
STUBS = (
    ("route.openshift.io", "Route", "routes", "Namespaced"),
    (
        "security.openshift.io",
        "SecurityContextConstraints",
        "securitycontextconstraints",
        "Cluster",
    ),
)


@dataclass(frozen=True)
class Completed:
    """A kubectl that has ended."""

    code: int
    out: str
    err: str

    def ok(self) -> "Completed":
        """Itself, when it went well."""
        assert self.code == 0, f"exit {self.code}\n{self.out}\n{self.err}"
        return self

    def failed(self, *said: str) -> "Completed":
        """Itself, when it failed and said all this."""
        assert self.code != 0, self.out
        for text in said:
            assert text in self.err, f"{text!r} is not in\n{self.err}"
        return self


@dataclass(frozen=True)
class Cluster:
    """A running cluster.

    Attributes:
        directory: its files: logs (*.log), kubeconfigs, certificates.
        admin: the kubeconfig of a cluster-admin.
        router: where Services lead; controllers are registered there.
        environment: of its programs, and nothing else: the machine's proxies and such are left out.
    """

    directory: Path
    admin: Path
    api: ApiClient
    router: Router
    service_ca: ServiceCa
    environment: dict[str, str]

    def kubectl(
        self, *words: str | Path, stdin: str = "", kubeconfig: Path | None = None
    ) -> Completed:
        """kubectl as the admin, or as somebody else."""
        done = subprocess.run(
            [
                str(binary("kubectl")),
                "--kubeconfig",
                str(kubeconfig or self.admin),
                *map(str, words),
            ],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Completed(done.returncode, done.stdout, done.stderr)

    def get(self, kind: str, name: str | None = None, namespace: str | None = None) -> Object:
        """An object, or without a name the list of all; without a namespace, of all namespaces."""
        where = ["--namespace", namespace] if namespace else ["--all-namespaces"]
        words = [name] if name else []
        if name and not namespace:
            where = []  # of the cluster
        return dict(json.loads(self.kubectl("get", kind, *words, *where, "-o", "json").ok().out))

    def find(self, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """An object, or None while there is none."""
        where = ["--namespace", namespace] if namespace else []
        done = self.kubectl("get", kind, name, *where, "-o", "json", "--ignore-not-found").ok()
        return dict(json.loads(done.out)) if done.out.strip() else None

    def apply(self, *objects: Object, namespace: str | None = None) -> Completed:
        """Objects as a user applies them."""
        where = ["--namespace", namespace] if namespace else []
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        return self.kubectl("apply", *where, "-f", "-", stdin=text)

    def install_crds(self, *files: Path) -> None:
        """CRDs in files, or directories of files; their kinds are there afterwards."""
        words = [word for file in files for word in ("-f", file)]
        done = self.kubectl("apply", "--server-side", "-o", "name", *words).ok()
        names = done.out.split()
        # `kubectl wait` fails while there is no status at all.
        path = '{range .items[*]}{.status.conditions[?(@.type=="Established")].status} {end}'
        one = '{.status.conditions[?(@.type=="Established")].status}'
        read = ("get", *names, "-o", f"jsonpath={path if len(names) > 1 else one}")
        wait_until(
            lambda: self.kubectl(*read).out.split() == ["True"] * len(names),
            f"{', '.join(names)} are established",
        )

    def create_token(self, service_account: str, namespace: str) -> str:
        """A token of a service account."""
        done = self.kubectl("create", "token", service_account, "--namespace", namespace)
        return done.ok().out.strip()

    def kubeconfig(self, name: str, token: str) -> Path:
        """A kubeconfig for whoever has the token."""
        return _kubeconfig(self.directory / f"{name}.kubeconfig", self.api, token)

    @contextmanager
    def controller_manager(self) -> Iterator[Process]:
        """Kubernetes' own controllers: Pods of Deployments (pending), garbage collection."""
        (port,) = free_ports(1)
        words: list[str | Path] = [
            binary("kube-controller-manager"),
            f"--kubeconfig={self.admin}",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--cert-dir={self.directory}/controller-manager",
            "--leader-elect=false",
            f"--service-account-private-key-file={self.directory}/tokens.key",
            "--controllers=*,-nodeipam,-nodelifecycle,-attachdetach,-persistentvolume-binder",
        ]
        log = self.directory / "kube-controller-manager.log"
        with running(words, log=log, env=self.environment) as process:
            # One of the first things that it does in a namespace, and Pods want it.
            wait_until(
                lambda: self.find("serviceaccount", "default", "default"),
                "kube-controller-manager works",
                process=process,
            )
            yield process


@contextmanager
def running_cluster(directory: Path) -> Iterator[Cluster]:
    """A new and empty cluster with MicroShift's APIs and service-ca; it ends with the block.

    Args:
        directory: for its files; made where it is not there.
    """
    directory.mkdir(parents=True, exist_ok=True)
    environment = _environment(directory)
    with ExitStack() as stack:
        # The path of a unix socket has 107 characters at most, and those of pytest are long.
        sockets = stack.enter_context(tempfile.TemporaryDirectory(prefix="rhoai-"))
        router = stack.enter_context(running_proxy(Path(sockets) / "connect"))
        client_port, peer_port, port = free_ports(3)
        stack.enter_context(
            running(
                _etcd(directory / "etcd", client_port, peer_port),
                log=directory / "etcd.log",
                env=environment,
            )
        )
        token = secrets.token_hex(16)
        words = _api_server(directory, port, client_port, Path(sockets) / "connect", token)
        server = stack.enter_context(
            running(words, log=directory / "kube-apiserver.log", env=environment)
        )
        authority = directory / "certificates/apiserver.crt"
        wait_until(authority.is_file, "kube-apiserver has a certificate", process=server)
        api = ApiClient(port, authority, token)
        wait_until(api.ready, "kube-apiserver is ready", timeout=60, process=server)
        router.use(api)
        cluster = Cluster(
            directory=directory,
            admin=_kubeconfig(directory / "admin.kubeconfig", api, token),
            api=api,
            router=router,
            service_ca=stack.enter_context(running_service_ca(api, directory / "service-ca")),
            environment=environment,
        )
        _install_stubs(cluster)
        yield cluster


def _environment(directory: Path) -> dict[str, str]:
    """A PATH, and a home and temporary directory that are nobody else's."""
    for name in ("home", "tmp"):
        (directory / name).mkdir(exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "LC_ALL": "C.UTF-8",
        "HOME": str(directory / "home"),
        "TMPDIR": str(directory / "tmp"),
    }


def _etcd(data: Path, client_port: int, peer_port: int) -> list[str | Path]:
    client, peer = f"http://127.0.0.1:{client_port}", f"http://127.0.0.1:{peer_port}"
    shutil.rmtree(data, ignore_errors=True)
    return [
        binary("etcd"),
        f"--data-dir={data}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--log-level=warn",
        "--unsafe-no-fsync",  # nothing of it is read again
    ]


def _api_server(
    directory: Path, port: int, etcd_port: int, socket: Path, token: str
) -> list[str | Path]:
    key = make_key(directory / "tokens.key")
    tokens = directory / "tokens.csv"
    tokens.write_text(f'{token},{ADMIN},{ADMIN},"system:masters"\n')
    # The way to Services: here there is no network that has their addresses.
    connection = {"proxyProtocol": "HTTPConnect", "transport": {"uds": {"udsName": str(socket)}}}
    egress = _write(
        directory / "egress.json",
        {
            "apiVersion": "apiserver.k8s.io/v1beta1",
            "kind": "EgressSelectorConfiguration",
            "egressSelections": [{"name": "cluster", "connection": connection}],
        },
    )
    return [
        binary("kube-apiserver"),
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={directory}/certificates",
        f"--egress-selector-config-file={egress}",
        f"--token-auth-file={tokens}",
        "--authorization-mode=RBAC",
        "--allow-privileged=true",
        f"--service-cluster-ip-range={SERVICES}",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        # It wants Secrets for Pods' tokens, which other controllers make.
        "--disable-admission-plugins=ServiceAccount",
        # It would look for the address of a network that this machine may not have.
        "--endpoint-reconciler-type=none",
    ]


def _kubeconfig(file: Path, api: ApiClient, token: str) -> Path:
    server = {
        "server": f"https://127.0.0.1:{api.port}",
        "certificate-authority": str(api.authority),
    }
    return _write(
        file,
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "it", "cluster": server}],
            "users": [{"name": "it", "user": {"token": token}}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "current-context": "it",
        },
    )


def _install_stubs(cluster: Cluster) -> None:
    """CRDs of Route and SecurityContextConstraints that take anything."""
    stubs = {"apiVersion": "v1", "kind": "List", "items": [_stub(*stub) for stub in STUBS]}
    cluster.install_crds(_write(cluster.directory / "stubs.json", stubs))


def _stub(group: str, kind: str, plural: str, scope: str) -> Object:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "scope": scope,
            "versions": [version],
        },
    }


def _write(file: Path, content: dict[str, Any]) -> Path:
    """JSON, which is YAML too."""
    file.write_text(json.dumps(content, indent=2))
    return file
