"""How what happened is told: a verb, an icon and a tone for each action of the audit trail."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from apps.audit.models import AuditEvent

# action -> (what the actor did, icon, tone)
TOLD: dict[str, tuple[str, str, str]] = {
    "access_review.sign": ("signed the", "shield-check", "green"),
    "alias.delete": ("removed the alias of", "tag", "grey"),
    "alias.set": ("pointed an alias at", "tag", "grey"),
    "artifact_store.create": ("named the store", "database", "blue"),
    "artifact_store.delete": ("deleted the store", "trash-2", "red"),
    "artifact_store.edit": ("changed the store", "database", "amber"),
    "attribute.create": ("declared the attribute", "tag", "amber"),
    "attribute.delete": ("deleted the attribute", "tag", "red"),
    "attribute.edit": ("changed the attribute", "tag", "amber"),
    "data_set.take_in": ("asked for a data set that was logged with", "database", "blue"),
    "data_set.upload": ("uploaded the evaluation data set", "database", "blue"),
    "data_set.withdraw": ("withdrew the evaluation data set", "trash-2", "red"),
    "evaluation.cancel": ("cancelled the", "ban", "grey"),
    "evaluation.end": ("ended the cancelled", "ban", "grey"),
    "evaluation.fail": ("could not finish the", "circle-x", "red"),
    "evaluation.finish": ("finished the", "circle-check", "green"),
    "evaluation.request": ("asked for an", "play", "blue"),
    "evaluation_rule.create": ("made the evaluation rule", "list-checks", "amber"),
    "evaluation_rule.delete": ("deleted the evaluation rule", "list-checks", "grey"),
    "evaluation_rule.edit": ("changed the evaluation rule", "list-checks", "amber"),
    "evaluation_rule.refuse": ("could not evaluate as a rule wants", "circle-x", "amber"),
    "build.cancel": ("cancelled the", "ban", "grey"),
    "build.end": ("ended the cancelled", "ban", "grey"),
    "build.fail": ("could not finish the", "circle-x", "red"),
    "build.finish": ("finished the", "hammer", "green"),
    "build.request": ("asked for the", "hammer", "blue"),
    "build.retry": ("tried again the", "rotate-ccw", "blue"),
    "card.edit": ("edited the model card of", "pencil", "violet"),
    "card.fill": ("filled in from the run the model card of", "rotate-ccw", "violet"),
    "card_requirement.create": ("asks before stages for", "list-checks", "amber"),
    "card_requirement.delete": ("asks no longer before stages for", "list-checks", "grey"),
    "card_requirement.edit": ("changed what is asked before stages:", "list-checks", "amber"),
    "claim.create": ("mapped the claim", "tag", "amber"),
    "claim.delete": ("maps no longer the claim", "tag", "red"),
    "claim.edit": ("changed what is given for the claim", "tag", "amber"),
    "deployment.cancel": ("cancelled what was on its way for", "ban", "grey"),
    "deployment.heal": ("brought back replicas of", "activity", "amber"),
    "deployment.request": ("asked for the deployment of", "rocket", "blue"),
    "deployment.retire": ("retired", "square", "grey"),
    "deployment.retry": ("tried again to deploy", "rotate-ccw", "blue"),
    "deployment.roll_back": ("rolled back to", "undo-2", "amber"),
    "deployment.serve": ("gave the traffic to", "rocket", "green"),
    "endpoint.create": ("made the endpoint", "globe", "blue"),
    "environment.create": ("made the environment", "server", "blue"),
    "environment.delete": ("deleted the environment", "trash-2", "red"),
    "environment.edit": ("changed the environment", "server", "amber"),
    "experiment.assign": ("gave to the project the", "flask-conical", "amber"),
    "experiment.create": ("made the", "flask-conical", "blue"),
    "experiment.delete": ("took from its project the", "flask-conical", "red"),
    "experiment.edit": ("changed the project of the", "flask-conical", "amber"),
    "grant.give": ("granted something on", "key-round", "amber"),
    "grant.take": ("took back what was granted on", "key-round", "grey"),
    "group.create": ("made the group", "users", "amber"),
    "group.delete": ("deleted the group", "trash-2", "red"),
    "group.edit": ("changed the group", "users", "amber"),
    "key.create": ("made the API key", "key-round", "amber"),
    "key.revoke": ("revoked the API key", "key-round", "grey"),
    "label_rule.create": ("protected the labels", "lock", "amber"),
    "label_rule.delete": ("protects no longer the labels", "lock", "grey"),
    "label_rule.edit": ("changed who may set the labels", "lock", "amber"),
    "member.add": ("added", "users", "blue"),
    "member.edit": ("changed the role of", "users", "amber"),
    "member.remove": ("removed", "users", "red"),
    "message.retry": ("let be delivered again", "rotate-ccw", "grey"),
    "mfa.add": ("set up a second factor for", "shield-check", "green"),
    "mfa.remove": ("removed a second factor of", "shield-check", "red"),
    "mfa.reset": ("made new recovery codes for", "shield-check", "amber"),
    "mlflow_pages.open": ("opened", "flask-conical", "grey"),
    "model.create": ("registered the model", "box", "blue"),
    "model.delete": ("deleted the model", "trash-2", "red"),
    "model.describe": ("described the model", "pencil", "violet"),
    "model.rename": ("renamed the model", "pencil", "amber"),
    "model.set_attributes": ("set attributes of the model", "tag", "amber"),
    "model.tag": ("tagged the model", "tag", "grey"),
    "model.untag": ("took a tag from the model", "tag", "grey"),
    "prefix.release": ("keeps no longer the names", "folder", "grey"),
    "prefix.reserve": ("keeps the names", "folder", "blue"),
    "project.create": ("made the project", "folder", "blue"),
    "project.set_attributes": ("set attributes of the project", "tag", "amber"),
    "project.edit": ("changed the project", "folder", "amber"),
    "review.approve": ("approved", "circle-check", "green"),
    "review.ask": ("asked more people to review", "users", "blue"),
    "review.close": ("closed the review of", "undo-2", "grey"),
    "review.comment": ("commented on the review of", "message-square", "grey"),
    "review.complete": ("completed the review of", "shield-check", "green"),
    "review.request": ("asked for a review of", "git-pull-request-arrow", "blue"),
    "review.request_changes": ("asked for changes to", "octagon-alert", "amber"),
    "review.stale": ("noted that the card changed under the review of", "history", "amber"),
    "review.withdraw": ("withdrew the review of", "undo-2", "grey"),
    "reviewer_role.create": ("made the reviewer role", "shield-check", "blue"),
    "reviewer_role.delete": ("deleted the reviewer role", "trash-2", "red"),
    "reviewer_role.edit": ("changed the reviewer role", "shield-check", "amber"),
    "rollout.end": ("ended the cancelled rollout of", "ban", "grey"),
    "rollout.fail": ("could not roll out", "circle-x", "red"),
    "rollout.start": ("started the rollout of", "play", "blue"),
    "rule.create": ("wrote the access rule", "lock", "amber"),
    "rule.delete": ("deleted the access rule", "lock", "red"),
    "rule.edit": ("changed the access rule", "lock", "amber"),
    "session.end": ("ended a session of", "log-out", "grey"),
    "sign_on.create": ("named the sign-on provider", "globe", "amber"),
    "sign_on.delete": ("deleted the sign-on provider", "globe", "red"),
    "sign_on.edit": ("changed the sign-on provider", "globe", "amber"),
    "section_rule.create": ("laid down whose a section of cards is:", "lock", "amber"),
    "section_rule.delete": ("took back whose a section of cards is:", "lock", "grey"),
    "section_rule.edit": ("changed whose a section of cards is:", "lock", "amber"),
    "stage.create": ("made the stage", "layers", "blue"),
    "stage.delete": ("deleted the stage", "trash-2", "red"),
    "stage.edit": ("changed the stage", "layers", "amber"),
    "stage.override": ("asks more of versions for", "layers", "amber"),
    "stage.reset": ("took back what was asked beyond the stage", "layers", "grey"),
    "store_access.create": ("let a project read a store:", "database", "amber"),
    "store_access.delete": ("lets a project read a store no longer:", "database", "grey"),
    "store_access.edit": ("changed who may read a store:", "database", "amber"),
    "store_access.remove": ("lets the project read a store no longer:", "database", "grey"),
    "store_access.set": ("chose a store:", "database", "amber"),
    "token.create": ("made the access token", "key-round", "amber"),
    "token.revoke": ("revoked the access token", "key-round", "grey"),
    "tracking.reset": ("reads models on mlgov's own tracking server again, not", "server", "grey"),
    "tracking.set": ("chose a tracking server:", "server", "amber"),
    "tracking_server.create": ("named the tracking server", "server", "blue"),
    "tracking_server.delete": ("deleted the tracking server", "trash-2", "red"),
    "tracking_server.edit": ("changed the tracking server", "server", "amber"),
    "user.create": ("made the account of", "user", "blue"),
    "user.disable": ("was told by a sign-on provider to disable the account of", "user", "red"),
    "user.edit": ("changed the account of", "user", "amber"),
    "user.enable": ("was told by a sign-on provider to enable the account of", "user", "amber"),
    "user.join": ("joined to a sign-on the account of", "user", "blue"),
    "user.set_password": ("set a new password for", "lock", "amber"),
    "user.sign_on": ("took over claims for", "user", "amber"),
    "user.sign_out": ("was told by a sign-on provider of the logout of", "log-out", "grey"),
    "user.new_browser": ("signed in with a new browser:", "user", "amber"),
    "user.rename": ("is called differently now:", "user", "grey"),
    "version.import": ("imported", "download", "blue"),
    "version.place": ("noted the stage of the imported", "layers", "grey"),
    "version.comment": ("commented on", "message-square", "grey"),
    "version.delete": ("deleted", "trash-2", "red"),
    "version.delete_comment": ("deleted a comment on", "message-square", "grey"),
    "version.describe": ("described", "pencil", "violet"),
    "version.edit_comment": ("changed a comment on", "message-square", "grey"),
    "version.leave": ("took out of its stage", "arrow-left", "grey"),
    "version.move": ("moved", "arrow-right", "teal"),
    "version.ready": ("took over the artifacts of", "package", "green"),
    "version.register": ("registered", "upload", "blue"),
    "version.reject": ("could not register", "circle-x", "red"),
    "version.retry": ("tried again to register", "rotate-ccw", "blue"),
    "version.set_attributes": ("set attributes of", "tag", "amber"),
    "version.tag": ("tagged", "tag", "grey"),
    "version.untag": ("took a tag from", "tag", "grey"),
    "webhook.create": ("made the", "globe", "amber"),
    "webhook.delete": ("deleted the", "globe", "red"),
    "webhook.edit": ("changed the", "globe", "amber"),
}  # fmt: skip
LINKED = {
    "accounts.user", "builds.build", "deployments.deployment", "deployments.endpoint",
    "deployments.apikey", "projects.membership", "projects.project", "registry.modelversion",
    "registry.registeredmodel", "reviews.reviewrequest", "stages.environment",
    "stages.stageoverride",
}  # fmt: skip


@dataclass(frozen=True)
class Told:
    """An event as a line of a timeline."""

    pk: int
    actor: str
    text: str
    icon: str
    tone: str
    object: str
    url: str
    at: datetime
    note: str
    event: AuditEvent


def tell(event: AuditEvent) -> Told:
    app, _, verb = event.action.partition(".")
    plain = (f"{verb.replace('_', ' ')} ({app})", "activity", "grey")
    text, icon, tone = TOLD.get(event.action, plain)
    return Told(
        pk=event.pk,
        actor=event.actor_name,
        text=text,
        icon=icon,
        tone=tone,
        object=f"{event.object_name}{_whereto(event.action, event.data)}",
        url=url_of(event),
        at=event.at,
        note="" if _is_passed_on(event) else event.reason or event.data.get("text", ""),
        event=event,
    )


def url_of(event: AuditEvent) -> str:
    """A page that leads on to the object, if it still exists and the reader may see it."""
    if event.object_type not in LINKED:
        return ""
    return reverse("web:object", args=[event.object_type, event.object_id])


def told(events: QuerySet[AuditEvent]) -> list[Told]:
    return [tell(event) for event in events]


def _is_passed_on(event: AuditEvent) -> bool:
    """The reason was given before, with the request or the move: it is not shown once more."""
    return event.action == "deployment.request" or (
        event.action == "version.move" and bool(event.data.get("review"))
    )


def _whereto(action: str, data: dict[str, Any]) -> str:
    if action == "version.move":
        return f" from {data['from']} to {data['to']}" if data.get("from") else f" to {data['to']}"
    return ""
