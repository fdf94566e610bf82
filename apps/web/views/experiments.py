"""The experiments of a project, and the runs of one."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from apps.core.errors import DomainError, Invalid, NotFound
from apps.core.pages import answer
from apps.projects.models import Project
from apps.projects.views import project_or_404
from apps.tracking import policies, training, upstream
from apps.tracking.models import Experiment
from apps.tracking.upstream import IDENTIFIER
from apps.web.charts import moment, number, readable
from apps.web.forms import RunFilter
from apps.web.training import SYSTEM, state_of

PAGE = 25
MOST_METRICS = 4


@dataclass(frozen=True)
class Row:
    run_id: str
    name: str
    user: str
    status: str
    state: str
    started_at: datetime | None
    metrics: list[tuple[str, str]]


@login_required
@require_safe
def experiments(request: HttpRequest, slug: str) -> HttpResponse:
    user: Any = request.user
    found = project_or_404(user, slug)
    visible = policies.experiments.visible_to(user).filter(project=found)
    page = Paginator(visible, PAGE).get_page(request.GET.get("page"))
    names, trouble = _names(list(page))
    context = {
        **_frame(user, found),
        "page": page,
        "rows": [(row, names.get(row.experiment_id, {})) for row in page],
        "trouble": trouble,
    }
    return answer(request, "projects/experiments.html", context)


@login_required
@require_safe
def experiment(request: HttpRequest, slug: str, experiment_id: str) -> HttpResponse:
    user: Any = request.user
    found = project_or_404(user, slug)
    visible = policies.experiments.visible_to(user).filter(project=found)
    row = get_object_or_404(visible, experiment_id=experiment_id)
    names, trouble = _names([row])
    form = RunFilter(request.GET)
    runs: list[dict[str, Any]] = []
    token = ""
    if trouble is None and form.is_valid():
        try:
            runs, token = training.runs_of(
                upstream.client(),
                row.experiment_id,
                filter_by=form.expression,
                most=PAGE,
                page_token=request.GET.get("after", ""),
            )
        except Invalid:
            form.add_error(None, "MLflow cannot read this filter or this address.")
        except DomainError as refusal:
            trouble = refusal
    columns = _columns(runs)
    context = {
        **_frame(user, found),
        "experiment": row,
        "info": names.get(row.experiment_id, {}),
        "form": form,
        "columns": columns,
        "rows": [_row(run, columns) for run in runs if _has_id(run)],
        "token": token,
        "is_later": bool(request.GET.get("after")),
        "trouble": trouble,
    }
    return answer(request, "projects/experiment.html", context)


def _frame(user: Any, found: Project) -> dict[str, Any]:
    return {
        "section": "projects",
        "project": found,
    }


def _names(rows: list[Experiment]) -> tuple[dict[str, dict[str, Any]], DomainError | None]:
    """What the tracking server says about each, as far as it answers."""
    told: dict[str, dict[str, Any]] = {}
    for row in rows:
        try:
            told[row.experiment_id] = upstream.client().get_experiment(row.experiment_id)
        except NotFound:
            continue
        except DomainError as refusal:
            return told, refusal
    return told, None


def _has_id(run: dict[str, Any]) -> bool:
    return bool(IDENTIFIER.fullmatch(str((run.get("info") or {}).get("run_id") or "")))


def _columns(runs: list[dict[str, Any]]) -> list[str]:
    """The metrics that most of the runs have."""
    counts = Counter(
        str(metric.get("key"))
        for run in runs
        for metric in (run.get("data") or {}).get("metrics") or []
        if not str(metric.get("key")).startswith(SYSTEM)
    )
    return sorted(counts, key=lambda name: (-counts[name], name))[:MOST_METRICS]


def _row(run: dict[str, Any], columns: list[str]) -> Row:
    info, data = run.get("info") or {}, run.get("data") or {}
    values = {str(m.get("key")): number(m.get("value")) for m in data.get("metrics") or []}
    tags = {str(t.get("key")): str(t.get("value")) for t in data.get("tags") or []}
    status = str(info.get("status") or "")
    run_id = str(info.get("run_id") or "")
    return Row(
        run_id=run_id,
        name=str(info.get("run_name") or run_id),
        user=str(info.get("user_id") or tags.get("mlflow.user", "")),
        status=status,
        state=state_of(status),
        started_at=moment(info.get("start_time")),
        metrics=[(name, readable(values[name]) if name in values else "–") for name in columns],
    )
