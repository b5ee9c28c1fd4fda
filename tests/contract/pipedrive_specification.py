"""Pipedrive's own specification as a judge of requests and answers.

The files are Pipedrive's and not ours to pass on: they are read from the folder that `WATERTIGHT_PIPEDRIVE_SPECS` names.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from werkzeug.datastructures import Headers, ImmutableMultiDict

from simulator.hubspot.answers import Request, Response

FILES = {"/api/v2": "pipedrive-v2.yaml", "/v1": "pipedrive-v1.yaml"}
HOST = "https://api.pipedrive.com"


class _AskedFor:
    """A request in the shape that openapi-core asks for."""

    host_url = HOST
    content_type = ""
    body = None

    def __init__(self, request: Request, query: Mapping[str, list[str]]) -> None:
        self.path = request.path
        self.method = request.method.lower()
        pairs = [(name, value) for name, values in query.items() for value in values]
        self.parameters = RequestParameters(query=ImmutableMultiDict(pairs), header=Headers(request.headers))


class _Answered:
    content_type = "application/json"

    def __init__(self, response: Response) -> None:
        self.status_code = response.status
        self.data = response.body
        self.headers = Headers(response.headers)


class Specification:
    """Both versions. `faults_of` judges one exchange; an empty list is a good one."""

    def __init__(self, folder: Path) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.documents: dict[str, Any] = {
            prefix: yaml.load((folder / name).read_text(), Loader=loader)  # noqa: S506 - a safe loader either way
            for prefix, name in FILES.items()
        }
        self._judges = {
            prefix: OpenAPI.from_dict(self._made_strict(document)) for prefix, document in self.documents.items()
        }

    @staticmethod
    def _made_strict(document: dict[str, Any]) -> dict[str, Any]:
        """Parameters that the description calls a comma separated list take one, whatever values the schema enumerates."""
        ours = copy.deepcopy(document)
        for operations in ours["paths"].values():
            for parameter in operations.get("get", {}).get("parameters", []):
                if "comma separated" in parameter.get("description", ""):
                    parameter["schema"].pop("enum", None)
        return ours

    def parameters_of(self, prefix: str, path: str) -> dict[str, dict[str, Any]] | None:
        """The query parameters of a GET by name; None for a path that the specification does not have."""
        for template, operations in self.documents[prefix]["paths"].items():
            ours, theirs = path.strip("/").split("/"), template.strip("/").split("/")
            fits = len(ours) == len(theirs) and all(
                mine == other or (other.startswith("{") and mine.isdigit())
                for mine, other in zip(ours, theirs, strict=True)
            )
            if fits and "get" in operations:
                return {each["name"]: each for each in operations["get"].get("parameters", []) if each["in"] == "query"}
        return None

    def cost_of(self, prefix: str, path: str) -> int | None:
        """The tokens of a GET."""
        for template, operations in self.documents[prefix]["paths"].items():
            if template == path and "get" in operations:
                return int(operations["get"]["x-token-cost"])
        return None

    def faults_of(self, request: Request, response: Response) -> list[str]:
        """What is wrong with a request or with its answer, in words."""
        prefix = next((each for each in FILES if request.path.startswith(each + "/")), None)
        if prefix is None:
            return [f"{request.path} is no path of Pipedrive"]
        if "x-api-token" not in request.headers:
            return [f"{request.path} was asked for without x-api-token"]
        known = self.parameters_of(prefix, request.path.removeprefix(prefix))
        if known is None:
            return [f"{request.path} is not in the specification"]
        faults = [f"{request.path} knows no parameter {name}" for name in request.query if name not in known]
        for name, values in request.query.items():
            allowed = known.get(name, {}).get("schema", {}).get("enum")
            strange = {part for value in values for part in value.split(",")} - {str(each) for each in allowed or []}
            if allowed and strange:
                faults.append(f"{request.path} knows no {name} {sorted(strange)}")
        query = {
            name: [part for value in values for part in value.split(",")]
            if known.get(name, {}).get("schema", {}).get("type") == "array"
            else values
            for name, values in request.query.items()
        }
        try:
            asked = _AskedFor(request, query)
            self._judges[prefix].validate_request(asked)
            if response.status == 200:
                self._judges[prefix].validate_response(asked, _Answered(response))
        except OpenAPIError as error:
            causes = getattr(error.__cause__, "schema_errors", None) or [error.__cause__ or error]
            faults += [
                f"{request.path}: {type(error).__name__}: {getattr(cause, 'message', cause)} at {list(getattr(cause, 'path', []))}"
                for cause in causes
            ][:5]
        return faults
