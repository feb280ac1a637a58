"""Requests to the API server without kubectl, whose start is too dear to ask every moment."""

import http.client
import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Object = dict[str, Any]  # a Kubernetes object, or a list of them

METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
JSON_PATCH = "application/json-patch+json"


class RefusedError(Exception):
    """The API server said no.

    Attributes:
        code: the HTTP status.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass(frozen=True)
class ApiClient:
    """Somebody with a token at an API server on loopback.

    Attributes:
        authority: the file with its certificate.
    """

    port: int
    authority: Path
    token: str

    def get(self, path: str, *, accept: str = "application/json") -> Object:
        return self.request("GET", path, accept=accept)

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        accept: str = "application/json",
        content_type: str = "application/json",
    ) -> Object:
        """What the server answers.

        Raises:
            RefusedError: it did not do it.
            OSError: it is not there.
        """
        status, text = self.raw(method, path, body, accept=accept, content_type=content_type)
        if status >= 400:
            raise RefusedError(status, _message(text))
        return dict(json.loads(text))

    def raw(
        self, method: str, path: str, body: object = None, *, accept: str, content_type: str
    ) -> tuple[int, str]:
        """Status and text of an answer."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1",
            self.port,
            timeout=30,
            context=ssl.create_default_context(cafile=str(self.authority)),
        )
        try:
            connection.request(
                method,
                path,
                None if body is None else json.dumps(body),
                {
                    "Authorization": f"Bearer {self.token}",
                    "Accept": accept,
                    "Content-Type": content_type,
                },
            )
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def ready(self) -> bool:
        """Whether it answers, and says that it is ready."""
        try:
            status, _ = self.raw("GET", "/readyz", accept="*/*", content_type="text/plain")
        except (OSError, http.client.HTTPException):
            return False
        return status == 200


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text.strip()
