"""Commands that work when they are copied."""

import shlex

from django.conf import settings

from apps.deployments.models import Deployment
from apps.web.signatures import compact

SHORT_ENOUGH = 1_500


def url_of(deployment: Deployment) -> str:
    return f"{settings.MLGOV_BASE_URL}{deployment.endpoint.path}"


def curl(deployment: Deployment, example: str) -> str:
    """A request to the endpoint; the API key is asked for by its variable, not written down."""
    body = compact(example)
    if len(body) > SHORT_ENOUGH:
        body = "@request.json"
    return (
        f"curl {url_of(deployment)} \\\n"
        '  -H "Authorization: Bearer $MLGOV_API_KEY" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(body)}"
    )
