"""How each route is asked: what stands in its address, and a body that is right in form.

Nothing here says who is let in. A body has to be right so far that whoever may not is told so.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from apps.core.routes import Route
from tests.permissions.places import ROWS, Place, World

Values = Mapping[str, Any]
Body = Callable[[World, Place], Values]
NAMED = re.compile(r"<(?:\w+:)?(\w+)>")

# A parameter of addresses -> what it is in a place; by route where the name says too little.
EVERYWHERE = {
    "name": "model",
    "number": "number",
    "revision": "revision",
    "key": "key",
    "part": "part",
    "format": "format",
    "format_name": "format",
    "project": "project",
    "endpoint": "endpoint",
    "version": "number",
    "run_id": "training_run",
    "experiment_id": "experiment",
    "path": "artifact",
    "webhook_id": "webhook",
}
BY_OBJECT = {
    "notification": "notification",
    "deployment": "deployment",
    "key": "key",
    "run": "run",
    "evaluation": "evaluation",
    "evaluation data set": "data_set",
    "event": "event",
    "review": "review",
    "comment": "comment",
    "report": "report",
    "prefix": "prefix",
    "label rule": "rule",
    "evaluation rule": "evaluation_rule",
    "section rule": "section_rule",
    "store access": "store",
    "webhook": "webhook",
    "member": "member",
    "session": "session",
    "token": "token",
    "token of a service account": "account_token",
    "security key": "security_key",
}
BY_ROUTE = {
    ("admin:view_on_site", "object_id"): "version",
    ("", "url"): "project",
    ("web:key_revoke", "pk"): "deployment",
    ("v1:member", "username"): "member_name",
    ("v1:service_account", "username"): "account",
    ("v1:service_account_tokens", "username"): "account",
    ("v1:service_account_token", "username"): "account",
    ("v1:endpoint", "slug"): "endpoint",
    ("v1:api_keys", "slug"): "endpoint",
    ("v1:api_key", "slug"): "endpoint",
    ("web:object", "pk"): "version",
    ("access:grants", "pk"): "model_pk",
    ("access:take", "pk"): "model_pk",
    ("projects:access_review", "pk"): "access_review",
    ("projects:access_export", "pk"): "access_review",
    ("v1:access_review", "pk"): "access_review",
}
ALWAYS: dict[tuple[str, str], Callable[[World], Any]] = {
    ("web:audit_export", "kind"): lambda world: "csv",
    ("cards:report_content", "form"): lambda world: "file",
    ("web:object", "kind"): lambda world: "registry.modelversion",
    ("projects:webhook_new", "kind"): lambda world: "mlflow",
    ("web:environment", "slug"): lambda world: world.environment.slug,
    ("v1:environment", "slug"): lambda world: world.environment.slug,
    ("v1:person", "username"): lambda world: world.newcomer,
    ("web:message_retry", "pk"): lambda world: world.message,
    ("projects:override", "stage"): lambda world: world.stages["staging"].pk,
    ("projects:override_reset", "stage"): lambda world: world.stages["staging"].pk,
    ("v1:override", "stage"): lambda world: "staging",
    ("v1:attribute", "about"): lambda world: "person",
    ("v1:attribute", "name"): lambda world: "department",
    ("v1:section_rule_everywhere", "pk"): lambda world: world.section_rule,
    ("v1:rule", "pk"): lambda world: world.access_rule,
    ("access:rule", "pk"): lambda world: world.access_rule,
    ("access:rule_switch", "pk"): lambda world: world.access_rule,
    ("access:rule_delete", "pk"): lambda world: world.access_rule,
    ("access:grants", "kind"): lambda world: "model",
    ("access:take", "kind"): lambda world: "model",
    ("projects:access_export", "kind"): lambda world: "csv",
    ("admin:app_list", "app_label"): lambda world: "stages",
    ("admin:view_on_site", "content_type_id"): lambda world: world.content_type,
    ("openid_connect_login", "provider_id"): lambda world: world.provider,
    ("openid_connect_callback", "provider_id"): lambda world: world.provider,
    ("sign_on:back_channel_logout", "provider"): lambda world: world.provider,
    ("sign_on:security_events", "provider"): lambda world: world.provider,
    ("account_confirm_email", "key"): lambda world: world.confirmation,
    ("account_reset_password_from_key", "uidb36"): lambda world: world.reset[0],
    ("account_reset_password_from_key", "key"): lambda world: world.reset[1],
}
SECTION_RULE = {"section": "data", "right": "read", "roles": ["owner"]}
RULE = {
    "name": "A rule",
    "effect": "deny",
    "actions": ["view"],
    "conditions": ['user.username is "nobody"'],
}


OF_A_MODEL = re.compile(r"admin/(?P<app>[a-z]+)/(?P<model>[a-z]+)/.")
BY_ITS_PLACE = "([^/]+)"


def named_in(route: Route) -> list[str]:
    return NAMED.findall(route.pattern)


def names_a_thing(route: Route) -> bool:
    """Something of a place, and not what there is once in the world."""
    named = [name for name in named_in(route) if (route.name, name) not in ALWAYS]
    return bool(named) or BY_ITS_PLACE in route.pattern


def by_place(route: Route, place: Place) -> list[str]:
    """The row of a model and its revision, which have no names in the address."""
    if BY_ITS_PLACE not in route.pattern:
        return []
    return [place.row(_model_of(route)), place.row(f"{_model_of(route)} revision")]


def _model_of(route: Route) -> str:
    """Whose pages in the admin these are, such as "stages.stage"; empty for others."""
    found = OF_A_MODEL.match(route.pattern)
    return f"{found['app']}.{found['model']}" if found else ""


def address(route: Route, on: str, world: World, place: Place) -> dict[str, Any]:
    """What the parameters of the route are called in the place."""
    if model := _model_of(route):
        return dict.fromkeys(named_in(route), place.row(model))
    return {name: _value(route.name, name, on, world, place) for name in named_in(route)}


def _value(route: str, name: str, on: str, world: World, place: Place) -> Any:
    if (route, name) in ALWAYS:
        return ALWAYS[route, name](world)
    if name == "slug" and (route, name) not in BY_ROUTE:
        return place.project
    word = BY_ROUTE.get((route, name)) or EVERYWHERE.get(name) or BY_OBJECT[on]
    return getattr(place, word)


def parents_of(route: Route, on: str) -> int:
    """How many things the address names, one within the other; a version is one with its number."""
    if on == "project":
        return 1
    names = [name for name in named_in(route) if (route.name, name) not in ALWAYS]
    return len({"version" if name in ("name", "number") else name for name in names})


def nothing(world: World, place: Place) -> Values:
    return {}


def values(**fixed: Any) -> Body:
    return lambda world, place: fixed


REASON = values(reason="Because.", note="Because.", text="Because.", comment="Because.")
PAGES: dict[str, Body] = {
    "evaluations:new": lambda w, p: {
        "data_set": p.data_set,
        "kind": "binary",
        "target": "label",
        "threshold": "0.5",
        "min_rows": "30",
        "seed": "0",
    },
    "evaluations:data_sets": lambda w, p: {
        "name": "another",
        "file": SimpleUploadedFile("a.csv", ROWS),
    },
    "evaluations:take_in": lambda w, p: {"key": p.logged},
    "evaluations:rules": lambda w, p: {
        "data_set": p.data_set,
        "name": "Nightly",
        "occasion": "version",
        "kind": "binary",
        "target": "label",
        "threshold": "0.5",
        "min_rows": "30",
        "seed": "0",
    },
    "web:move": lambda w, p: {"stage": w.stages["archived"].pk},
    "web:try_it": lambda w, p: {"deployment": p.deployment, "body": "{}"},
    "projects:settings": values(name="Renamed", description="", visibility="private"),
    "projects:prefix_new": values(prefix="begins-"),
    "cards:section_rules": values(**SECTION_RULE),
    "projects:rule_new": values(kind="alias", pattern="champion", roles=["owner"]),
    "projects:tracking": lambda w, p: {"server": w.server},
    "projects:store_new": lambda w, p: {"store": w.bucket},
    "projects:override": values(approvals_required=2),
    "projects:members": lambda w, p: {"person": w.newcomer, "role": "viewer"},
    "projects:member": values(role="viewer"),
    "reviews:approve": lambda w, p: {"read_digest": p.digest},
    "reviews:request_changes": lambda w, p: {"read_digest": p.digest, "comment": "Say more."},
    "reviews:ask": lambda w, p: {"reviewers": [p.asked]},
    "reviews:comment": REASON,
    "reviews:withdraw": REASON,
    "cards:section": values(description="Other words.", base_revision=1),
    "cards:draft": values(description="Other words.", base_revision=1),
    "cards:values": values(do="confirm", pointer="/overview/description"),
    "cards:report": values(do="run"),
    "cards:comments": REASON,
    "cards:comment": REASON,
    "web:deployment_roll_back": REASON,
    "web:deployment_retire": REASON,
    "web:key_new": values(name="A caller"),
    "accounts:tokens": values(name="Another", scope="all"),
    "projects:new": values(name="New", slug="new", visibility="private"),
    "access:rule_new": values(**RULE),
    "access:rule": values(**RULE),
    "access:take": lambda w, p: {"person": w.newcomer, "actions": "edit_card"},
}


# That whatever hangs on it may go along.
CONFIRMED = {"post": "yes"}
QUERIES: dict[str, Body] = {
    "admin:autocomplete": values(
        app_label="accounts", model_name="user", field_name="owner", term="viewer"
    ),
    "access:who_export": lambda w, p: {"action": "view", "object": f"model:{p.model_pk}"},
    "cards:compare_cards": lambda w, p: {"card": f"{p.model}:{p.number}"},
    "web:tracked_metric": values(name="auc"),
    "web:tracked_artifacts": values(path="plots"),
    "web:tracked_file": values(path="plots/roc.png"),
    "web:tracked_raw": values(path="plots/roc.png"),
    "web:mlflow_pages": values(browser="a" * 64),
}


def _described(text: str = "Better.") -> Body:
    return values(description=text)


REST: dict[tuple[str, str], Body] = {
    ("GET", "v1:people"): values(search="own"),
    ("POST", "v1:people"): values(username="hired", email="hired@example.org"),
    ("PATCH", "v1:person"): values(name="Renamed"),
    ("POST", "v1:service_accounts"): values(username="pipeline"),
    ("PATCH", "v1:service_account"): values(name="Renamed"),
    ("POST", "v1:service_account_tokens"): values(name="Another"),
    ("POST", "v1:tokens"): values(name="Another"),
    ("POST", "v1:projects"): values(slug="new", name="New"),
    ("PATCH", "v1:project"): _described(),
    ("PUT", "v1:member"): values(role="viewer"),
    ("POST", "v1:project_service_accounts"): values(username="pipeline", role="viewer"),
    ("PUT", "v1:override"): values(approvals_required=2),
    ("POST", "v1:name_prefixes"): values(prefix="begins-"),
    ("POST", "v1:section_rules"): values(**SECTION_RULE),
    ("POST", "v1:section_rules_everywhere"): values(**SECTION_RULE),
    ("POST", "v1:label_rules"): values(kind="alias", pattern="champion", roles=["owner"]),
    ("POST", "v1:models"): lambda w, p: {"name": "new-model", "project": p.project},
    ("PATCH", "v1:model"): _described(),
    ("POST", "v1:card_import"): values(format="json", content="{}"),
    ("PUT", "v1:card"): values(description="Better.", reason="Why.", base_revision=1),
    ("POST", "v1:comments_on_version"): values(text="Fine."),
    ("PUT", "v1:comment_on_version"): values(text="Fine."),
    ("POST", "v1:move"): values(stage="archived", reason="Old."),
    ("POST", "v1:version_reviews"): values(stage="production", note="Please."),
    ("POST", "v1:approve"): lambda w, p: {"read_digest": p.digest},
    ("POST", "v1:request_changes"): lambda w, p: {"read_digest": p.digest, "comment": "More."},
    ("POST", "v1:comments"): values(text="Fine."),
    ("POST", "v1:reviewers"): lambda w, p: {"reviewers": [p.asked_name]},
    ("POST", "v1:withdraw"): values(reason="Old."),
    ("POST", "v1:data_sets"): values(name="another", content=ROWS.decode()),
    ("POST", "v1:version_evaluations"): lambda w, p: {
        "data_set": p.data_set,
        "kind": "binary",
        "target": "label",
    },
    ("POST", "v1:logged_data_sets"): lambda w, p: {"key": p.logged},
    ("POST", "v1:evaluation_rules"): values(
        name="Nightly",
        occasion="version",
        data_set_name="holdout",
        kind="binary",
        target="label",
    ),
    ("POST", "v1:api_keys"): values(name="A caller"),
    ("POST", "v1:roll_back"): values(reason="Worse."),
    ("POST", "v1:retire"): values(reason="Old."),
    ("POST", "v1:attributes"): values(about="person", name="clearance", kind="number"),
    ("PATCH", "v1:attribute"): values(description="Where somebody works."),
    **{
        ("PATCH", f"v1:{of}_attributes"): values(tier="1") for of in ("project", "model", "version")
    },
    ("POST", "v1:rules"): values(**RULE),
    ("POST", "v1:rule_trial"): values(**RULE),
    ("PATCH", "v1:rule"): values(description="Ask the risk team."),
    ("GET", "v1:why"): lambda w, p: {"action": "view", "object": f"model:{p.model_pk}"},
    ("GET", "v1:who"): lambda w, p: {"action": "view", "object": f"model:{p.model_pk}"},
    ("GET", "v1:grants"): lambda w, p: {"object": f"model:{p.model_pk}"},
    ("POST", "v1:grants"): lambda w, p: {
        "object": f"model:{p.model_pk}",
        "person": w.newcomer,
        "actions": ["view"],
    },
    ("POST", "v1:grants_take"): lambda w, p: {
        "object": f"model:{p.model_pk}",
        "person": w.newcomer,
        "actions": ["view"],
    },
}
EVENT = {"entity": "PROMPT", "action": "CREATED"}
LISTENS = {"url": "https://ci.example.org/", "events": ["MODEL_VERSION_CREATED"]}


def of_model(**further: Any) -> Body:
    return lambda w, p: {"name": p.model, **further}


def of_version(**further: Any) -> Body:
    return lambda w, p: {"name": p.model, "version": str(p.number), **further}


def of_row(word: str, **further: Any) -> Body:
    return lambda w, p: {"id": str(getattr(p, word)), **further}


def of_alias(w: World, p: Place) -> Values:
    return {"name": p.model, "alias": p.alias}


# Below /api/2.0/mlflow/; by method where they differ.
MLFLOW: dict[str, Body] = {
    "registered-models/create": lambda w, p: {
        "name": "new-model", "tags": [{"key": "mlgov.project", "value": p.project}],
    },
    "registered-models/rename": of_model(new_name="another name"),
    "registered-models/update": of_model(description="Better."),
    "registered-models/delete": of_model(),
    "registered-models/get": of_model(),
    "registered-models/search": nothing,
    "registered-models/get-latest-versions": of_model(),
    "registered-models/set-tag": of_model(key="team", value="fraud"),
    "registered-models/delete-tag": of_model(key="team"),
    "POST registered-models/alias": of_version(alias="newest"),
    "registered-models/alias": of_alias,
    "model-versions/create": of_model(source="runs:/0123456789abcdef/model"),
    "model-versions/update": of_version(description="Better."),
    "model-versions/transition-stage": of_version(
        stage="archived", archive_existing_versions=False
    ),
    "model-versions/delete": of_version(),
    "model-versions/get": of_version(),
    "model-versions/search": nothing,
    "model-versions/get-download-uri": of_version(),
    "model-versions/set-tag": of_version(key="team", value="fraud"),
    "model-versions/delete-tag": of_version(key="team"),
    "GET webhooks": nothing,
    "webhooks": values(name="ci", url="https://ci.example.org/", events=[EVENT]),
    "webhooks/<str:webhook_id>": nothing,
    "webhooks/<str:webhook_id>/test": nothing,
    "transition-requests/create": of_version(stage="production", comment="Please."),
    "transition-requests/approve": of_version(stage="staging", archive_existing_versions=False),
    "transition-requests/reject": of_version(stage="staging", comment="Say more."),
    "transition-requests/delete": lambda w, p: {
        "name": p.model, "version": str(p.number), "stage": "staging", "creator": p.requester,
    },
    "transition-requests/list": of_version(),
    "comments/create": of_version(comment="Fine."),
    "comments/update": of_row("comment", comment="Better."),
    "comments/delete": of_row("comment"),
    "activities/list": of_version(),
    "registry-webhooks/create": lambda w, p: {
        "model_name": p.model, "events": LISTENS["events"], "http_url_spec": LISTENS,
    },
    "registry-webhooks/list": nothing,
    "registry-webhooks/update": of_row("model_webhook", description="CI"),
    "registry-webhooks/delete": of_row("model_webhook"),
    "registry-webhooks/test": of_row("model_webhook"),
    "databricks/registered-models/get": of_model(),
    "databricks/model-versions/transition-stage": of_version(
        stage="archived", archive_existing_versions=False
    ),
}  # fmt: skip


def body(route: Route, method: str, world: World, place: Place) -> Values:
    if _model_of(route) and route.pattern.endswith("/delete/"):
        return CONFIRMED
    if (method, route.name) in REST:
        return REST[method, route.name](world, place)
    if route.pattern.startswith("api/2.0/"):
        call = route.pattern.partition("mlflow/")[2]
        return (MLFLOW.get(f"{method} {call}") or MLFLOW.get(call, nothing))(world, place)
    return (QUERIES if method == "GET" else PAGES).get(route.name, nothing)(world, place)
