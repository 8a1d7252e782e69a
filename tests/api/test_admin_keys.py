"""The admin's page of API keys: what each may do, no secret, and a way to take one out of force."""

from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import Permission, User
from django.test import Client

from ops.admin import words
from ops.models import ApiKey
from tests.api import calling
from tests.api.calling import problem

pytestmark = [pytest.mark.usefixtures("db"), pytest.mark.filterwarnings("ignore:No directory at")]


def signed_in(*permissions: str) -> Client:
    user = User.objects.create_user("clerk", password="correct horse battery", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def revoke(client: Client, *keys: str) -> Any:
    form = {"action": "revoke", ACTION_CHECKBOX_NAME: keys}
    return client.post(words.listing(ApiKey), form, follow=True)


def test_a_key_is_shown_without_its_secret() -> None:
    program = calling.program("runs:read", name="portal")
    stored = ApiKey.objects.get(id=program.key).secret
    client = signed_in("view_apikey")
    for address in (words.listing(ApiKey), words.page(ApiKey, program.key)):
        page = client.get(address).content.decode()
        assert "portal" in page and "runs:read" in page
        assert program.secret not in page and stored not in page
        assert 'value="revoke"' not in page


def test_revoking_takes_it_out_of_force_and_says_who_did_it() -> None:
    program = calling.program(name="portal")
    client = signed_in("view_apikey", "revoke_apikey")
    assert program.get("/runs").status_code == 200
    assert b"portal is revoked by clerk" in revoke(client, program.key, "pk_none").content
    problem(program.get("/runs"), 401)
    assert ApiKey.objects.get(id=program.key).revoked_by == "clerk"


def test_who_may_not_revoke_cannot() -> None:
    program = calling.program(name="portal")
    revoke(signed_in("view_apikey"), program.key)
    assert program.get("/runs").status_code == 200
