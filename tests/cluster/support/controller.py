"""KServe's controllers, as processes that stand for the Pods of the shipped Deployments.

What the Deployment says is kept: its ServiceAccount, and with it the shipped RBAC; its environment;
its arguments, but for addresses, which are of this machine; and the Secret that it mounts.
"""

import base64
import json
import re
import shutil
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integration.support.process import Process, free_ports, running, wait_until
from integration.support.surroundings import NAMESPACE

from cluster.support.api_client import Object
from cluster.support.api_server import Cluster

KSERVE = "kserve-controller-manager"
LLM_D = "llmisvc-controller-manager"
# Where controller-runtime looks for certificates, and Deployments mount them: below os.TempDir().
TEMPORARY = "/tmp"
CERTIFICATES = "/tmp/k8s-webhook-server/serving-certs"
# client-go's own lines: E1121 07:12:46.123456 …
KLOG_ERROR = re.compile(r"^E[0-9]{4} ")


@dataclass(frozen=True)
class Controller:
    """A running controller.

    Attributes:
        deployment: the one that it stands for.
        kubeconfig: of its ServiceAccount, to see what that may do.
    """

    deployment: str
    process: Process
    kubeconfig: Path

    @property
    def log(self) -> str:
        return self.process.text()

    @property
    def errors(self) -> list[str]:
        """What the log reports as errors, in order, each one once and without its stack."""
        found = (_error(line) for line in self.log.splitlines())
        return list(dict.fromkeys(filter(None, found)))


def _error(line: str) -> str:
    """The error that a line of a log reports; "" for all others."""
    if KLOG_ERROR.match(line):
        return line.partition("] ")[2]
    if line.startswith(("panic:", "fatal error:")):
        return line
    try:
        entry: Any = json.loads(line)
    except ValueError:
        return ""
    if not isinstance(entry, dict) or entry.get("level") in (None, "debug", "info", "warn"):
        return ""
    return ": ".join(str(entry[key]) for key in ("logger", "msg", "error") if key in entry)


@contextmanager
def running_controller(
    cluster: Cluster,
    program: Path,
    deployment: str = KSERVE,
    *,
    namespace: str = NAMESPACE,
    timeout: float = 60.0,
) -> Iterator[Controller]:
    """A controller that is ready and that webhooks reach, until the end of the block.

    Args:
        program: its binary.
        deployment: the shipped Deployment that it stands for; it must be in the cluster.
    """
    shipped = cluster.get("deployment", deployment, namespace)
    pod = shipped["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    directory = cluster.directory / deployment
    shutil.rmtree(directory / "tmp", ignore_errors=True)
    (directory / "tmp").mkdir(parents=True)
    _mount(cluster, pod, container, directory / "tmp", namespace)
    account = pod["serviceAccountName"]
    token = cluster.create_token(account, namespace)
    kubeconfig = cluster.kubeconfig(account, token)
    webhook, metrics, probe = free_ports(3)
    env = {
        **cluster.environment,
        **_environment(container, namespace),
        "TMPDIR": str(directory / "tmp"),
        "KUBECONFIG": str(kubeconfig),
    }
    words: list[str | Path] = [program, *_arguments(container, webhook, metrics, probe)]
    with running(words, log=directory / "log", env=env, name=deployment) as process:
        wait_until(
            lambda: _ready(probe) and _serves_tls(webhook),
            f"{deployment} is ready",
            timeout=timeout,
            process=process,
        )
        with cluster.router.registered(namespace, deployment, {_webhook_port(container): webhook}):
            yield Controller(deployment, process, kubeconfig)


def _arguments(container: Object, webhook: int, metrics: int, probe: int) -> list[str]:
    """The shipped arguments, with ports that are free here.

    --leader-elect goes: without a Pod's own files a controller does not know in which namespace.
    """
    replaced = ("--metrics-addr", "--webhook-port", "--health-probe-addr", "--leader-elect")
    kept = [word for word in container.get("args", ()) if word.partition("=")[0] not in replaced]
    return [
        *kept,
        f"--metrics-addr=127.0.0.1:{metrics}",
        f"--webhook-port={webhook}",
        f"--health-probe-addr=127.0.0.1:{probe}",
    ]


def _environment(container: Object, namespace: str) -> dict[str, str]:
    """What the container gets as environment."""
    found: dict[str, str] = {}
    for variable in container.get("env", ()):
        source = variable.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath")
        if source == "metadata.namespace":
            found[variable["name"]] = namespace
        else:
            assert "value" in variable, f"no idea what the variable is: {variable}"
            found[variable["name"]] = variable["value"]
    return found


def _webhook_port(container: Object) -> int:
    (port,) = (port for port in container["ports"] if port.get("name") == "webhook-server")
    return int(port["containerPort"])


def _mount(
    cluster: Cluster, pod: Object, container: Object, temporary: Path, namespace: str
) -> None:
    """Put the Secret with the certificates where the container has it."""
    (mount,) = (one for one in container["volumeMounts"] if one["mountPath"] == CERTIFICATES)
    (volume,) = (one for one in pod["volumes"] if one["name"] == mount["name"])
    name = volume["secret"]["secretName"]
    secret = wait_until(
        lambda: cluster.find("secret", name, namespace), f"service-ca makes the secret {name}"
    )
    target = temporary / Path(CERTIFICATES).relative_to(TEMPORARY)
    target.mkdir(parents=True)
    for key, value in secret["data"].items():
        (target / key).write_bytes(base64.b64decode(value))


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _serves_tls(port: int) -> bool:
    """Whether the webhooks' server is there; llm-d's controller calls itself ready before it is."""
    try:
        return bool(ssl.get_server_certificate(("127.0.0.1", port), timeout=5))
    except OSError:
        return False
