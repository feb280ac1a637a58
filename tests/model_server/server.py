"""server.py PORT: a model server of KServe's SDK, with a model in place of the guide's resnet50.

For the environment of requirements.txt. The server, the protocol and its binary data extension are
the SDK's own, but for one rule that OVMS adds to the protocol and that the guide's request uses.
"""

import hashlib
import json
import sys
import uuid
from collections.abc import Mapping
from typing import Any

from kserve import (  # type: ignore[import-not-found]
    InferOutput,
    InferRequest,
    InferResponse,
    Model,
    ModelServer,
)
from kserve.errors import InvalidInput  # type: ignore[import-not-found]
from kserve.protocol.dataplane import DataPlane  # type: ignore[import-not-found]

INPUT = {"name": "0", "datatype": "BYTES", "shape": [1]}
OUTPUT = {"name": "1463", "datatype": "FP32", "shape": [1, 1000]}
LENGTH = "inference-header-content-length"


class Hash(Model):  # type: ignore[misc]
    """Sorts pictures into a thousand classes by their SHA-256: every bit of a request matters."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.load()

    def get_input_types(self) -> list[dict[str, Any]]:
        return [INPUT]

    def get_output_types(self) -> list[dict[str, Any]]:
        return [OUTPUT]

    async def predict(self, payload: InferRequest, *_: object) -> InferResponse:
        asked = [
            {"name": one.name, "datatype": one.datatype, "shape": one.shape}
            for one in payload.inputs
        ]
        if asked != [INPUT]:
            raise InvalidInput(f"inputs are {asked}, not {[INPUT]}")
        (picture,) = payload.inputs[0].data  # the SDK makes text of it
        best = int(hashlib.sha256(picture.encode()).hexdigest(), 16) % 1000
        scores = [0.9 if number == best else 0.0001 for number in range(1000)]
        output = InferOutput(OUTPUT["name"], OUTPUT["shape"], OUTPUT["datatype"], data=scores)
        return InferResponse(payload.id or str(uuid.uuid4()), self.name, [output])


class Lenient(DataPlane):  # type: ignore[misc]
    """OVMS' rule: an only input without `binary_data_size` has all that follows the JSON."""

    def decode_inference_request(
        self, body: Any, headers: Mapping[str, str], model_name: str
    ) -> InferRequest:
        if isinstance(body, bytes) and LENGTH in headers:
            length = int(headers[LENGTH])
            try:
                header = json.loads(body[:length])
            except ValueError:
                header = {}  # for the SDK to refuse
            match header:
                case {"inputs": [{"name": _, **only}]} if not {"data", "parameters"} & set(only):
                    size = len(body) - length
                    header["inputs"][0]["parameters"] = {"binary_data_size": size}
                    whole = json.dumps(header).encode()
                    body = whole + body[length:]
                    headers = {**headers, LENGTH: str(len(whole))}
        return super().decode_inference_request(body, headers, model_name)


def main(port: int) -> None:
    server = ModelServer(http_port=port, enable_grpc=False)
    server.dataplane = Lenient(model_registry=server.registered_models)
    server.start([Hash("ovms-resnet50")])


if __name__ == "__main__":
    main(int(sys.argv[1]))
