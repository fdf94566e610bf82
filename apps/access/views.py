"""The rules of the installation: read by auditors, written by administrators."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.access import dry_run, explanations, naming, reference, rulebook, services
from apps.access.forms import RuleFilter, RuleForm
from apps.access.models import Rule
from apps.core.errors import DomainError, NotPermitted
from apps.core.pages import answer, put_on_form

PAGE = 50
# Rows of a dry run that are shown; all of them are counted.
MOST_CHANGES = 100


@dataclass(frozen=True)
class ToldRule:
    """A rule as the list shows it. `state` is also the tone of the pill."""

    rule: Rule
    fault: str
    state: str
    label: str


@dataclass(frozen=True)
class Tried:
    """What a rule would change, for the page."""

    comparison: dry_run.Comparison
    changes: list[dry_run.Change]
    gaining: int
    losing: int
    would_hold: bool

    @classmethod
    def of(cls, comparison: dry_run.Comparison, rule: Rule) -> "Tried":
        found = comparison.changes
        return cls(
            comparison,
            found[:MOST_CHANGES],
            len({change.person.pk for change in found if change.gains}),
            len({change.person.pk for change in found if change.loses}),
            rule.is_in_force,
        )


@login_required
@require_safe
def rules(request: HttpRequest) -> HttpResponse:
    """All rules; which of them hold, and which cannot be understood any more."""
    user: Any = request.user
    if not explanations.reads_all(user):
        raise NotPermitted(
            "Access rules are read by auditors and administrators. Ask under “Why” what decides "
            "about you."
        )
    form = RuleFilter(request.GET or None)
    found = [told for told in told_rules(_filtered(form)) if _is_wanted(told, form)]
    context = {
        "section": "access",
        "form": form,
        "page": Paginator(found, PAGE).get_page(request.GET.get("page")),
        "is_filtered": any(request.GET.get(name) for name in form.fields),
        "faults": sum(bool(told.fault) and told.rule.is_active for told in found),
        "may_write": user.is_superuser,
    }
    return answer(request, "access/rules.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rule_new(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    services.require_rule_maker(user)
    form = RuleForm(request.POST if request.method == "POST" else None)

    def save() -> str:
        return f"The rule “{services.create_rule(by=user, **form.cleaned_data)}” is written down."

    return _rule_page(request, form, save)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rule(request: HttpRequest, pk: int) -> HttpResponse:
    """One rule: auditors read it, administrators change it."""
    user: Any = request.user
    if request.method == "POST" or not explanations.reads_all(user):
        services.require_rule_maker(user)
    found = get_object_or_404(Rule.objects.select_related("author"), pk=pk)
    # The form writes what was typed on its object, which is not the one that is shown.
    draft = Rule.objects.get(pk=pk)
    form = RuleForm(request.POST if request.method == "POST" else None, instance=draft)
    if not user.is_superuser:
        form.show_only()

    def save() -> str:
        services.change_rule(found, by=user, **form.changes)
        return "The rule is changed. It holds so from now on."

    return _rule_page(request, form, save, told=next(iter(told_rules([found]))))


@login_required
@require_POST
def rule_switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch off what is on, and on what is off."""
    user: Any = request.user
    services.require_rule_maker(user)
    found = get_object_or_404(Rule, pk=pk)
    try:
        found = services.change_rule(found, by=user, is_active=not found.is_active)
    except DomainError as refusal:
        messages.error(request, f"It stays as it is: {refusal.message}")
    else:
        done = "is switched on" if found.is_active else "is switched off and does nothing now"
        messages.success(request, f"The rule “{found}” {done}.")
    return redirect("access:rules")


@login_required
@require_POST
def rule_delete(request: HttpRequest, pk: int) -> HttpResponse:
    user: Any = request.user
    services.require_rule_maker(user)
    found = get_object_or_404(Rule, pk=pk)
    services.delete_rule(found, by=user)
    messages.success(request, f"The rule “{found}” is deleted. The audit trail keeps it.")
    return redirect("access:rules")


def told_rules(rules: Iterable[Rule]) -> list[ToldRule]:
    declared = rulebook.declarations()
    return [_told(rule, rulebook.read_rule(rule, declared).fault) for rule in rules]


def _told(rule: Rule, fault: str) -> ToldRule:
    if not rule.is_active:
        return ToldRule(rule, fault, "none", "Switched off")
    if fault:
        return ToldRule(rule, fault, "failed", "Cannot be read")
    if rule.is_in_force:
        return ToldRule(rule, fault, "active", "Holds")
    is_over = rule.valid_until is not None and rule.valid_until <= timezone.now()
    return ToldRule(rule, fault, "expired", "Over" if is_over else "Holds later")


def _filtered(form: RuleFilter) -> Iterable[Rule]:
    found = Rule.objects.select_related("author").order_by("name")
    if not form.is_bound:
        return found
    if not form.is_valid():
        return found.none()
    if effect := form.cleaned_data["effect"]:
        found = found.filter(effect=effect)
    if state := form.cleaned_data["state"]:
        found = found.filter(is_active=True) if state == "on" else found
        found = found.filter(is_active=False) if state == "off" else found
    return found


def _is_wanted(told: ToldRule, form: RuleFilter) -> bool:
    if not form.is_bound or not form.is_valid():
        return True
    wanted, rule = form.cleaned_data, told.rule
    # In Python: the databases do not search in lists alike, and there are few rules.
    if wanted["action"] and wanted["action"] not in rule.actions:
        return False
    if wanted["state"] == "fault" and not told.fault:
        return False
    text = wanted["q"].casefold().strip()
    return not text or any(
        text in line.casefold() for line in (rule.name, rule.description, *rule.conditions)
    )


def _doubts(user: Any, rule: Rule) -> list[str]:
    return naming.doubts(rulebook.read_rule(rule, rulebook.declarations()).conditions, by=user)


def _rule_page(
    request: HttpRequest, form: RuleForm, save: Any, *, told: ToldRule | None = None
) -> HttpResponse:
    user: Any = request.user
    refusal, tried, posted = None, None, request.method == "POST"
    is_trial = "try" in request.POST
    if posted and form.is_valid() and is_trial:
        tried = Tried.of(dry_run.compare(told.rule if told else None, form.instance), form.instance)
    elif posted and form.is_valid():
        try:
            messages.success(request, save())
            for doubt in _doubts(user, form.instance):
                messages.warning(request, doubt)
            return redirect("access:rules")
        except DomainError as error:
            refusal = error
            put_on_form(form, error)
    declared = rulebook.declarations()
    doubtful = form.instance if tried else told.rule if told else None
    context = {
        "section": "access",
        "form": form,
        "told": told,
        "tried": tried,
        "doubts": _doubts(user, doubtful) if doubtful and not form.errors else [],
        "may_write": user.is_superuser,
        "names": reference.names(declared),
        "operators": reference.operators(),
        "examples": reference.EXAMPLES,
    }
    status = 422 if posted and tried is None else 200
    return answer(request, "access/rule.html", context, refusal=refusal, status=status)
