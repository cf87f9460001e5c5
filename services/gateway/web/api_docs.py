"""The API documentation, without external scripts or styles."""

from typing import Any

from fastapi import Request, Response

from services.gateway.dependencies import Settings
from services.gateway.identity.sessions import OptionalUser
from services.gateway.web.rendering import Pages
from shared.web.routes import Router

router = Router(include_in_schema=False)


@router.get("/api/docs")
async def docs(request: Request, pages: Pages, settings: Settings, _: OptionalUser) -> Response:
    document = request.app.openapi()
    return pages.render(
        request,
        "docs.html",
        document=document,
        groups=_groups(document),
        origin=settings.public_origin,
    )


def _groups(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The operations of the OpenAPI document, by tag."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            entry = _operation(document, path, method.upper(), operation)
            groups.setdefault(operation["tags"][0], []).append(entry)
    return groups


def _operation(
    document: dict[str, Any], path: str, method: str, operation: dict[str, Any]
) -> dict[str, Any]:
    answers = [
        {"status": status, "text": answer["description"], "fields": _fields(document, answer)}
        for status, answer in operation["responses"].items()
    ]
    return {
        "id": operation["operationId"],
        "path": path,
        "method": method,
        "text": operation.get("description", ""),
        "parameters": operation.get("parameters", []),
        "fields": _fields(document, operation.get("requestBody", {})),
        "form": "multipart/form-data" in operation.get("requestBody", {}).get("content", {}),
        "needs_token": bool(operation.get("security")),
        "answers": [answer for answer in answers if answer["status"].startswith("2")],
        "errors": [answer for answer in answers if not answer["status"].startswith("2")],
    }


def _fields(document: dict[str, Any], part: dict[str, Any]) -> list[dict[str, Any]]:
    """The fields of a JSON body or form."""
    content: dict[str, Any] = next(iter(part.get("content", {}).values()), {})
    schema = _resolved(document, content.get("schema", {}))
    needed = set(schema.get("required", []))
    return [
        {
            "name": name,
            "kind": _kind(field),
            "needed": name in needed,
            "text": field.get("description", ""),
        }
        for name, field in schema.get("properties", {}).items()
    ]


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = document["components"]["schemas"][name] if name else schema
    return found


def _kind(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"].rpartition("/")[2])
    if "anyOf" in field:
        return " or ".join(_kind(one) for one in field["anyOf"])
    if "enum" in field:
        return " | ".join(f"“{value}”" for value in field["enum"])
    if field.get("type") == "array":
        return f"list of {_kind(field.get('items', {}))}"
    return str(field.get("format") or field.get("type", "any"))
