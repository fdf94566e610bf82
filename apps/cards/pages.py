"""What the page of a version shows of its discussion."""

from typing import Any

from apps.accounts.models import User
from apps.cards import catalogues, policies, queries
from apps.cards.forms import CommentForm
from apps.cards.rendering import to_html
from apps.registry import policies as registry_policies
from apps.registry.models import ModelVersion

NEWEST = 30


def discussion(
    version: ModelVersion, user: User, *, form: CommentForm | None = None, newest: int = 0
) -> dict[str, Any]:
    """The comments with what the person may do to each, and the form where he may write one."""
    found = list(queries.comments_on(version, user))
    may = {
        action: set(
            policies.comments.visible_to(user, action)
            .filter(version=version)
            .values_list("pk", flat=True)
        )
        if found
        else set()
        for action in ("edit", "delete")
    }
    shown = found[-newest:] if newest else found
    outdated = queries.outdated(shown, version)
    anchored = any(comment.pointer for comment in shown)
    fields = catalogues.written(queries.current_card(version)).fields if anchored else {}
    return {
        "comments": [
            {
                "comment": comment,
                "html": to_html(comment.text),
                "field": fields.get(comment.pointer),
                "is_outdated": comment.pk in outdated,
                "may_edit": comment.pk in may["edit"],
                "may_delete": comment.pk in may["delete"],
            }
            for comment in shown
        ],
        "comments_before": len(found) - len(shown),
        "comment_form": (form or CommentForm(auto_id="id_comment_%s"))
        if registry_policies.versions.could(user, "comment", version)
        else None,
    }
