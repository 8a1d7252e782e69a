"""The outermost layer of the API: size of a request, headers of every answer, every error a problem document."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from ops.api import problems
from ops.api.problems import BAD_REQUEST, NOT_FOUND, TOO_LARGE, Problem

PREFIX = "/api/"
LENGTH_DIGITS = 18  # more of them are no length
KEPT = ("Allow", "Retry-After", "WWW-Authenticate")
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


class Edge:
    """Middleware, to be the first one: so nothing that Django answers by itself leaves as a page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not f"{request.path}/".startswith(PREFIX):
            return self.get_response(request)
        answer = self._answer(request)
        for name, value in HEADERS.items():
            answer[name] = value
        return answer

    def _answer(self, request: HttpRequest) -> HttpResponse:
        try:
            _check_length(request)
        except Problem as refusal:
            return problems.response(refusal)
        answer = self.get_response(request)
        if answer.status_code < 400 or answer["Content-Type"] == problems.MEDIA_TYPE:
            return answer
        kept = {name: answer[name] for name in KEPT if name in answer}
        problem = problems.of_status(answer.status_code)
        problem.headers |= kept
        return problems.response(problem)


def unknown(request: HttpRequest, **_: object) -> HttpResponse:
    """What is not an address of the API."""
    return problems.response(Problem(NOT_FOUND, "nothing is found under this address"))


unknown.csrf_exempt = True  # type: ignore[attr-defined]


def _check_length(request: HttpRequest) -> None:
    """Refuse a request by what it says of its length, before any of it is read. Raises Problem."""
    text, most = str(request.META.get("CONTENT_LENGTH") or "0"), settings.PAYROLL_API_BODY_BYTES
    if not (text.isascii() and text.isdigit()):
        raise Problem(BAD_REQUEST, "Content-Length is no number of bytes")
    if len(text) > LENGTH_DIGITS or int(text) > most:
        raise Problem(TOO_LARGE, f"a request has up to {most} bytes")
