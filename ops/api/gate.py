"""What every request passes before its operation: signature, rate, scope, media type, parameters, idempotency.

Whatever is declared through `operation` below is closed unless it is said to be open; nothing is declared otherwise.
"""

from collections.abc import Callable
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Router
from ninja.decorators import decorate_view
from ninja.operation import Operation

from ops.api import auth, idempotency, problems, rate
from ops.api.auth import Caller
from ops.api.keys import Scope
from ops.api.problems import FORBIDDEN, INVALID, TOO_MANY, UNSUPPORTED, Finding, Problem, ProblemDocument

SIGNED = "signature"  # the name of the security scheme
ANY_KEY = "any key"
BANK = "bank"  # signed as the bank signs what it tells; also the name of that security scheme
OPEN = "open"  # to everybody: health, and what a task token opens by itself
JSON = "application/json"

Run = Callable[..., HttpResponse]

IDEMPOTENCY_KEY = {
    "in": "header",
    "name": idempotency.HEADER,
    "required": True,
    "schema": {"type": "string", "pattern": f"^{idempotency.FORM.pattern}$"},
    "description": "The same key and request again get the same answer, and act once. Kept for a day.",
}


def operation(
    router: Router,
    method: str,
    path: str,
    access: Scope | str,
    answers: dict[int, Any],
    *problem_statuses: int,
    once: bool = False,
    documents: dict[str, Any] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare an operation: its address, who may, what it answers.

    access            a scope, ANY_KEY, BANK or OPEN
    answers           by status
    problem_statuses  of its own; those of the gate are added
    once              asks for an Idempotency-Key, and acts once under it
    documents         what the document says of it besides, where no parameter says it
    """
    statuses = {400, 422, 500, 503, *problem_statuses} if access != OPEN else {500, *problem_statuses}
    statuses |= {401} if access == BANK else {401, 403, 429} if access != OPEN else set()
    statuses |= {409, 413, 415} if method == "POST" else set()
    extra: dict[str, Any] = dict(documents or {})
    if access != OPEN:
        extra["security"] = [{BANK: []} if access == BANK else {SIGNED: _roles(access)}]
    if once:
        extra["parameters"] = [IDEMPOTENCY_KEY]
    declared = router.api_operation(
        [method],
        path,
        response=answers | dict.fromkeys(sorted(statuses), ProblemDocument),
        openapi_extra=extra,
        exclude_none=False,
    )

    def declare(view: Callable[..., Any]) -> Callable[..., Any]:
        closed = decorate_view(_gate(access, once))(view)
        return declared(closed)

    return declare


def caller(request: HttpRequest) -> Caller:
    """Who asked, once the gate was passed."""
    return cast(Caller, request.auth)  # type: ignore[attr-defined]


def _roles(access: str) -> list[str]:
    return [] if access == ANY_KEY else [str(access)]


def _gate(access: str, once: bool) -> Callable[[Run], Run]:
    def decorate(run: Run) -> Run:
        known = _query_names(run.__self__)  # type: ignore[attr-defined]

        def gate(request: HttpRequest, **path: Any) -> HttpResponse:
            try:
                key = _admit(request, access)
                _check_form(request, path, known)
                if once:
                    return idempotency.once(request, key, lambda: run(request, **path))
                return run(request, **path)
            except Exception as error:
                return problems.on_exception(request, error)

        gate.access = access  # type: ignore[attr-defined]
        return gate

    return decorate


def _admit(request: HttpRequest, access: str) -> str:
    """Who asks, whether too often, and whether they may; returns the id of the key, empty where none is asked for."""
    if access == OPEN:
        return ""
    if access == BANK:
        auth.authenticate_bank(request)
        return ""
    asking = auth.authenticate(request)
    counted = rate.count(asking.key)
    if counted.calls > settings.PAYROLL_API_CALLS_PER_MINUTE:
        detail = f"this key may call {settings.PAYROLL_API_CALLS_PER_MINUTE} times a minute"
        raise Problem(TOO_MANY, detail, headers={"Retry-After": str(counted.left_s)})
    if access != ANY_KEY and access not in asking.scopes:
        raise Problem(FORBIDDEN, f"this needs the scope {access}")
    request.auth = asking  # type: ignore[attr-defined]
    return asking.key


def _check_form(request: HttpRequest, path: dict[str, Any], known: set[str]) -> None:
    """Media type, and parameters that are known, given once and storable. Raises Problem."""
    if request.method == "POST" and (
        request.content_type != JSON
        or (request.content_params or {}).get("charset", "utf-8").lower() != "utf-8"
        or request.headers.get("Content-Encoding", "identity") != "identity"
    ):
        raise Problem(UNSUPPORTED, f"send {JSON}, in UTF-8 and not compressed")
    findings = []
    for name, values in request.GET.lists():
        if name not in known:
            findings.append(Finding(where="query.(unknown parameter)", what=f"known are {sorted(known)}"))
        elif len(values) > 1:
            findings.append(Finding(where=f"query.{name}", what="is given more than once"))
    if "\0" in "".join(map(str, [*path.values(), *request.GET.values()])):
        findings.append(Finding(where="path or query", what="holds a NUL character"))
    if findings:
        raise Problem(INVALID, "some parameters are unknown or of another form", findings=findings)


def _query_names(declared: Operation) -> set[str]:
    return {
        name
        for model in declared.models
        if model.__ninja_param_source__ == "query"
        for name in model.__ninja_flatten_map__
    }
