"""Personal numbers at rest: what opens a token, what does not, and that no message tells the number."""

import base64

import pytest
from django.core.exceptions import ImproperlyConfigured

from payroll import crypto
from payroll.crypto import Undecryptable, blind_index, context, decrypt, encrypt

SSN = "901-12-7654"
PERSON = context("employee", "ssn", "A1", "e1")


def key(byte):
    """32 equal bytes as settings hold them."""
    return base64.b64encode(bytes([byte]) * 32).decode()


@pytest.fixture(autouse=True)
def keys(settings):
    """A ring of one key, and an index key."""
    settings.PAYROLL_FIELD_KEYS = {"k1": key(1)}
    settings.PAYROLL_INDEX_KEY = key(7)
    return settings


def test_contexts_name_table_column_and_row():
    assert PERSON == "employee:ssn:A1/e1"
    assert context("employer", "account", "A1") == "employer:account:A1"


def test_a_token_opens_and_is_another_one_each_time():
    tokens = {encrypt(SSN, PERSON) for _ in range(100)}
    assert len(tokens) == 100
    assert {decrypt(token, PERSON) for token in tokens} == {SSN}
    assert all(token.startswith("v1.k1.") and SSN not in token for token in tokens)
    assert decrypt(encrypt("Ż 漢", PERSON), PERSON) == "Ż 漢"


def test_a_token_moved_to_another_row_column_or_table_does_not_open():
    token = encrypt(SSN, PERSON)
    for place in ("employee:ssn:A1/e2", "employee:account:A1/e1", "employer:ssn:A1/e1", ""):
        with pytest.raises(Undecryptable, match="another row") as refused:
            decrypt(token, place)
        assert_tells_nothing(refused.value, token)


def test_every_changed_character_is_noticed():
    token = encrypt(SSN, PERSON)
    for place in range(len(token)):
        for char in "A.v_=é":
            spoilt = token[:place] + char + token[place + 1 :]
            if spoilt != token:
                with pytest.raises(Undecryptable) as refused:
                    decrypt(spoilt, PERSON)
                assert_tells_nothing(refused.value, spoilt)


@pytest.mark.parametrize(
    "token", ["", "v1", "v1.", "v1..", "v1.k1", "v1.k1.", "v1.k1.AAAA", "v2.k1.AAAA", SSN]
)
def test_what_is_not_a_token_does_not_open(token):
    with pytest.raises(Undecryptable) as refused:
        decrypt(token, PERSON)
    assert SSN not in str(refused.value)


def test_keys_rotate(keys):
    old = encrypt(SSN, PERSON)
    keys.PAYROLL_FIELD_KEYS = {"k2-eu": key(2), "k1": key(1)}
    new = encrypt(SSN, PERSON)
    assert (crypto.key_id_of(old), crypto.key_id_of(new)) == ("k1", "k2-eu")
    assert decrypt(old, PERSON) == decrypt(new, PERSON) == SSN
    keys.PAYROLL_FIELD_KEYS = {"k2-eu": key(2)}
    with pytest.raises(Undecryptable, match="'k1' is not in PAYROLL_FIELD_KEYS"):
        decrypt(old, PERSON)
    keys.PAYROLL_FIELD_KEYS = {"k1": key(3)}
    with pytest.raises(Undecryptable, match="changed under its id"):
        decrypt(old, PERSON)


def test_the_index_is_equal_only_for_equal_value_context_and_key(keys):
    index = blind_index(SSN, "a")
    assert index == blind_index(SSN, "a") and len(index) == 64
    others = {blind_index("901-12-7655", "a"), blind_index(SSN, "b"), blind_index(SSN + "a", "")}
    keys.PAYROLL_INDEX_KEY = key(8)
    others.add(blind_index(SSN, "a"))
    assert len(others - {index}) == 4


@pytest.mark.parametrize(
    ("ring", "problem"),
    [
        ({}, "PAYROLL_FIELD_KEYS is empty"),
        ({"k.1": key(1)}, "holds a dot"),
        ({"k1": "not base64!"}, r"PAYROLL_FIELD_KEYS\['k1'\] is not base64"),
        ({"k1": base64.b64encode(b"x" * 16).decode()}, "has 16 bytes; it takes 32"),
    ],
)
def test_a_bad_key_ring_is_refused_without_the_key(keys, ring, problem):
    keys.PAYROLL_FIELD_KEYS = ring
    with pytest.raises(ImproperlyConfigured, match=problem) as refused:
        encrypt(SSN, PERSON)
    assert not any(value and value in str(refused.value) for value in ring.values())


def test_a_bad_index_key_is_refused(keys):
    keys.PAYROLL_INDEX_KEY = "AAAA"
    with pytest.raises(ImproperlyConfigured, match="PAYROLL_INDEX_KEY has 3 bytes"):
        blind_index(SSN, "a")


def assert_tells_nothing(error, token):
    """Neither the number nor the token is in the message, and no cause carries them."""
    assert SSN not in str(error) and token[6:-2] not in str(error)
    assert error.__suppress_context__ or error.__context__ is None
