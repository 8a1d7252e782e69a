"""PAYROLL_TAX_…: where federal tax is deposited, and what the environment is told when it cannot be there."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from deploy import treasury


def test_both_or_neither() -> None:
    assert treasury.configured({"PATH": "/bin"}) == ("", "")
    given = {"PAYROLL_TAX_ROUTING": "091000019", "PAYROLL_TAX_ACCOUNT": "9400123"}
    assert treasury.configured(given) == ("091000019", "9400123")


@pytest.mark.parametrize(
    ("routing", "account", "said"),
    [
        ("091000019", "", "only one is set"),
        ("", "9400123", "only one is set"),
        ("091000018", "9400123", "check digit"),
        ("O91000019", "9400123", "check digit"),
        ("091000019", "94-00123", "digits"),
        ("091000019", "0000", "digits"),
        ("091000019", "9" * 18, "digits"),
    ],
)
def test_what_no_file_could_carry_is_refused_without_its_value(routing: str, account: str, said: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=said) as refused:
        treasury.configured({"PAYROLL_TAX_ROUTING": routing, "PAYROLL_TAX_ACCOUNT": account})
    assert not any(value and value in str(refused.value) for value in (routing, account))
