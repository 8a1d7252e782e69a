"""What the world outside can be told of. Which event says which of these is in publications.py."""

PAYROLL_STARTED = "payroll.started"
PAYROLL_PAUSED = "payroll.paused"
PAYROLL_RESUMED = "payroll.resumed"
PAYROLL_CANCELLED = "payroll.cancelled"
PAYROLL_COMPLETED = "payroll.completed"
EMPLOYER_VALIDATED = "employer.validated"
EMPLOYER_RELEASED = "employer.released"
EMPLOYER_APPROVED = "employer.approved"
EMPLOYER_APPROVAL_VOIDED = "employer.approval_voided"
EMPLOYER_CANCELLED = "employer.cancelled"
EMPLOYER_COMPLETED = "employer.completed"
PAYMENT_SETTLED = "payment.settled"
PAYMENT_FAILED = "payment.failed"
DEAD_LETTER_CREATED = "dead_letter.created"
DEAD_LETTER_CLOSED = "dead_letter.closed"

TOPICS = frozenset(value for name, value in dict(globals()).items() if name.isupper())
