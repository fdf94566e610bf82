"""Access rules, grants on single objects, and what decides about whom."""

from typing import Any

from django.contrib.auth.models import Group
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.access import asking, dry_run, explanations, listing, rulebook, services, who
from apps.access.models import Rule
from apps.accounts.models import User
from apps.api.v1.base import PersonsRequest, Resource, one, people_named, shown
from apps.api.v1.serializers import access as shapes
from apps.core.errors import Invalid, NotPermitted


class RulesView(Resource):
    @extend_schema(responses=shapes.AccessRule(many=True))
    def get(self, request: PersonsRequest) -> Response:
        """All access rules, for auditors and administrators."""
        page = self.paginate_queryset(_rules(request).order_by("name"))
        context = {"declared": rulebook.declarations()}
        found = shapes.AccessRule(page, many=True, context=context)
        return self.get_paginated_response(found.data)

    @extend_schema(request=shapes.RuleContent, responses={201: shapes.AccessRule})
    def post(self, request: PersonsRequest) -> Response:
        """Write a rule down, as an administrator. It holds from the next request on."""
        services.require_rule_maker(request.user)
        rule = services.create_rule(by=request.user, **self.given(shapes.RuleContent))
        return shown(rule, shapes.AccessRule, status=201)


class RuleTrialView(Resource):
    @extend_schema(operation_id="rules_dry_run", request=shapes.Trial, responses=shapes.Comparison)
    def post(self, request: PersonsRequest) -> Response:
        """Who would gain or lose what, and on how many objects, without saving the rule."""
        services.require_rule_maker(request.user)
        given = self.given(shapes.Trial)
        replaced = given.pop("replaces")
        before = one(_rules(request), "rule", pk=replaced) if replaced else None
        rule = Rule(author=request.user, **given)
        services.require_sound(rule)
        return shown(dry_run.compare(before, rule), shapes.Comparison)


class RuleView(Resource):
    @extend_schema(responses=shapes.AccessRule)
    def get(self, request: PersonsRequest, pk: int) -> Response:
        """An access rule, for auditors and administrators."""
        return shown(one(_rules(request), "rule", pk=pk), shapes.AccessRule)

    @extend_schema(request=shapes.RuleChanges, responses=shapes.AccessRule)
    def patch(self, request: PersonsRequest, pk: int) -> Response:
        """Change what is given; `is_active: false` switches it off at once."""
        services.require_rule_maker(request.user)
        rule = one(_rules(request), "rule", pk=pk)
        given = self.given(shapes.RuleChanges)
        return shown(services.change_rule(rule, by=request.user, **given), shapes.AccessRule)

    @extend_schema(responses={204: None})
    def delete(self, request: PersonsRequest, pk: int) -> Response:
        """Delete a rule. The audit trail keeps it."""
        services.require_rule_maker(request.user)
        services.delete_rule(one(_rules(request), "rule", pk=pk), by=request.user)
        return Response(status=204)


class WhyView(Resource):
    @extend_schema(parameters=[shapes.WhyQuery], responses=shapes.Why)
    def get(self, request: PersonsRequest) -> Response:
        """Why somebody may or may not do something, and what would change it.

        Everybody asks about himself; owners about others in their project; auditors and
        administrators about everybody.
        """
        asked = self.asked(shapes.WhyQuery)
        found = asking.why(
            request.user,
            person=asked["person"],
            action=asked["action"],
            named=asked["object"],
            wanted=asked["wanted"],
        )
        return shown(found, shapes.Why)


class WhoView(Resource):
    @extend_schema(parameters=[shapes.WhoQuery], responses=shapes.Permitted(many=True))
    def get(self, request: PersonsRequest) -> Response:
        """Everybody who may do something with one object, and what lets him.

        For owners of its project, auditors and administrators.
        """
        asked = self.asked(shapes.WhoQuery)
        policy, obj = asking.object_named(asked["object"], by=request.user)
        who.require_reader_of_all(request.user, obj)
        asking.require_action(policy, asked["action"])
        people = who.People(policy, asked["action"], obj, asked["wanted"])
        page: Any = self.paginate_queryset(people.who_may())
        found = list(people.reasons(page))
        return self.get_paginated_response(shapes.Permitted(found, many=True).data)


class WhatView(Resource):
    @extend_schema(parameters=[shapes.WhatQuery], responses=shapes.Allowance(many=True))
    def get(self, request: PersonsRequest) -> Response:
        """What a person may: of each kind and action, on how many objects."""
        asked = self.asked(shapes.WhatQuery)
        person = asking.person_asked_about(request.user, asked["person"], None)
        return self.page(who.what_may(person), shapes.Allowance)


class GrantsView(Resource):
    @extend_schema(parameters=[shapes.ObjectQuery], responses=shapes.Held(many=True))
    def get(self, request: PersonsRequest) -> Response:
        """Who was granted what on one object, for who decides about it, and for auditors."""
        asked = self.asked(shapes.ObjectQuery)
        _, obj = asking.object_named(asked["object"], by=request.user)
        if not explanations.reads_all(request.user):
            services.require_giver(request.user, obj)
        return self.page(listing.held_on(obj), shapes.Held)

    @extend_schema(request=shapes.NewGrant, responses={201: shapes.Held(many=True)})
    def post(self, request: PersonsRequest) -> Response:
        """Let a person or a group do some actions on one object."""
        given = self.given(shapes.NewGrant)
        _, obj = asking.object_named(given["object"], by=request.user)
        services.require_giver(request.user, obj)
        holder = _holder(given)
        services.give(
            obj,
            to=holder,
            actions=given["actions"],
            expires_at=given["expires_at"],
            reason=given["reason"],
            by=request.user,
        )
        mine = [held for held in listing.held_on(obj) if held.holder == holder]
        return Response(shapes.Held(mine, many=True).data, status=201)


class GrantsTakeView(Resource):
    @extend_schema(
        operation_id="grants_take_back", request=shapes.TakenGrant, responses=shapes.Taken
    )
    def post(self, request: PersonsRequest) -> Response:
        """Take grants back."""
        given = self.given(shapes.TakenGrant)
        _, obj = asking.object_named(given["object"], by=request.user)
        services.require_giver(request.user, obj)
        taken = services.take(
            obj, of=_holder(given, also_disabled=True), actions=given["actions"], by=request.user
        )
        return Response({"taken": taken})


def _holder(given: dict[str, Any], *, also_disabled: bool = False) -> User | Group:
    if "person" in given and not also_disabled:
        return people_named([given["person"]], field="person")[0]
    field, wanted = ("person", User) if "person" in given else ("group", Group)
    key = "username" if field == "person" else "name"
    found = wanted.objects.filter(**{key: given[field]}).first()
    if found is None:
        sentence = f"There is no {field} “{given[field]}”."
        raise Invalid.at(field, sentence)
    return found


def _rules(request: PersonsRequest) -> QuerySet[Rule]:
    if not explanations.reads_all(request.user):
        raise NotPermitted("Access rules are read by auditors and administrators.")
    return Rule.objects.select_related("author")
