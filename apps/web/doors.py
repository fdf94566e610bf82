"""Who is let in to the pages that show several apps, also those named `projects` and `accounts`."""

from apps.core.doors import (
    Login,
    Rate,
    administrators,
    declare,
    everybody,
    group,
    may,
    methods,
    own,
    own_list,
    view,
)
from apps.projects.roles import AUDITORS

TRACKING = "tracking server"

declare(
    Login.SESSION,
    {
        "web:inbox": methods(GET=everybody()),
        "web:notifications": methods(GET=own_list("notifications")),
        "web:notifications_read": methods(POST=own_list("notifications", rate=Rate.WRITE)),
        "web:notification": methods(GET=own("notification", rate=Rate.READ)),
        "web:notification_read": methods(POST=own("notification")),
        "web:models": methods(GET=everybody()),
        "web:model": methods(GET=view("model")),
        "web:model_activity": methods(GET=view("model")),
        "web:model_attributes": methods(
            GET=may("manage_project", "model", rate=Rate.READ),
            POST=may("manage_project", "model", "model.set_attributes"),
        ),
        "web:version_attributes": methods(
            GET=may("manage_project", "version", rate=Rate.READ),
            POST=may("manage_project", "version", "version.set_attributes"),
        ),
        "web:card": methods(GET=view("version")),
        "web:card_activity": methods(GET=view("version")),
        "web:move": methods(POST=may("move", "version", "version.move", "version.leave")),
        "web:try_it": methods(
            POST=may("predict", "version", rate=Rate.EXPENSIVE, asks="replica of the model")
        ),
        "web:retry_registration": methods(POST=may("retry", "version", "version.retry")),
        "web:deployments": methods(GET=everybody()),
        "web:deployment": methods(GET=view("deployment")),
        "web:deployment_cancel": methods(POST=may("deploy", "deployment", "deployment.cancel")),
        "web:deployment_retry": methods(POST=may("retry", "deployment", "deployment.retry")),
        "web:deployment_roll_back": methods(
            POST=may("roll_back", "deployment", "deployment.roll_back")
        ),
        "web:deployment_retire": methods(POST=may("deploy", "deployment", "deployment.retire")),
        "web:key_new": methods(POST=may("manage_keys", "deployment", "key.create")),
        "web:key_revoke": methods(POST=may("manage_keys", "key", "key.revoke")),
        "web:environments": methods(GET=everybody()),
        "web:environment": methods(GET=everybody(on="environment")),
        "web:run_log": methods(GET=view("run")),
        # What no version keeps is asked for at the tracking server, which may be away.
        "web:tracked_run": methods(GET=view("training run", asks=TRACKING)),
        "web:tracked_metric": methods(GET=view("training run", asks=TRACKING)),
        "web:tracked_artifacts": methods(GET=view("training run", asks=TRACKING)),
        "web:tracked_file": methods(GET=view("training run", asks=TRACKING)),
        "web:tracked_raw": methods(GET=view("training run", asks=TRACKING)),
        "web:mlflow_pages": methods(GET=everybody(asks="host of MLflow's pages")),
        "web:audit": methods(GET=everybody()),
        "web:audit_event": methods(GET=view("event")),
        "web:audit_export": methods(GET=everybody(rate=Rate.EXPENSIVE)),
        "web:object": methods(GET=view("object")),
        "web:operations": methods(GET=administrators("operations", hidden=True, rate=Rate.READ)),
        "web:message_retry": methods(POST=administrators("message", "message.retry", hidden=True)),
    },
)

declare(
    Login.SESSION,
    {
        "access:rules": methods(GET=group(AUDITORS, "access rule", rate=Rate.READ)),
        "access:rule_new": methods(
            GET=administrators("access rule", rate=Rate.READ),
            POST=administrators("access rule", "rule.create"),
        ),
        "access:rule": methods(
            GET=group(AUDITORS, "access rule", rate=Rate.READ),
            POST=administrators("access rule", "rule.edit"),
        ),
        "access:rule_switch": methods(POST=administrators("access rule", "rule.edit")),
        "access:rule_delete": methods(POST=administrators("access rule", "rule.delete")),
        "access:why": methods(GET=everybody()),
        "access:names": methods(GET=everybody()),
        "access:who": methods(GET=everybody(rate=Rate.EXPENSIVE)),
        "access:who_export": methods(
            GET=may("manage_members", "model", rate=Rate.EXPENSIVE, group=AUDITORS)
        ),
        "access:what": methods(GET=everybody(rate=Rate.EXPENSIVE)),
        "access:what_export": methods(GET=everybody(rate=Rate.EXPENSIVE)),
        "access:grants": methods(
            GET=may("manage_members", "model", rate=Rate.READ, group=AUDITORS),
            POST=may("manage_members", "model", "grant.give", whole=True),
        ),
        "access:take": methods(POST=may("manage_members", "model", "grant.take", whole=True)),
    },
)

declare(
    Login.SESSION,
    {
        "projects:list": methods(GET=everybody()),
        "projects:detail": methods(GET=view("project")),
        "projects:experiments": methods(GET=view("project")),
        "projects:experiment": methods(GET=view("experiment")),
        "projects:settings": methods(
            GET=may("manage_project", "project", rate=Rate.READ),
            POST=may("manage_project", "project", "project.edit"),
        ),
        "projects:prefix_new": methods(POST=may("manage_project", "project", "prefix.reserve")),
        "projects:prefix_remove": methods(POST=may("manage_project", "prefix", "prefix.release")),
        "projects:rule_new": methods(POST=may("manage_project", "project", "label_rule.create")),
        "projects:rule_remove": methods(
            POST=may("manage_project", "label rule", "label_rule.delete")
        ),
        "projects:attributes": methods(
            GET=may("manage_project", "project", rate=Rate.READ),
            POST=may("manage_project", "project", "project.set_attributes"),
        ),
        "projects:sources": methods(GET=may("manage_project", "project", rate=Rate.READ)),
        "projects:tracking": methods(POST=may("manage_project", "project", "tracking.set")),
        "projects:tracking_reset": methods(POST=may("manage_project", "project", "tracking.reset")),
        "projects:tracking_check": methods(
            POST=may("manage_project", "project", rate=Rate.EXPENSIVE)
        ),
        "projects:store_new": methods(POST=may("manage_project", "project", "store_access.set")),
        "projects:store_remove": methods(
            POST=may("manage_project", "store access", "store_access.remove")
        ),
        "projects:store_check": methods(
            POST=may("manage_project", "store access", rate=Rate.EXPENSIVE)
        ),
        "projects:access": methods(
            GET=may("manage_members", "project", rate=Rate.READ, group=AUDITORS),
            POST=may("manage_members", "project", "access_review.sign", whole=True),
        ),
        "projects:access_review": methods(
            GET=may("manage_members", "project", rate=Rate.READ, group=AUDITORS)
        ),
        "projects:access_export": methods(
            GET=may("manage_members", "project", rate=Rate.READ, group=AUDITORS)
        ),
        "projects:webhooks": methods(GET=may("manage_webhooks", "project", rate=Rate.READ)),
        "projects:webhook_new": methods(
            GET=may("manage_webhooks", "project", rate=Rate.READ),
            POST=may("manage_webhooks", "project", "webhook.create"),
        ),
        "projects:webhook": methods(
            GET=may("manage_webhooks", "webhook", rate=Rate.READ),
            POST=may("manage_webhooks", "webhook", "webhook.edit"),
        ),
        "projects:webhook_test": methods(
            POST=may("manage_webhooks", "webhook", rate=Rate.EXPENSIVE)
        ),
        "projects:webhook_switch": methods(POST=may("manage_webhooks", "webhook", "webhook.edit")),
        "projects:webhook_delete": methods(
            POST=may("manage_webhooks", "webhook", "webhook.delete")
        ),
        "projects:override": methods(
            GET=may("override_stages", "project", rate=Rate.READ),
            POST=may("override_stages", "project", "stage.override"),
        ),
        "projects:override_reset": methods(POST=may("override_stages", "override", "stage.reset")),
        "accounts:tokens": methods(GET=own_list("tokens"), POST=own_list("tokens", "token.create")),
    },
)
