"""The OpenAPI document: what FastAPI makes of the routes, with problems, ways to sign in, and its address."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from openova_console.api.rest.callers import READ, Asks, may
from openova_console.api.rest.problems import MEDIA_TYPE, Problem

PREFIX = "/api/v1"
_EVERYWHERE = {
    "400": "The address could be read in two ways",
    "421": "This console does not answer for that host name",
    "401": "Nobody is signed in, or the token does not count",
    "403": "Not allowed",
    "429": "Too many requests; Retry-After says when",
    "500": "The console failed to answer",
    "503": "The console's database does not answer",
}
_WITH_INPUT = {"422": "The request cannot be used; errors by field"}
_WITH_BODY = {
    "409": "A guard, a state, or another request stands against it",
    "413": "Larger than 64 KiB",
    "415": "Not JSON",
    **_WITH_INPUT,
}
_DESCRIPTION = (
    "Everything that changes the platform: requested, approved, run, verified, sealed. People send their session's cookie, "
    "machines `Authorization: Bearer …`. Machines ask and read, and never decide. Errors are problem documents (RFC 9457)."
)


def document(api: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, made once."""
    if api.openapi_schema is None:
        made = get_openapi(
            title="OpenOva Console",
            version="1",
            description=_DESCRIPTION,
            routes=api.routes,
            servers=[{"url": PREFIX}],
            separate_input_output_schemas=False,
        )
        parts = made.setdefault("components", {})
        schemas = parts.setdefault("schemas", {})
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs", {}))
        schemas["Problem"] = problem
        parts["securitySchemes"] = {
            "session": {"type": "apiKey", "in": "cookie", "name": "openova"},
            "token": {"type": "http", "scheme": "bearer"},
        }
        made["security"] = [{"session": []}, {"token": []}]
        for path, methods in made["paths"].items():
            for operation in methods.values():
                _problems(path, operation)
        api.openapi_schema = made
    return api.openapi_schema


def _problems(path: str, operation: dict[str, Any]) -> None:
    """Say which problems an operation answers with."""
    found = dict(_EVERYWHERE)
    if "{" in path or "requestBody" in operation:
        found["404"] = "Not there"
    if "requestBody" in operation:
        found |= _WITH_BODY
    elif operation.get("parameters"):
        found |= _WITH_INPUT
    if _decides(path, operation):
        found["409"] = _WITH_BODY["409"]
    operation["responses"].pop("422", None)
    for status, sentence in sorted(found.items()):
        content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        operation["responses"][status] = {"description": sentence, "content": content}


def _decides(path: str, operation: dict[str, Any]) -> bool:
    return path.endswith("/revoke") or operation.get("operationId", "").startswith("lift")


def add(api: FastAPI) -> None:
    """Add the route of the document. There is no page around it: that would come from elsewhere."""

    @api.get("/openapi.json", include_in_schema=False)
    @may(READ)
    async def openapi(caller: Asks) -> dict[str, Any]:
        return document(api)
