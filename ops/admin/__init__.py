"""What a payroll clerk and an auditor see. Nothing here changes a row: what people do are commands.

Only what is registered below is shown. The queue's own tables are not: their admin unpickles what it renders.
"""

from django.apps import apps
from django.contrib import admin

if apps.is_installed("django_q"):
    import django_q.admin  # noqa: F401 - it registers itself when imported; afterwards it can be taken out

    for _model in [model for model in admin.site._registry if model._meta.app_label == "django_q"]:
        admin.site.unregister(_model)

from ops.admin import (
    api_keys,
    dead_letters,
    employer_runs,
    late,
    ledger,
    log,
    pay_runs,
    paychecks,
    payments,
    people,
    publications,
    roster,
    totals,
)

__all__ = [
    "api_keys",
    "dead_letters",
    "employer_runs",
    "late",
    "ledger",
    "log",
    "pay_runs",
    "paychecks",
    "payments",
    "people",
    "publications",
    "roster",
    "totals",
]

admin.site.index_template = "ops/dashboard.html"
admin.site.index_title = "Payday"
