"""Who may call: signatures by a published vector, each request once, keys in force, and nothing told about why not."""

import hashlib
import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from ops.api import auth, forget, keys
from ops.models import ApiKey, ApiNonce
from tests.api import calling
from tests.api.calling import problem

pytestmark = pytest.mark.usefixtures("db")

# printf '%s\n…' | openssl dgst -sha256 -hmac sk_test, over these seven lines without a line feed at the end
SECRET = "sk_test"
LINES = (
    "POST",
    "/api/v1/runs",
    "",
    "1763712000",
    "0123456789abcdef",
    "k-1",
    "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",  # sha256sum of {}
)
SIGNATURE = "57bf31559cb2fa2c79f62a5ae4c7a18c4f8e8f6d869a271aad85a01ee1e7e138"


def signed(program: calling.Program, path: str = "/api/v1/runs", **changes: Any) -> dict[str, str]:
    return {"Authorization": program.authorization("GET", path, **changes)}


def test_the_published_vector() -> None:
    assert hashlib.sha256(b"{}").hexdigest() == LINES[-1]
    assert calling.signature(SECRET, *LINES) == SIGNATURE
    assert auth.string_to_sign(*LINES[:6], b"{}") == "\n".join(LINES).encode()


def test_a_signed_request_is_taken_and_recorded_as_used() -> None:
    program = calling.program("runs:read", name="portal")
    before = timezone.now()
    assert program.get("/runs").status_code == 200
    assert ApiKey.objects.get(name="portal").last_used_at >= before.replace(microsecond=0)


def test_query_and_path_are_signed_as_they_are_read() -> None:
    program = calling.program()
    assert program.get("/dead-letters", employer="A-1", limit=5).status_code == 200
    path = "/api/v1/runs/00000000-0000-0000-0000-000000000000/employers/%41%431/employees"
    problem(program.raw("GET", path, headers=signed(program, path)), 404)


def test_the_same_request_again_is_refused() -> None:
    program = calling.program()
    headers = signed(program)
    assert program.raw("GET", "/api/v1/runs", headers=headers).status_code == 200
    problem(program.raw("GET", "/api/v1/runs", headers=headers), 401, "unsigned")


def test_a_nonce_belongs_to_one_key() -> None:
    nonce = "n" * 32
    for program in (calling.program(), calling.program()):
        response = program.raw("GET", "/api/v1/runs", headers=signed(program, nonce=nonce))
        assert response.status_code == 200
        again = signed(program, nonce=nonce, timestamp=int(time.time()) + 1)
        problem(program.raw("GET", "/api/v1/runs", headers=again), 401)


def test_what_is_refused_uses_up_no_nonce() -> None:
    program = calling.program()
    nonce = "n" * 32
    forged = calling.Program(program.key, "sk_forged")
    problem(program.raw("GET", "/api/v1/runs", headers=signed(forged, nonce=nonce)), 401)
    assert program.raw("GET", "/api/v1/runs", headers=signed(program, nonce=nonce)).status_code == 200


@pytest.mark.parametrize(("off_s", "status"), [(-290, 200), (290, 200), (-310, 401), (310, 401)])
def test_a_timestamp_may_be_five_minutes_off(off_s: int, status: int) -> None:
    program = calling.program()
    headers = signed(program, timestamp=int(time.time()) + off_s)
    assert program.raw("GET", "/api/v1/runs", headers=headers).status_code == status


def test_nothing_that_was_signed_can_be_changed() -> None:
    program = calling.program()
    path, body = "/api/v1/dead-letters/preview", b'{"employer": "A1"}'

    def send(
        method: str = "POST", path: str = path, query: str = "", body: bytes = body, key: str = "k"
    ) -> int:
        headers = {
            "Authorization": program.authorization(
                "POST", "/api/v1/dead-letters/preview", "", b'{"employer": "A1"}', "k"
            ),
            "Idempotency-Key": key,
        }
        return int(program.raw(method, path, query, body, headers).status_code)

    assert send() == 200
    assert send(body=b'{"employer": "A2"}') == 401
    assert send(path="/api/v1/dead-letters/redrive") == 401
    assert send(query="limit=1") == 401
    assert send(key="other") == 401
    read = program.authorization("POST", "/api/v1/runs")
    problem(program.raw("GET", "/api/v1/runs", headers={"Authorization": read}), 401)


def test_a_line_cannot_slip_into_another() -> None:
    program = calling.program()
    employers = "/api/v1/runs/00000000-0000-0000-0000-000000000000/employers/"
    inside = program.authorization("GET", f"{employers}A", "B/employees")
    problem(program.raw("GET", f"{employers}A%0AB/employees", headers={"Authorization": inside}), 401)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic Zm9vOmJhcg==",
        "Payroll-HMAC-SHA256",
        "Payroll-HMAC-SHA256 key=pk_1, timestamp=1, nonce=2, signature=3",
        f"Payroll-HMAC-SHA256 key=pk_{'0' * 24}, timestamp={chr(0x661) * 10}, nonce={'n' * 16}, signature={'0' * 64}",
    ],
)
def test_what_is_no_signature_is_refused(header: str) -> None:
    headers = {"Authorization": header} if header else {}
    response = Client().get("/api/v1/runs", headers=headers)
    problem(response, 401)
    assert response["WWW-Authenticate"] == "Payroll-HMAC-SHA256"


def test_every_refusal_says_the_same() -> None:
    unknown = calling.Program(f"pk_{'0' * 24}", "sk_x")
    wrong = calling.Program(calling.program().key, "sk_wrong")
    revoked, expired = calling.program(), calling.program(expires_days=1)
    keys.revoke(revoked.key, by="cli")
    ApiKey.objects.filter(id=expired.key).update(expires_at=timezone.now())
    late = calling.program()
    documents = [problem(each.get("/runs"), 401) for each in (unknown, wrong, revoked, expired)]
    documents.append(
        problem(late.raw("GET", "/api/v1/runs", headers=signed(late, timestamp=1_000_000_000)), 401)
    )
    documents.append(problem(Client().get("/api/v1/runs"), 401))
    assert len({json.dumps({**document, "instance": ""}) for document in documents}) == 1


def test_a_revoked_key_is_out_of_force_at_once() -> None:
    program = calling.program("runs:read")
    assert program.get("/runs").status_code == 200
    keys.revoke(program.key, by="cli")
    problem(program.get("/runs"), 401)


def test_a_secret_that_does_not_open_is_a_key_that_is_not_in_force() -> None:
    program, other = calling.program(), calling.program()
    moved = ApiKey.objects.get(id=other.key).secret
    ApiKey.objects.filter(id=program.key).update(secret=moved)
    problem(program.get("/runs"), 401)


def test_nonces_are_kept_longer_than_they_could_be_used_and_then_forgotten() -> None:
    program = calling.program()
    program.get("/runs")
    forget.old()
    assert ApiNonce.objects.count() == 1
    ApiNonce.objects.update(taken_at=timezone.now() - timedelta(seconds=599))
    forget.old()
    assert ApiNonce.objects.count() == 1
    ApiNonce.objects.update(taken_at=timezone.now() - timedelta(seconds=901))
    forget.old()
    assert ApiNonce.objects.count() == 0


def test_the_command_shows_a_secret_once(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("apikeys", "create", "portal", "--scope", "runs:read", "events:read", "--json")
    made = json.loads(capsys.readouterr().out)
    program = calling.Program(made["id"], made["secret"])
    assert program.get("/runs").status_code == 200
    assert made["secret"] not in ApiKey.objects.get(id=made["id"]).secret
    call_command("apikeys", "list", "--json")
    listed = capsys.readouterr().out
    assert made["secret"] not in listed
    (key,) = json.loads(listed)["keys"]
    assert (key["id"], key["name"], key["scopes"]) == (made["id"], "portal", ["events:read", "runs:read"])
    call_command("apikeys", "list")
    assert made["secret"] not in capsys.readouterr().out
    call_command("apikeys", "revoke", made["id"])
    problem(program.get("/runs"), 401)


def test_the_command_revokes_for_who_may() -> None:
    program = calling.program()
    user = User.objects.create_user("nel")
    for who, refusal in (("nel", "nel does not hold the permission to revoke"), ("nobody", "no active user")):
        with pytest.raises(CommandError, match=refusal):
            call_command("apikeys", "revoke", program.key, "--as", who)
    assert program.get("/runs").status_code == 200
    user.user_permissions.set(Permission.objects.filter(codename="revoke_apikey"))
    call_command("apikeys", "revoke", program.key, "--as", "nel")
    assert ApiKey.objects.get(id=program.key).revoked_by == "nel"


def test_the_command_says_which_keys_are_in_force(capsys: pytest.CaptureFixture[str]) -> None:
    calling.program(name="always")
    keys.revoke(calling.program(name="revoked").key, by="cli")
    for name, expires_at in (("lasting", "2999-01-02T03:04:05Z"), ("over", "2001-02-03T04:05:06Z")):
        calling.program(name=name, expires_days=1)
        ApiKey.objects.filter(name=name).update(expires_at=expires_at)
    call_command("apikeys", "list")
    told = {line.split()[1]: line for line in capsys.readouterr().out.splitlines() if line.startswith("pk_")}
    assert " until revoked " in told["always"]
    assert " revoked " in told["revoked"] and "until" not in told["revoked"]
    assert " until 2999-01-02 03:04:05 UTC " in told["lasting"]
    assert " expired 2001-02-03 04:05:06 UTC " in told["over"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "Portal 1", "--scope", "runs:read"),
        ("create", "portal", "--scope", "runs:approve"),
        ("create", "portal", "--scope", "runs:read", "--expires-days", "0"),
        ("revoke", "pk_none"),
    ],
)
def test_the_command_refuses_clearly(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        call_command("apikeys", *arguments)
    assert ApiKey.objects.count() == 0


def test_a_name_is_never_used_again() -> None:
    keys.revoke(calling.program(name="portal").key, by="cli")
    with pytest.raises(CommandError, match="another name"):
        call_command("apikeys", "create", "portal", "--scope", "runs:read")
