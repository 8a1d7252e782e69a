"""Which pre-tax item lowers which wages: IRS Pub. 15 sec. 5, IRC 125, 402(e)(3), 3121(a)(5)."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payroll.calc import wages, worksheets  # noqa: F401 - every worksheet is known
from payroll.calc.wages import PreTax
from payroll.calc.worksheet import add_up

cents = st.integers(0, 1_000_000)
flags = st.booleans()


def rule(deferral: bool, section125: bool, hsa: bool) -> Any:
    return SimpleNamespace(excludes_401k=deferral, excludes_section125=section125, excludes_hsa=hsa)


@pytest.mark.parametrize(
    ("pre_tax", "fit", "fica"),
    [
        (PreTax(), 1000_00, 1000_00),
        (PreTax(traditional_401k_cents=1_00), 999_00, 1000_00),
        (PreTax(section125_cents=2_00), 998_00, 998_00),
        (PreTax(hsa_cafeteria_cents=4_00), 996_00, 996_00),
        (PreTax(1_00, 2_00, 4_00), 993_00, 994_00),
    ],
)
def test_federal_wages(pre_tax: PreTax, fit: int, fica: int) -> None:
    assert wages.fit_wages(1000_00, pre_tax) == fit
    assert wages.fica_wages(1000_00, pre_tax) == fica
    assert add_up([wages.fit_wages_working(1000_00, pre_tax)]) == {"fit_wages_cents": fit}
    assert add_up([wages.fica_wages_working(1000_00, pre_tax)]) == {"fica_wages_cents": fica}


@pytest.mark.parametrize(
    ("deferral", "section125", "hsa", "expected"),
    [
        (False, False, False, 1000_00),
        (True, False, False, 999_00),  # New Jersey: the deferral alone
        (False, True, False, 998_00),
        (False, False, True, 996_00),
        (False, True, True, 994_00),  # Pennsylvania: premiums, and no deferral
        (True, True, True, 993_00),
    ],
)
def test_state_wages(deferral: bool, section125: bool, hsa: bool, expected: int) -> None:
    pre_tax, excludes = PreTax(1_00, 2_00, 4_00), rule(deferral, section125, hsa)
    assert wages.state_wages(1000_00, pre_tax, excludes) == expected
    facts = add_up([wages.state_wages_working(1000_00, pre_tax, excludes)])
    assert facts == {"state_excluded_cents": 1000_00 - expected, "state_wages_cents": expected}


@settings(max_examples=150, deadline=None)
@given(cents, st.builds(PreTax, cents, cents, cents), st.builds(rule, flags, flags, flags))
def test_the_worksheets_agree(gross: int, pre_tax: PreTax, excludes: Any) -> None:
    facts = add_up(
        [
            wages.fit_wages_working(gross, pre_tax),
            wages.fica_wages_working(gross, pre_tax),
            wages.state_wages_working(gross, pre_tax, excludes),
        ]
    )
    assert facts["fit_wages_cents"] == wages.fit_wages(gross, pre_tax)
    assert facts["fica_wages_cents"] == wages.fica_wages(gross, pre_tax)
    assert facts["state_wages_cents"] == wages.state_wages(gross, pre_tax, excludes)
