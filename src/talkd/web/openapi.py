"""The OpenAPI document, generated from the route table."""

import re
import types
import typing
from collections.abc import Iterable
from typing import Any

import msgspec

from talkd import __version__
from talkd.web.auth import COOKIE
from talkd.web.guards import REFUSALS
from talkd.web.ocs import STATUS
from talkd.web.params import LongText, Scalar, StoredUpload, Upload, takes_many
from talkd.web.routing import ROOM_GUARDS, Guard, Kind, Route

Schema = dict[str, Any]

OCS = "/ocs/v2.php"
METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"})
"""The methods that OpenAPI 3.1 knows. Operations with those of WebDAV have no place in the document."""
_OTHERS = re.compile("[^A-Za-z0-9]+")
_IN_PATH = re.compile(r"\{(\w+)\}")
_REF = "#/components/schemas/{name}"

_MEANING = {
    304: "Nothing has changed.",
    400: "A parameter is missing or has a wrong type or value.",
    401: "Nobody is logged in, or the credentials are wrong.",
    403: "The caller may not do this.",
    404: "The object does not exist, or the caller may not know of it.",
    405: "The operation is not available for this kind of object.",
    409: "The request conflicts with another session or a concurrent change.",
    412: "The caller must wait in the lobby, or the header `OCS-APIRequest` is missing.",
    413: "Too large.",
    429: "Too many failed attempts. `Retry-After` is the seconds to wait.",
    501: "Not available on this server.",
}
_TYPES: dict[Any, Schema] = {
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    str: {"type": "string"},
    Scalar: {"type": ["string", "number", "boolean"]},
    LongText: {"type": "string"},
    list[str]: {"type": "array", "items": {"type": "string"}},
    list[int]: {"type": "array", "items": {"type": "integer"}},
    dict[str, list[str]]: {
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"type": "string"}},
    },
    Upload: {"type": "string", "contentMediaType": "application/octet-stream"},
    StoredUpload: {"type": "string", "contentMediaType": "application/octet-stream"},
}


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of all operations whose methods it knows.

    Those of OCS are listed with the prefix `/ocs/v2.php`.
    """
    table = tuple(route for route in routes if route.method in METHODS)
    returned = {kind for route in table for kind in _kinds(route.returns)}
    kinds = tuple(sorted(returned, key=repr))
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    described = dict(zip(kinds, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in table:
        path = (OCS if route.kind is Kind.OCS else "") + route.path.replace("{*", "{")
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, path, described)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "talkd",
            "version": __version__,
            "description": "Conversations, chat, calls and their administration.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": {**components, "Meta": _META, "Refusal": {"anyOf": [_envelope({}), _CSRF]}},
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            },
        },
    }


_META: Schema = {
    "type": "object",
    "required": ["status", "statuscode", "message"],
    "properties": {
        "status": {"enum": ["ok", "failure"]},
        "statuscode": {"type": "integer"},
        "message": {"type": ["string", "null"]},
    },
}
_LOGINS: list[dict[str, list[str]]] = [{"basic": []}, {"bearer": []}, {"cookie": []}]


def _kinds(returns: Any) -> tuple[Any, ...]:
    """Return the types that an operation's data may have, none if they are not declared."""
    if returns is None or returns is Any:
        return ()
    return typing.get_args(returns) if isinstance(returns, types.UnionType) else (returns,)


def _operation(route: Route, path: str, described: dict[Any, Schema]) -> dict[str, Any]:
    parameters, body = _inputs(route, path)
    anyone = Guard.NO_LOGIN in route.guards
    operation: dict[str, Any] = {
        "operationId": f"{route.method.lower()}{_OTHERS.sub('-', path)}".rstrip("-"),
        "summary": route.summary.rstrip("."),
        "tags": [route.tag],
        "parameters": parameters,
        "responses": {"2XX": _answer(route, described), **_refusals(route)},
        "security": [{}, *_LOGINS] if anyone else _LOGINS,
    }
    if body is not None:
        operation["requestBody"] = body
    return operation


# --- requests ---------------------------------------------------------------------------
def _inputs(route: Route, path: str) -> tuple[list[Schema], Schema | None]:
    in_path = _IN_PATH.findall(path)
    fields = {field.encode_name: field for field in msgspec.structs.fields(route.params)}
    hints = typing.get_type_hints(route.params)
    parameters: list[Schema] = [
        {"name": name, "in": "path", "required": True, "schema": _TYPES[str]} for name in in_path
    ]
    if route.kind is Kind.OCS and route.csrf:
        parameters.append({"name": "OCS-APIRequest", "in": "header", "required": True, "schema": {"enum": ["true"]}})
    rest = {name: field for name, field in fields.items() if name not in in_path}
    properties = {name: _schema(hints[field.name], field) for name, field in rest.items()}
    required = [name for name, field in rest.items() if field.required]
    if route.receives:
        return parameters, {"content": {"application/octet-stream": {"schema": {}}}}
    if not properties:
        return parameters, None
    if route.method == "GET":
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": schema}
            for name, schema in properties.items()
        ]
        return parameters, None
    files = any(_plain(hints[field.name])[0] in (Upload, StoredUpload) for field in rest.values())
    form = route.kind is Kind.PLAIN and not files
    media = "multipart/form-data" if files else "application/x-www-form-urlencoded" if form else "application/json"
    schema: Schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    return parameters, {"required": bool(required), "content": {media: {"schema": schema}}}


def _plain(hint: Any) -> tuple[Any, bool]:
    """Return a parameter's type without null, and whether null is allowed."""
    if isinstance(hint, types.UnionType):
        members = [member for member in typing.get_args(hint) if member is not type(None)]
        return members[0], len(members) < len(typing.get_args(hint))
    return hint, False


def _schema(hint: Any, field: msgspec.structs.FieldInfo) -> Schema:
    kind, nullable = _plain(hint)
    schema = dict(_TYPES[kind])
    if nullable:
        schema = {"oneOf": [schema, {"type": "null"}]}
    if isinstance(field.default, str):
        schema["default"] = str(field.default)  # a Scalar becomes a plain text
    elif isinstance(field.default, int | bool):
        schema["default"] = field.default
    return schema


# --- answers -------------------------------------------------------------------------
def _envelope(data: Schema) -> Schema:
    return {
        "type": "object",
        "required": ["ocs"],
        "properties": {
            "ocs": {
                "type": "object",
                "required": ["meta", "data"],
                "properties": {"meta": {"$ref": _REF.format(name="Meta")}, "data": data},
            }
        },
    }


def _answer(route: Route, described: dict[Any, Schema]) -> Schema:
    kinds = [described[kind] for kind in _kinds(route.returns)]
    data: Schema = {"anyOf": kinds} if len(kinds) > 1 else kinds[0] if kinds else {}
    if route.kind is Kind.OCS:
        return {"description": "Done.", "content": {"application/json": {"schema": _envelope(data)}}}
    if data:
        return {"description": "Done.", "content": {"application/json": {"schema": data}}}
    return {"description": "A page, a picture, or a redirect."}


def _refusals(route: Route) -> dict[str, Schema]:
    guards = set(route.guards)
    statuses = set(route.errors)
    if msgspec.structs.fields(route.params):
        statuses.add(400)
    if takes_many(route.params):
        statuses.add(413)
    if Guard.NO_LOGIN not in guards:
        statuses |= {401, 429}
    statuses |= {STATUS[REFUSALS[guard]] for guard in guards if guard in REFUSALS}
    if guards & ROOM_GUARDS:
        statuses.add(404)
    if route.csrf:
        statuses.add(412)
    if route.throttle or route.limit or "{token}" in route.path:
        statuses.add(429)
    return {str(status): _refusal(route, status) for status in sorted(statuses)}


def _refusal(route: Route, status: int) -> Schema:
    described: Schema = {"description": _MEANING.get(status, "Refused.")}
    if status != 304 and route.kind is Kind.OCS:
        described["content"] = {"application/json": {"schema": {"$ref": _REF.format(name="Refusal")}}}
    return described


_CSRF: Schema = {"type": "object", "required": ["message"], "properties": {"message": {"type": "string"}}}
