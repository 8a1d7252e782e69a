"""How amounts, times, links and states are written on every page. All of it escapes what it is given."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.utils import quote
from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from payroll.calc.money import dollars

NOTHING = "-"


def amount(cents: int | None) -> str:
    """Cents as people write them: 123456 is $1,234.56."""
    whole, _, rest = dollars(abs(cents or 0)).partition(".")
    return f"{'-' if (cents or 0) < 0 else ''}${int(whole):,}.{rest}"


def money(cents: int | None) -> SafeString:
    """An amount for a column of amounts."""
    return format_html('<span class="ops-right">{}</span>', amount(cents))


def total(cents: int | None) -> SafeString:
    """A sum for a column of sums; nothing while there is none."""
    return money(cents) if cents else number(0)


def number(value: int | None) -> SafeString:
    """A count for a column of counts; nothing for zero, so that what is there stands out."""
    return format_html('<span class="ops-right">{}</span>', f"{value:,}" if value else NOTHING)


def hours(hundredths: int) -> str:
    """Hundredths of hours as hours."""
    return f"{hundredths / 100:,.2f}"


def moment(at: datetime | None) -> str:
    """A point in time, to the second, in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else NOTHING


def line(text: object) -> SafeString:
    """Text that is not broken into lines: a date, a period, the name of a step."""
    return format_html('<span class="ops-line">{}</span>', text)


def link(url: str, text: object) -> SafeString:
    """A link; an empty address gives the text alone."""
    return format_html('<a class="ops-link" href="{}">{}</a>', url, text) if url else format_html("{}", text)


def code(text: object) -> SafeString:
    """An id, a hash or a file name, in letters that can be told apart."""
    return format_html('<span class="ops-code">{}</span>', text or NOTHING)


def strong(text: object) -> SafeString:
    """What a table comes to."""
    return format_html("<strong>{}</strong>", text)


def badge(text: str, tone: str = "plain") -> SafeString:
    """A state; tone is good, wait, bad, busy or plain."""
    return format_html('<span class="ops-badge ops-{}">{}</span>', tone, text)


def short(text: str, length: int = 90) -> str:
    """The beginning of a long text, for a list."""
    return Truncator(text).chars(length)


def page(model: type[Model], key: object) -> str:
    """The address of one row's page."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=(quote(str(key)),))


def listing(model: type[Model], **filters: Any) -> str:
    """The address of a list. Filters carry ids and states only: an address ends up in logs."""
    path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{path}?{urlencode(filters)}" if filters else path
