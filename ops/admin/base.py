"""Pages that only show: a list, and a page of sections for each row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.admin import ModelAdmin
from unfold.paginator import InfinitePaginator

from events import projection


@dataclass(frozen=True)
class Facts:
    """Labels and values."""

    title: str
    rows: Sequence[tuple[str, object]]
    note: str = ""
    kind: ClassVar[str] = "facts"


@dataclass(frozen=True)
class Table:
    """Rows and columns. A column whose name begins with > is set to the right; `total` is a last, bold row."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    note: str = ""
    empty: str = "None."
    total: Sequence[object] = ()
    kind: ClassVar[str] = "table"

    @property
    def narrow(self) -> bool:
        """Whether it is a short list of amounts, which reads better when it is not stretched."""
        return len(self.columns) <= 4 and self.columns[-1].startswith(">")

    @property
    def heads(self) -> list[tuple[str, bool]]:
        return [(name.removeprefix(">"), name.startswith(">")) for name in self.columns]

    @property
    def body(self) -> list[list[tuple[object, bool]]]:
        """Cells, and whether each is set to the right."""
        return [self._aligned(row) for row in self.rows]

    @property
    def last(self) -> list[tuple[object, bool]]:
        return self._aligned(self.total)

    def _aligned(self, row: Sequence[object]) -> list[tuple[object, bool]]:
        return [(cell, name.startswith(">")) for cell, name in zip(row, self.columns, strict=False)]


@dataclass(frozen=True)
class Text:
    """Text that was written by a program, shown as it is."""

    title: str
    text: str
    note: str = ""
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Warn:
    """Something to know before anything else on the page; tone is wait, bad or busy."""

    note: str
    tone: str = "wait"
    title: str = ""
    kind: ClassVar[str] = "warn"


Section = Facts | Table | Text | Warn


@dataclass(frozen=True)
class Button:
    """An action of the list, offered on the page of one row; pressing it posts, it is never a link."""

    action: str
    label: str
    tone: str = "primary"


class ReadOnly(ModelAdmin):  # type: ignore[misc]
    """A list and pages that nobody can change, superusers included."""

    change_form_template = "ops/detail.html"
    list_before_template = "ops/intro.html"
    intro = ""  # what the list shows, in a sentence or two
    fresh = False  # fold the log first, so that what is shown is now
    list_per_page = 50
    list_fullwidth = True
    list_disable_select_all = True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """No field is rendered by itself: a page shows its sections and nothing else."""
        return []

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # Django wraps a posted change, which is refused anyway, in a transaction; folding owns its own.
        if self.fresh and not connection.in_atomic_block:
            projection.catch_up()
        found: QuerySet[Any] = super().get_queryset(request)
        return found

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Run an action; keys that cannot be keys are refused like any other stale page."""
        try:
            response: HttpResponse | None = super().response_action(request, queryset)
        except ValidationError:
            messages.warning(
                request, "Nothing was done: what was ticked is not on this list. Reload and look again."
            )
            return HttpResponseRedirect(request.get_full_path())
        return response

    def sections(self, request: HttpRequest, row: Any) -> Sequence[Section]:
        """What the page of one row says."""
        raise NotImplementedError

    def buttons(self, request: HttpRequest, row: Any) -> Sequence[Button]:
        """What the user may do with this row."""
        return ()

    def render_change_form(  # noqa: PLR0917 - Django's signature
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Model | None = None,
    ) -> HttpResponse:
        context |= {
            "title": str(obj),
            "sections": self.sections(request, obj),
            "buttons": self.buttons(request, obj),
        }
        response: HttpResponse = super().render_change_form(request, context, add, change, form_url, obj)
        return response


class Endless(ReadOnly):
    """A list of a table that grows without end: nothing on it counts the rows."""

    paginator = InfinitePaginator
    show_full_result_count = False
