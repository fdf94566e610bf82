"""Who is let in to the resources of the REST API."""

from apps.accounts.people import PROVISIONERS
from apps.core.doors import (
    Author,
    Login,
    Rate,
    administrators,
    any_method,
    anybody,
    declare,
    everybody,
    group,
    may,
    methods,
    own,
    own_list,
    view,
)
from apps.evaluations.doors import UPLOAD
from apps.projects.roles import AUDITORS

declare(
    Login.EITHER,
    {
        "v1:me": methods(GET=everybody()),
        "v1:people": methods(GET=everybody(), POST=group(PROVISIONERS, "person", "user.create")),
        "v1:person": methods(
            GET=group(PROVISIONERS, "person", rate=Rate.READ),
            PATCH=group(PROVISIONERS, "person", "user.edit", "token.revoke"),
        ),
        "v1:attributes": methods(
            GET=everybody(), POST=administrators("attribute", "attribute.create")
        ),
        "v1:attribute": methods(
            GET=everybody(on="attribute"),
            PATCH=administrators("attribute", "attribute.edit"),
            DELETE=administrators("attribute", "attribute.delete"),
        ),
        "v1:project_attributes": methods(
            PATCH=may("manage_project", "project", "project.set_attributes")
        ),
        "v1:model_attributes": methods(
            PATCH=may("manage_project", "model", "model.set_attributes")
        ),
        "v1:version_attributes": methods(
            PATCH=may("manage_project", "version", "version.set_attributes")
        ),
        "v1:rules": methods(
            GET=group(AUDITORS, "access rule", rate=Rate.READ),
            POST=administrators("access rule", "rule.create"),
        ),
        "v1:rule_trial": methods(POST=administrators("access rule", rate=Rate.EXPENSIVE)),
        "v1:rule": methods(
            GET=group(AUDITORS, "access rule", rate=Rate.READ),
            PATCH=administrators("access rule", "rule.edit"),
            DELETE=administrators("access rule", "rule.delete"),
        ),
        "v1:why": methods(GET=view("model")),
        "v1:who": methods(GET=may("manage_members", "model", rate=Rate.EXPENSIVE, group=AUDITORS)),
        "v1:what": methods(GET=everybody(rate=Rate.EXPENSIVE)),
        "v1:grants": methods(
            GET=may("manage_members", "model", rate=Rate.READ, group=AUDITORS),
            POST=may("manage_members", "model", "grant.give", whole=True),
        ),
        "v1:grants_take": methods(POST=may("manage_members", "model", "grant.take", whole=True)),
        "v1:project_access": methods(
            GET=may("manage_members", "project", rate=Rate.EXPENSIVE, group=AUDITORS)
        ),
        "v1:access_reviews": methods(
            GET=may("manage_members", "project", rate=Rate.READ, group=AUDITORS),
            POST=may("manage_members", "project", "access_review.sign", whole=True),
        ),
        "v1:access_review": methods(
            GET=may("manage_members", "project", rate=Rate.READ, group=AUDITORS)
        ),
        "v1:service_accounts": methods(
            GET=own_list("service accounts"),
            POST=administrators("service account", "user.create"),
        ),
        "v1:service_account": methods(
            PATCH=own("service account", "user.edit", "token.revoke", administrators_too=True)
        ),
        "v1:service_account_tokens": methods(
            GET=own("service account", administrators_too=True, rate=Rate.READ),
            POST=own("service account", "token.create", administrators_too=True),
        ),
        "v1:service_account_token": methods(
            DELETE=own("token of a service account", "token.revoke", administrators_too=True)
        ),
        "v1:tokens": methods(GET=own_list("tokens"), POST=own_list("tokens", "token.create")),
        "v1:token": methods(DELETE=own("token", "token.revoke")),
        "v1:notifications": methods(GET=own_list("notifications")),
        "v1:notifications_read": methods(POST=own_list("notifications", rate=Rate.WRITE)),
        "v1:notification_read": methods(POST=own("notification")),
        "v1:projects": methods(GET=everybody(), POST=everybody("project.create", whole=True)),
        "v1:project": methods(
            GET=view("project"), PATCH=may("manage_project", "project", "project.edit")
        ),
        "v1:members": methods(GET=view("project")),
        "v1:member": methods(
            PUT=may("manage_members", "project", "member.add", "member.edit"),
            DELETE=may("manage_members", "member", "member.remove"),
        ),
        "v1:project_service_accounts": methods(
            POST=may("manage_members", "project", "user.create", "member.add", whole=True)
        ),
        "v1:project_stages": methods(GET=view("project")),
        "v1:override": methods(
            PUT=may("override_stages", "project", "stage.override"),
            DELETE=may("override_stages", "override", "stage.reset"),
        ),
        "v1:name_prefixes": methods(
            GET=view("project"), POST=may("manage_project", "project", "prefix.reserve")
        ),
        "v1:name_prefix": methods(DELETE=may("manage_project", "prefix", "prefix.release")),
        "v1:label_rules": methods(
            GET=view("project"), POST=may("manage_project", "project", "label_rule.create")
        ),
        "v1:section_rules": methods(
            GET=view("project"),
            POST=may("manage_project", "project", "section_rule.create", "section_rule.edit"),
        ),
        "v1:section_rule": methods(
            DELETE=may("manage_project", "section rule", "section_rule.delete")
        ),
        "v1:section_rules_everywhere": methods(
            GET=group(AUDITORS, "section rule of all projects", rate=Rate.READ),
            POST=administrators(
                "section rule of all projects", "section_rule.create", "section_rule.edit"
            ),
        ),
        "v1:section_rule_everywhere": methods(
            DELETE=administrators("section rule of all projects", "section_rule.delete")
        ),
        "v1:label_rule": methods(DELETE=may("manage_project", "label rule", "label_rule.delete")),
        "v1:reviewer_roles": methods(GET=everybody()),
        "v1:models": methods(GET=everybody(), POST=may("register", "project", "model.create")),
        "v1:model": methods(
            GET=view("model"),
            PATCH=may("register", "model", "model.describe"),
            DELETE=may("delete", "model", "model.delete"),
        ),
        "v1:versions": methods(GET=view("model")),
        "v1:version": methods(
            GET=view("version"), DELETE=may("delete", "version", "version.delete")
        ),
        "v1:version_retry": methods(POST=may("retry", "version", "version.retry")),
        "v1:artifacts": methods(GET=view("version")),
        "v1:artifact": methods(GET=view("artifact")),
        "v1:lineage": methods(GET=view("version")),
        "v1:card": methods(GET=view("version"), PUT=may("edit_card", "version", "card.edit")),
        "v1:card_search": methods(GET=everybody()),
        "v1:card_schema": methods(GET=everybody()),
        "v1:card_fill": methods(
            POST=may(
                "edit_card", "version", "card.fill", rate=Rate.EXPENSIVE, asks="tracking server"
            )
        ),
        "v1:card_exports": methods(GET=view("version")),
        "v1:card_export": methods(
            GET=view("version", rate=Rate.EXPENSIVE), POST=may("view", "version")
        ),
        "v1:card_import": methods(POST=may("edit_card", "version", "card.edit")),
        "v1:card_missing": methods(GET=view("version")),
        "v1:card_revisions": methods(GET=view("version")),
        "v1:comments_on_version": methods(
            GET=view("version"), POST=may("comment", "version", "version.comment")
        ),
        "v1:comment_on_version": methods(
            PUT=may("comment", "comment", "version.edit_comment", author=Author.ONLY),
            DELETE=may("manage_project", "comment", "version.delete_comment", author=Author.TOO),
        ),
        "v1:move": methods(POST=may("move", "version", "version.move", "version.leave")),
        "v1:version_reviews": methods(
            GET=view("version"), POST=may("request_review", "version", "review.request")
        ),
        "v1:stages": methods(GET=everybody()),
        "v1:environments": methods(GET=everybody()),
        "v1:environment": methods(GET=everybody(on="environment")),
        "v1:reviews": methods(GET=everybody()),
        "v1:review": methods(GET=view("review")),
        "v1:approve": methods(POST=may("review", "review", "review.approve", members_only=True)),
        "v1:request_changes": methods(
            POST=may("review", "review", "review.request_changes", members_only=True)
        ),
        "v1:comments": methods(GET=view("review"), POST=may("comment", "review", "review.comment")),
        "v1:reviewers": methods(
            POST=may("manage_project", "review", "review.ask", author=Author.TOO)
        ),
        "v1:withdraw": methods(
            POST=may("manage_project", "review", "review.withdraw", author=Author.TOO)
        ),
        "v1:endpoints": methods(GET=everybody()),
        "v1:endpoint": methods(GET=view("endpoint")),
        "v1:api_keys": methods(
            GET=may("manage_keys", "endpoint", rate=Rate.READ),
            POST=may("manage_keys", "endpoint", "key.create"),
        ),
        "v1:api_key": methods(DELETE=may("manage_keys", "key", "key.revoke")),
        "v1:deployments": methods(GET=everybody()),
        "v1:deployment": methods(GET=view("deployment")),
        "v1:retry": methods(POST=may("retry", "deployment", "deployment.retry")),
        "v1:cancel": methods(POST=may("deploy", "deployment", "deployment.cancel")),
        "v1:roll_back": methods(POST=may("roll_back", "deployment", "deployment.roll_back")),
        "v1:retire": methods(POST=may("deploy", "deployment", "deployment.retire")),
        "v1:data_sets": methods(
            GET=view("project"),
            POST=may("evaluate", "project", "data_set.upload", rate=Rate.EXPENSIVE, body=UPLOAD),
        ),
        "v1:data_set": methods(
            GET=view("evaluation data set"),
            DELETE=may("evaluate", "evaluation data set", "data_set.withdraw"),
        ),
        "v1:evaluation_rules": methods(
            GET=view("project"),
            POST=may("manage_project", "project", "evaluation_rule.create"),
        ),
        "v1:evaluation_rule": methods(
            DELETE=may(
                "manage_project", "evaluation rule", "evaluation_rule.delete", "evaluation.cancel"
            )
        ),
        "v1:logged_data_sets": methods(
            GET=view("version"),
            POST=may("evaluate", "version", "data_set.take_in", rate=Rate.EXPENSIVE),
        ),
        "v1:version_evaluations": methods(
            GET=view("version"),
            POST=may("evaluate", "version", "evaluation.request", rate=Rate.EXPENSIVE),
        ),
        "v1:evaluation": methods(GET=view("evaluation")),
        "v1:evaluation_report": methods(GET=view("evaluation")),
        "v1:evaluation_cancel": methods(POST=may("evaluate", "evaluation", "evaluation.cancel")),
        "v1:runs": methods(GET=everybody()),
        "v1:run": methods(GET=view("run")),
        "v1:run_log": methods(GET=view("run")),
        "v1:activity": methods(GET=everybody()),
        # What the API can do is no secret: it is in the repository.
        "v1:schema": methods(GET=anybody(rate=Rate.EXPENSIVE)),
        "v1:docs": methods(GET=anybody()),
    },
)
# What is left over answers that there is nothing.
declare(Login.NONE, {"v1:nothing": any_method(anybody())})
