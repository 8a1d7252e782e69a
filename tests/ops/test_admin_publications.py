"""Publications and deliveries in the admin: seen by whoever may, sent again by whoever may that."""

from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import Permission, User
from django.test import Client

from events import outbox
from events.models import Delivery, Publication
from events.outbox import Undelivered
from ops.admin import words
from payroll.subscribers import addresses, console
from tests.ops import payday

pytestmark = pytest.mark.filterwarnings("ignore:No directory at")  # static files are collected when deployed


@pytest.fixture
def given_up(db: Any, tmp_path: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[Delivery]:
    """The deliveries of a payday, all of them given up."""
    settings.PAYROLL_SUBSCRIBERS = addresses.parse("console", signed=False, production=False)
    monkeypatch.setattr(outbox, "ATTEMPTS_MAX", 1)
    monkeypatch.setattr(outbox, "REST_S", 0)

    def refuse(target: str, publication: Publication) -> None:
        raise Undelivered("the door is closed")

    with monkeypatch.context() as closed:
        closed.setattr(console, "send", refuse)
        payday.begin(tmp_path / "roster", settings)
        while Delivery.objects.filter(given_up_at=None).exists() or not Delivery.objects.exists():
            outbox.publish()
    return list(Delivery.objects.all())


def somebody(*codenames: str) -> Client:
    user = User.objects.create_user(f"new-{len(codenames)}", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def send_again(client: Client, *deliveries: Delivery) -> str:
    data = {"action": "send_again", ACTION_CHECKBOX_NAME: [each.pk for each in deliveries]}
    return client.post(words.listing(Delivery), data, follow=True).content.decode()


def test_what_was_given_up_is_found_and_sent_again(given_up: list[Delivery]) -> None:
    client = somebody("view_delivery", "view_publication", "send_again_delivery")
    page = client.get(words.listing(Delivery, state="given-up")).content.decode()
    assert "the door is closed" in page and "given up" in page
    page = client.get(words.page(Delivery, given_up[0].pk)).content.decode()
    assert "Send again" in page
    assert "1 delivery is sent again." in send_again(client, given_up[0])
    assert "None of these was given up" in send_again(client, given_up[0])
    outbox.publish()
    assert list(Delivery.objects.filter(given_up_at=None).values_list("pk", flat=True)) == [given_up[0].pk]
    assert Delivery.objects.get(pk=given_up[0].pk).sent_at
    page = client.get(words.page(Publication, given_up[0].publication_id)).content.decode()
    assert str(given_up[0].publication_id) in page and "sent" in page


def test_who_may_only_look_sends_nothing(given_up: list[Delivery]) -> None:
    client = somebody("view_delivery")
    assert "Send again" not in client.get(words.page(Delivery, given_up[0].pk)).content.decode()
    send_again(client, given_up[0])
    assert not Delivery.objects.filter(given_up_at=None).exists()


def test_who_may_not_look_sees_nothing(given_up: list[Delivery]) -> None:
    client = somebody()
    for page in (words.listing(Delivery), words.listing(Publication), words.page(Delivery, given_up[0].pk)):
        assert client.get(page).status_code == 403
