"""The API put together: its operations, and the document that describes them (OpenAPI 3.1)."""

from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path, re_path
from ninja import NinjaAPI, Router
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema

from ops.api import bank, edge, employers, late, letters, log, payments, problems, runs, tokens
from ops.api.auth import SCHEME, WINDOW_S
from ops.api.gate import ANY_KEY, BANK, OPEN, SIGNED, operation
from ops.api.shapes import StrictJson, Told
from payroll import __version__

DESCRIPTION = f"""\
Every request but /health, /task-tokens and /bank/webhooks is signed:
`Authorization: {SCHEME} key=pk_…, timestamp=<seconds since 1970>, nonce=<16 to 64 of A-Za-z0-9_->, signature=<hex>`.
The signature is HMAC-SHA256, with the key's secret, over seven lines joined by line feeds: method, path
(percent-decoded), query as sent, timestamp, nonce, Idempotency-Key (or nothing), SHA-256 of the body in hex.
A request is taken once, within {WINDOW_S} seconds of its timestamp.
Errors are problem documents (RFC 9457). Amounts are integer cents."""

WEBHOOK = """\
As Standard Webhooks 1.0: webhook-id, webhook-timestamp (seconds since 1970) and webhook-signature, "v1," and the base64
of the HMAC-SHA256 of "<id>.<timestamp>.<body>" under the secret that the bank shares with us."""


class PayrollApi(NinjaAPI):
    """The document says how requests are signed, and that errors are problem documents."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        document = super().get_openapi_schema(**options)
        document["components"]["securitySchemes"] = {
            SIGNED: {"type": "apiKey", "in": "header", "name": "Authorization", "description": DESCRIPTION},
            BANK: {"type": "apiKey", "in": "header", "name": "webhook-signature", "description": WEBHOOK},
        }
        for operations in document["paths"].values():
            for declared in operations.values():
                for status, answer in declared["responses"].items():
                    if status >= 400:
                        answer["content"] = {problems.MEDIA_TYPE: next(iter(answer["content"].values()))}
        return document


api = PayrollApi(
    title="Payroll",
    version=__version__,
    description=DESCRIPTION,
    urls_namespace="api",
    docs_url=None,  # its page would load scripts from elsewhere
    openapi_url=None,  # served below, behind the gate
    parser=StrictJson(),
)
for raised in (Exception, ValidationError, HttpError):
    api.add_exception_handler(raised, problems.on_exception)

about = Router(tags=["about"])


class Health(Told):
    status: str = "ok"


@operation(about, "GET", "/health", OPEN, {200: Health}, 503)
def health(request: HttpRequest) -> Health:
    """The web process answers. It says nothing else, and asks nobody else."""
    return Health()


@operation(about, "GET", "/openapi.json", ANY_KEY, {200: dict[str, Any]})
def openapi(request: HttpRequest) -> dict[str, Any]:
    """This document; any key in force may read it."""
    return dict(api.get_openapi_schema())


for part in (about, *(each.router for each in (runs, employers, late, payments, letters, log, tokens, bank))):
    api.add_router("", part)

urlpatterns: list[URLPattern] = [
    path("v1/", api.urls),  # type: ignore[list-item]
    re_path("", edge.unknown),
]
