"""Single calculations by kind: a JSON input in, named results out, each with its working.

This is the arithmetic of a pay run without the run: what an acceptance test, another system or a person with a question
asks for. A kind is a function from strictly read fields to an Answer.
"""

from typing import Any

from events.failures import NeedsReview
from payroll.calc import worksheets  # noqa: F401 - every worksheet is known
from payroll.calculate import bank, garnishing, paychecks, retirement, taxes, time
from payroll.calculate.answer import Answer, Kind
from payroll.calculate.reading import BadInput, Fields

__all__ = ["KINDS", "Answer", "BadInput", "calculate"]

KINDS: dict[str, Kind] = {
    "fit": taxes.fit,
    "fit_supplemental": taxes.fit_supplemental,
    "fica": taxes.fica_of_one,
    "fica_sequence": taxes.fica_sequence,
    "futa": taxes.futa_of_one,
    "state_ca": taxes.state_of("CA"),
    "state_ny": taxes.state_of("NY"),
    "state_flat": taxes.state_of(None),
    "state": taxes.state_of(None),
    "overtime": time.overtime,
    "deferral": retirement.deferral_of_one,
    "deferral_sequence": retirement.deferral_sequence,
    "match": retirement.match_of_one,
    "true_up": retirement.true_up_of_year,
    "garnish_ordinary": garnishing.ordinary,
    "garnish_support": garnishing.support,
    "garnish_stack": garnishing.stack,
    "paycheck": paychecks.paycheck,
    "aba_check_digit": bank.check_digit,
    "entry_hash": bank.entry_hash,
    "block_count": bank.block_count,
    "banking_day": bank.banking_day,
    "paydays": bank.paydays,
    "semiweekly_deposit": bank.semiweekly_deposit,
}


def calculate(kind: str, content: Any) -> Answer:
    """Calculate one input of a kind.

    raises   BadInput for a kind or field that is wrong; NeedsReview when no rule covers the case
    """
    compute = KINDS.get(kind) if isinstance(kind, str) else None
    if compute is None:
        raise BadInput(f"kind {kind!r} is unknown: use one of {', '.join(KINDS)}")
    fields = Fields(content)
    try:
        answer = compute(fields)
    except (NeedsReview, BadInput):
        raise
    except OverflowError as fault:
        raise BadInput("an amount or a date is beyond what can be calculated") from fault
    except (ValueError, ArithmeticError) as fault:
        raise BadInput(str(fault)) from fault
    fields.refuse_unread()
    return answer
