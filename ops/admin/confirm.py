"""An action that says what it is about to do, and does it when it is confirmed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest
from django.template.response import TemplateResponse

from ops.admin import words
from ops.admin.base import ReadOnly, Section

MOST = 500  # rows of one request: each is a command of its own


@dataclass(frozen=True)
class Question:
    """What is asked before an action.

    action   the action's name; the confirmed form posts it again
    keys     of the rows it is about
    seen     name -> what the page showed, posted back so that the command is about what was seen
    reason   the label of a reason that has to be given; empty asks for none
    rate     the label of a pace that may be given, in letters a second; empty asks for none
    file     the label of a file that has to be given; empty asks for none
    back     where to go when it is not confirmed; empty is the list of the rows
    """

    action: str
    title: str
    says: Sequence[str]
    section: Section
    keys: Sequence[object]
    confirm: str
    tone: str = "primary"
    seen: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    rate: str = ""
    file: str = ""
    back: str = ""
    wrong: str = ""


def ask(admin: ReadOnly, request: HttpRequest, question: Question) -> TemplateResponse:
    """The page that asks."""
    context: dict[str, Any] = {**admin.admin_site.each_context(request), "opts": admin.model._meta}
    context |= {"title": question.title, "question": question, "sections": [question.section]}
    context |= {"checkbox": ACTION_CHECKBOX_NAME, "given": request.POST.get("reason", "")}
    context["given_rate"] = request.POST.get("rate", "")
    context["back"] = question.back or words.listing(admin.model)
    return TemplateResponse(request, "ops/confirm.html", context)


def confirmed(request: HttpRequest) -> bool:
    """Whether this is the answer, and not yet the question."""
    return request.POST.get("confirmed") == "yes"


def chosen(request: HttpRequest) -> list[str]:
    """The keys that were ticked. The list's filters do not matter: a row that left them is reported, not dropped."""
    return list(dict.fromkeys(request.POST.getlist(ACTION_CHECKBOX_NAME)))[:MOST]
