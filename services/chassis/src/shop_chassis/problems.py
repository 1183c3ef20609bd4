"""Errors as `application/problem+json` (RFC 9457), and nothing about the inside of the service in them."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

MEDIA_TYPE = "application/problem+json"


class InvalidField(BaseModel):
    """One thing that is wrong with a request."""

    where: str = Field(examples=["body.price.amount"])
    problem: str = Field(examples=["Input should be a valid integer"])


class ProblemDetails(BaseModel):
    """The body of every answer from 400 on."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(
        default="about:blank", description="Names the kind of problem where the status is not enough"
    )
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str | None = Field(default=None, examples=["there is no product with this id"])
    errors: list[InvalidField] | None = None


class Problem(Exception):  # noqa: N818 - the RFC's word
    """Raised by handlers: ends the request with this answer."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        type: str = "about:blank",
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        """`members` are added to the body; they must be JSON."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.type = type
        self.headers = headers
        self.members = members


def problem_response(
    status: int,
    detail: str | None = None,
    *,
    type: str = "about:blank",
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> Response:
    """The answer to a request that failed."""
    body: dict[str, Any] = {"type": type, "title": HTTPStatus(status).phrase, "status": status}
    if detail:
        body["detail"] = detail
    return JSONResponse(body | members, status, headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Makes every error of the application a problem, the framework's own included."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        document = described()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        if "ProblemDetails" not in schemas:
            own = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(own.pop("$defs"))
            schemas["ProblemDetails"] = own
            for operation in _operations(document):
                answers = operation["responses"]
                if "requestBody" in operation:  # it may be no text at all
                    answers |= documented("400")
                if MEDIA_TYPE not in answers.get("422", {}).get("content", {}):  # the framework's own shape
                    answers |= documented("422")
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to change the document
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(RequestValidationError, _invalid)


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


def documented(*statuses: int | str) -> dict[int | str, dict[str, Any]]:
    """For a router's or route's `responses`."""
    return {
        status: {
            "description": HTTPStatus(int(status)).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
        }
        for status in statuses
    }


async def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(
        error.status, error.detail, type=error.type, headers=error.headers, **error.members
    )


async def _http_exception(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = error.detail if error.detail != HTTPStatus(error.status_code).phrase else None
    return problem_response(error.status_code, detail, headers=error.headers)


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [{"where": ".".join(map(str, each["loc"])), "problem": each["msg"]} for each in error.errors()]
    summary = "; ".join(f"{each['where']}: {each['problem']}" for each in errors[:3])
    return problem_response(422, summary, errors=errors)
