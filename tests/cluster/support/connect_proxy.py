"""The way from the API server to Services: what kube-proxy, the network and Pods are in a cluster.

The API server asks for a Service's cluster IP (CONNECT, over a unix socket). The answer is found as
a cluster finds it: Service → its port's targetPort → the Deployment that its selector selects →
the container's port of that name. A controller that runs as a process here is registered as the
Pods of its Deployment; as long as it is not, nobody is there to connect to.
"""

import http
import ipaddress
import re
import select
import socket
import socketserver
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cluster.support.api_client import ApiClient, Object

REQUEST = re.compile(rb"^CONNECT (\[?[0-9a-fA-F.:]+\]?):([0-9]+) HTTP/1\.[01]\r\n")
IDLE = 60.0  # seconds; webhook calls take 30 at most


class NoRouteError(Exception):
    """A Service that leads nowhere, and why."""


@dataclass
class Router:
    """Which processes stand for the Pods of which Deployments.

    Attributes:
        refusals: why connections were refused, and how often.
        connections: the Services that connections were made to, as namespace/name, and how often.
    """

    refusals: Counter[str] = field(default_factory=Counter)
    connections: Counter[str] = field(default_factory=Counter)
    _api: ApiClient | None = None
    _processes: dict[tuple[str, str], dict[int, int]] = field(default_factory=dict)

    def use(self, api: ApiClient) -> None:
        """Look Services up there; the API server's socket must be there before it is."""
        self._api = api

    @contextmanager
    def registered(
        self, namespace: str, deployment: str, ports: Mapping[int, int]
    ) -> Iterator[None]:
        """A process as the Pods of a Deployment: container port → port on loopback."""
        self._processes[namespace, deployment] = dict(ports)
        try:
            yield
        finally:
            del self._processes[namespace, deployment]

    def find(self, host: str, port: int) -> int:
        """The port on loopback for a cluster IP and a Service's port.

        Raises:
            NoRouteError
        """
        service, service_port = self._service(host, port)
        namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
        target = service_port.get("targetPort", port)
        selector = service["spec"].get("selector")
        if not selector:
            raise NoRouteError(f"service {namespace}/{name} selects nothing")
        reasons = [f"service {namespace}/{name}: its selector selects no Deployment's pods"]
        for deployment in self._list("apis/apps/v1", "deployments", namespace):
            labels = deployment["spec"]["template"]["metadata"].get("labels", {})
            if not selector.items() <= labels.items():
                continue
            owner = deployment["metadata"]["name"]
            wanted = _container_port(deployment, target)
            there = self._processes.get((namespace, owner))
            if wanted is None:
                reasons.append(f"deployment {namespace}/{owner} has no port {target}")
            elif there is None:
                reasons.append(f"nothing runs as deployment {namespace}/{owner}")
            elif wanted not in there:
                reasons.append(f"what runs as {namespace}/{owner} does not serve port {wanted}")
            else:
                self.connections[f"{namespace}/{name}"] += 1
                return there[wanted]
        raise NoRouteError(reasons[-1])

    def _service(self, host: str, port: int) -> tuple[Object, Object]:
        for service in self._list("api/v1", "services"):
            if host not in service["spec"].get("clusterIPs", ()):
                continue
            for one in service["spec"]["ports"]:
                if one["port"] == port:
                    return service, one
            raise NoRouteError(f"service {service['metadata']['name']} has no port {port}")
        raise NoRouteError(f"no service has the address {host}")

    def _list(self, api: str, resource: str, namespace: str = "") -> list[Object]:
        if self._api is None:
            raise NoRouteError("the API server is not up yet")
        where = f"namespaces/{namespace}/" if namespace else ""
        return list(self._api.get(f"/{api}/{where}{resource}")["items"] or ())


def _container_port(deployment: Object, target: int | str) -> int | None:
    """The number of a Service's targetPort; a number need not be declared, a name must be."""
    if isinstance(target, int):
        return target
    for container in deployment["spec"]["template"]["spec"]["containers"]:
        for port in container.get("ports", ()):
            if port.get("name") == target:
                return int(port["containerPort"])
    return None


class _Handler(socketserver.BaseRequestHandler):
    server: "_Server"

    def handle(self) -> None:
        client: socket.socket = self.request
        head = b""
        while b"\r\n\r\n" not in head:
            read = client.recv(4096)
            if not read or len(head) > 65536:
                return
            head += read
        found = REQUEST.match(head)
        if found is None:
            _answer(client, http.HTTPStatus.BAD_REQUEST)
            return
        host = str(ipaddress.ip_address(found[1].decode().strip("[]")))
        try:
            port = self.server.router.find(host, int(found[2]))
            upstream = socket.create_connection(("127.0.0.1", port), timeout=10)
        except Exception as error:  # whatever it is, the API server shows it and the test reads it
            self.server.router.refusals[str(error)] += 1
            _answer(client, http.HTTPStatus.BAD_GATEWAY, str(error))
            return
        with upstream:
            _answer(client, http.HTTPStatus.OK)
            _splice(client, upstream)


def _answer(client: socket.socket, status: http.HTTPStatus, reason: str = "") -> None:
    text = " ".join(reason.split()) or status.phrase
    client.sendall(f"HTTP/1.1 {status.value} {text}\r\n\r\n".encode())


def _splice(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until either side has no more, or is silent for too long."""
    peers = {one: other, other: one}
    while ready := select.select(list(peers), [], [], IDLE)[0]:
        for source in ready:
            try:
                data = source.recv(65536)
                peers[source].sendall(data)
            except OSError:
                return
            if not data:
                return


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    # Idle connections that the API server keeps open must not hold up the end.
    block_on_close = False

    def __init__(self, path: Path, router: Router) -> None:
        self.router = router
        super().__init__(str(path), _Handler)


@contextmanager
def running_proxy(path: Path) -> Iterator[Router]:
    """A CONNECT proxy on a unix socket, which it makes; the socket's path has to be short."""
    router = Router()
    with _Server(path, router) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="connect-proxy")
        thread.start()
        try:
            yield router
        finally:
            server.shutdown()
            thread.join()
