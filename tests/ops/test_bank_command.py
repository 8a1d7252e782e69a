"""manage.py bank: the sandbox bank as a person meets it."""

import json
import os
import socket
import stat
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command

from payroll.payments import bank, gateways
from tests.saga.bank_orders import gateway_to
from tests.saga.bank_talk import Talk, as_order
from tests.saga.nacha import Line, Part, written

PAY = Part([Line("22", 100_00, "777001", "E1"), Line("32", 50_00, "777002", "E2", "BORIS BAKER")])
FUNDING = Part(
    [Line("27", 150_00, "555001", "ACME", "ACME ANVILS"), Line("37", 10_00, "555002", "ACME", "ACME ANVILS")],
    "CCD",
    "FUNDING",
)
PRENOTES = Part([Line("23", 0, "777003", "E3", "CARLA COX")], description="PRENOTE")


@pytest.fixture(autouse=True)
def talk(settings, tmp_path: Path) -> Iterator[Talk]:
    settings.STATE_DIR = tmp_path / "state"
    settings.PAYROLL_GATEWAY_WEBHOOK_SECRET = ""
    made = Talk(gateways.bank_dir())
    yield made
    bank.stop(made.folder)


def said(*arguments: object) -> str:
    out = StringIO()
    call_command("bank", *map(str, arguments), stdout=out)
    return out.getvalue().strip()


def refused(*arguments: object) -> str:
    with pytest.raises(CommandError) as error:
        said(*arguments)
    return str(error.value)


def test_it_starts_where_it_is_told(talk):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert said("sandbox", "--port", port) == f"http://127.0.0.1:{port}"
    assert said("sandbox") == said("sandbox", "--port", port) == f"http://127.0.0.1:{port}"
    assert "answers at" in refused("sandbox", "--port", port + 1 if port < 65535 else 1024)
    assert said("stop") == "the sandbox bank is stopped"
    assert said("stop") == "no sandbox bank was running"
    assert urlsplit(said("sandbox")).port == port
    assert "65535" in refused("sandbox", "--port", 65536)


def test_a_port_that_is_taken_is_a_clear_refusal(talk):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "did not start" in refused("sandbox", "--port", taken.getsockname()[1])
    assert "Traceback" not in (talk.folder / "bank.log").read_text()


def test_it_follows_a_script(talk, tmp_path):
    script = tmp_path / "script.json"
    script.write_text(json.dumps([{"on": "send", "do": "429"}]))
    said("sandbox", "--script", script)
    assert talk.get("/script")["rules"] == [{"on": "send", "do": "429", "times": 1}]
    script.write_text(json.dumps([{"on": "send", "do": "explode"}]))
    assert "rule 1: on send, do is one of" in refused("sandbox", "--script", script)
    script.write_text("[")
    assert "is not JSON" in refused("sandbox", "--script", script)
    assert "cannot be read" in refused("sandbox", "--script", tmp_path / "none.json")
    assert len(talk.get("/script")["rules"]) == 1


def test_a_script_that_cannot_be_read_starts_no_bank(talk, tmp_path):
    refused("sandbox", "--script", tmp_path / "none.json")
    assert not talk.folder.exists()


def test_it_tells_only_with_a_secret(talk, settings):
    assert "PAYROLL_GATEWAY_WEBHOOK_SECRET" in refused("sandbox", "--webhook", "http://127.0.0.1:1/x")
    settings.PAYROLL_GATEWAY_WEBHOOK_SECRET = "shared"
    said("sandbox", "--webhook", "http://127.0.0.1:1/x")
    assert "http or https" in refused("sandbox", "--webhook", "gopher://x")


def test_the_books_add_up_by_file_and_by_person_and_show_no_account(talk):
    assert said("books") == "0 credits, 0.00"
    sent = as_order("books", written(PAY, FUNDING, PRENOTES))
    talk.send(sent)
    talk.post("/settle", on="2026-11-20")
    talk.post("/return", traces=["021000020000002"], on="2026-11-23")
    assert said("books").splitlines() == ["2 credits, 150.00", "2 debits, 160.00"]
    books = json.loads(said("books", "--json"))
    assert (books["credits"], books["credits_cents"], books["total_cents"]) == (2, 150_00, 150_00)
    assert (books["debits"], books["debits_cents"]) == (2, 160_00)
    (file,) = books["files"]
    assert (file["key"], file["status"], file["entries"]) == (str(sent.key), "booked", 5)
    assert (file["credits_cents"], file["debits_cents"]) == (150_00, 160_00)
    people = {person["individual_id"]: person for person in books["people"]}
    assert people["E2"]["credits_cents"] == people["E2"]["returned_credits_cents"] == 50_00
    assert people["E1"]["returned_credits_cents"] == 0
    assert people["ACME"]["debits_cents"] == 160_00
    assert people["E1"]["accounts"] == [
        entry["account"] for entry in books["entries"] if entry["individual_id"] == "E1"
    ]
    assert "777001" not in json.dumps(books) and "555001" not in json.dumps(books)


def test_what_it_has_for_us_is_saved_once(talk, tmp_path):
    talk.send(as_order("fetched", written(PAY)))
    talk.post("/settle", on="2026-11-20")
    talk.post("/return", share=1, on="2026-11-23")
    names = said("outgoing").splitlines()
    assert [name.partition("-")[2] for name in names] == [
        "acknowledgement.json",
        "settlement.json",
        "return.ach",
    ]
    folder = tmp_path / "fetched" / "deep"
    said("outgoing", "--to", folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == dict(bank.outgoing(talk.folder))
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    said("outgoing", "--to", folder)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    (folder / names[0]).write_bytes(b"another")
    assert "other content" in refused("outgoing", "--to", folder)
    assert (folder / names[0]).read_bytes() == b"another"
    assert "cannot be written" in refused("outgoing", "--to", folder / names[1])


def test_without_a_bank_there_is_nothing_to_read(talk):
    assert said("outgoing") == ""
    assert json.loads(said("books", "--json"))["files"] == []
    assert not talk.folder.exists(), "looking starts nothing"


def test_the_configured_gateway_is_the_http_one(settings, talk):
    settings.PAYROLL_GATEWAY = "http"
    settings.PAYROLL_GATEWAY_URL, settings.PAYROLL_GATEWAY_TOKEN = talk.address.url, talk.address.token
    gateway = gateways.named(gateways.configured())
    assert (gateway.name, gateway.lookup_lag_s) == ("http", 0.0)
    assert gateway_to(talk.address).lookup_lag_s == 0.0
    assert os.environ.get("PAYROLL_GATEWAY_TOKEN") is None
