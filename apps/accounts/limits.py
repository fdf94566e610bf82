"""What an access token leaves of its person's rights: some actions, in some projects.

Policies and `projects_where` narrow what is found, so that the rest does not exist. The audit trail
asks again with each write, and there whatever is not named below is refused: a write that forgets
to ask a policy is still none of a limited token's.
"""

from dataclasses import dataclass

from apps.core.errors import NotPermitted

# What follows from another write, in the same transaction, whose own action was asked for.
CONSEQUENCES = frozenset(
    {
        "alias.delete", "alias.set", "build.cancel", "build.request", "deployment.request",
        "deployment.retire", "endpoint.create", "review.close", "review.complete", "review.stale",
        "rollout.end", "rollout.start", "version.leave", "version.move",
    }
)  # fmt: skip
# Audit action -> actions of which a token has to include one. Not named: only without limits.
ASKED_FOR: dict[str, tuple[str, ...]] = {
    "build.retry": ("retry",),
    "card.edit": ("edit_card",),
    "card.fill": ("edit_card",),
    "data_set.take_in": ("evaluate",),
    "data_set.upload": ("evaluate",),
    "data_set.withdraw": ("evaluate",),
    "deployment.cancel": ("deploy",),
    "deployment.retry": ("retry",),
    "deployment.roll_back": ("roll_back",),
    # Removing a rule cancels what it asked for.
    "evaluation.cancel": ("evaluate", "manage_project"),
    "evaluation.request": ("evaluate",),
    "evaluation_rule.create": ("manage_project",),
    "evaluation_rule.delete": ("manage_project",),
    "experiment.create": ("register",),
    "experiment.delete": ("delete", "register"),
    "experiment.edit": ("register",),
    "key.create": ("manage_keys",),
    "key.revoke": ("manage_keys",),
    "label_rule.create": ("manage_project",),
    "label_rule.delete": ("manage_project",),
    "member.add": ("manage_members",),
    "member.edit": ("manage_members",),
    "member.remove": ("manage_members",),
    "model.create": ("register",),
    "model.delete": ("delete",),
    "model.describe": ("register",),
    "model.rename": ("register",),
    "model.set_attributes": ("manage_project",),
    "model.tag": ("register",),
    "model.untag": ("register",),
    "prefix.release": ("manage_project",),
    "prefix.reserve": ("manage_project",),
    "project.edit": ("manage_project",),
    "project.set_attributes": ("manage_project",),
    "review.approve": ("review",),
    "review.ask": ("request_review",),
    "review.comment": ("comment",),
    "review.request": ("request_review",),
    "review.request_changes": ("review",),
    "review.withdraw": ("request_review",),
    "section_rule.create": ("manage_project",),
    "section_rule.delete": ("manage_project",),
    "section_rule.edit": ("manage_project",),
    "stage.override": ("override_stages",),
    "stage.reset": ("override_stages",),
    "store_access.remove": ("manage_project",),
    "store_access.set": ("manage_project",),
    "tracking.reset": ("manage_project",),
    "tracking.set": ("manage_project",),
    "version.comment": ("comment",),
    "version.delete": ("delete",),
    "version.delete_comment": ("comment",),
    "version.describe": ("register",),
    "version.edit_comment": ("comment",),
    "version.register": ("register",),
    "version.retry": ("retry",),
    "version.set_attributes": ("manage_project",),
    "version.tag": ("register",),
    "version.untag": ("register",),
    "webhook.create": ("manage_webhooks",),
    "webhook.delete": ("manage_webhooks",),
    "webhook.edit": ("manage_webhooks",),
}


@dataclass(frozen=True)
class Limits:
    """`None` stands for all actions, or all projects."""

    token: str
    actions: frozenset[str] | None
    projects: frozenset[int] | None
    # A limited token makes nobody an administrator; it still reaches the projects he reaches.
    of_administrator: bool

    def allow(self, action: str) -> bool:
        return self.actions is None or action in self.actions

    def refusal(self) -> NotPermitted:
        return NotPermitted(
            f"Your token “{self.token}” does not include this. Use one that does: your tokens page "
            "shows what each is limited to.",
            code="token_limited",
        )

    def require_write(self, audit_action: str, project_id: int | None) -> None:
        """Raise `NotPermitted` for a write that the token does not include."""
        if self.projects is not None and project_id not in self.projects:
            raise self.refusal()
        if self.actions is None:
            return
        if audit_action in CONSEQUENCES and self.actions - {"view"}:
            return
        if self.actions.isdisjoint(ASKED_FOR.get(audit_action, ())):
            raise self.refusal()
