"""PAYROLL_DOWNSTREAM_…: what the environment may say, and what it is told when it may not."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from deploy import downstreams


def read(production: bool = False, **environment: str) -> tuple[dict[str, str], dict[str, object]]:
    named = {f"PAYROLL_DOWNSTREAM_{name}": value for name, value in environment.items()}
    urls, limits = downstreams.configured({"PATH": "/bin", **named}, production=production)
    return urls, dict(limits)


def test_a_step_is_named_in_capitals() -> None:
    urls, limits = read(
        TAX_CALC="https://tax.example/tasks?key=1",
        PAYROLL_CALC="sqs:calc_in-1",
        TIME_ENTRY="local",
        RETIREMENT_CALC="",
        SECRET="s",
        REQUEST_TASKS="7",
        TAX_CALC_AT_A_TIME="500",
        TAX_CALC_PER_S="0.5",
        TAX_CALC_DEADLINE_S="30",
        PAYROLL_CALC_HEARTBEAT_S="5.5",
    )
    assert urls == {"tax-calc": "https://tax.example/tasks?key=1", "payroll-calc": "sqs:calc_in-1"}
    assert limits == {
        "tax-calc": {"at_a_time": 500, "per_s": 0.5, "deadline_s": 30.0},
        "payroll-calc": {"heartbeat_s": 5.5},
    }


def test_nothing_is_given_away_unless_it_is_said() -> None:
    assert read() == ({}, {})


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x",
        "https://",
        "tax",
        "sqs:",
        "sqs:a b",
        "sqs:a/b",
        "https://h:port/",
        "https://h/#x",
        "http://h/\n",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="PAYROLL_DOWNSTREAM_TAX_CALC is local, https") as refused:
        read(TAX_CALC=url)
    assert "h:port" not in str(refused.value)


def test_production_sends_over_tls_only() -> None:
    assert read(TAX_CALC="http://127.0.0.1:9/x")[0]
    assert read(True, TAX_CALC="https://tax.example")[0]
    assert read(True, TAX_CALC="sqs:tax")[0]
    with pytest.raises(ImproperlyConfigured, match="PAYROLL_DOWNSTREAM_TAX_CALC is http://"):
        read(True, TAX_CALC="http://tax.example")


@pytest.mark.parametrize("value", ["0", "-1", "x", "nan", "inf", "1.5"])
def test_a_limit_is_a_number_above_zero(value: str) -> None:
    with pytest.raises(
        ImproperlyConfigured, match="PAYROLL_DOWNSTREAM_TAX_CALC_AT_A_TIME is a whole number above 0"
    ):
        read(TAX_CALC_AT_A_TIME=value)
    if value != "1.5":
        for name in ("TAX_CALC_PER_S", "TAX_CALC_DEADLINE_S", "TAX_CALC_HEARTBEAT_S"):
            with pytest.raises(ImproperlyConfigured, match=f"{name} is a number above 0"):
                read(**{name: value})


def test_a_request_has_fifty_tasks_unless_it_is_said() -> None:
    assert downstreams.request_tasks({}) == 50
    assert downstreams.request_tasks({"PAYROLL_DOWNSTREAM_REQUEST_TASKS": "7"}) == 7
    with pytest.raises(ImproperlyConfigured):
        downstreams.request_tasks({"PAYROLL_DOWNSTREAM_REQUEST_TASKS": "0"})
