"""Filters of the lists. None of them asks a large table for its distinct values."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest

from payroll.models import Employer, EmployerRun, PayRun

LATEST = 25


def as_uuid(text: str | None) -> UUID | None:
    """The UUID that a text is, or None."""
    try:
        return UUID(text or "")
    except ValueError:
        return None


class ByRun(SimpleListFilter):
    """Rows of one pay run."""

    title = "pay run"
    parameter_name = "run"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        latest = [(str(row.run), str(row)) for row in PayRun.objects.all()[:LATEST]]
        return with_chosen(latest, self.used_parameters.get(self.parameter_name))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        run = as_uuid(self.value())
        return queryset.filter(run=run) if run else queryset.none()


class ByEmployerRun(SimpleListFilter):
    """Rows of one employer's run."""

    title = "employer run"
    parameter_name = "employer_run"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        latest = [(str(row.employer_run), str(row)) for row in EmployerRun.objects.all()[:LATEST]]
        return with_chosen(latest, self.used_parameters.get(self.parameter_name))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        employer_run = as_uuid(self.value())
        return queryset.filter(employer_run=employer_run) if employer_run else queryset.none()


class ByEmployer(SimpleListFilter):
    """Rows of one employer, where a model keeps the employer's id as text."""

    title = "employer"
    parameter_name = "employer"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(employer.id, str(employer)) for employer in Employer.objects.all()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(employer=self.value()) if self.value() else queryset


class WithDefault(SimpleListFilter):
    """A filter that is on unless somebody turns it off."""

    default = ""

    def value(self) -> str | None:
        return super().value() or self.default

    def choices(self, changelist: ChangeList) -> Any:
        for value, label in [*self.lookup_choices, ("all", "All")]:
            yield {
                "selected": self.value() == value,
                "query_string": changelist.get_query_string({str(self.parameter_name): value}),
                "display": label,
            }


def with_chosen(latest: list[tuple[str, str]], value: Any) -> list[tuple[str, str]]:
    """The latest, and the chosen one too, so that the filter shows what it does."""
    chosen = value[-1] if isinstance(value, list) else value
    if chosen and chosen not in dict(latest):
        latest.append((chosen, f"{chosen[:8]}…"))
    return latest


def by_employee(queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
    """Rows of an employee, written as E123 or as CHI001/E123; asked by employer, so that an index answers."""
    employer, _, employee_id = term.strip().rpartition("/")
    employers = [employer] if employer else list(Employer.objects.values_list("id", flat=True))
    return queryset.filter(employer__in=employers, employee_id=employee_id) if employee_id else queryset
