"""The command line. Results go to stdout, everything else to stderr.

Exit codes: 0 done, 1 refused by mlgov, 2 usage, 3 changes requested or withdrawn, 4 timed out,
5 mlgov cannot be reached, 6 the deployment failed, 7 an evaluation or a file that a worker writes
failed, 8 fields of the card are missing, 130 interrupted.
"""

import sys
from collections.abc import Sequence
from functools import partial

import click

from mlgov_client import card_commands, output
from mlgov_client.client import Client
from mlgov_client.errors import Misused, MlgovError
from mlgov_client.options import (
    DEPLOYMENTS_TAKE,
    REVIEWS_TAKE,
    Connect,
    as_json,
    print_found,
    reference,
    timeout,
)
from mlgov_client.transport import VERSION

INTERRUPTED = 130


@click.group(epilog="VERSION is fraud/3, models:/fraud/3, fraud/latest or fraud@alias.")
@click.option("--url", help="Address of mlgov. Default: MLGOV_URL, else MLflow's variables.")
@click.option(
    "--progress",
    type=click.Choice(["auto", "bar", "lines", "none"]),
    default="auto",
    help="How waiting is shown, on stderr.",
)
@click.version_option(VERSION, prog_name="mlgov")
@click.pass_context
def mlgov(context: click.Context, url: str | None, progress: str) -> None:
    """Reviews and deployments of models, for scripts and CI jobs.

    The access token is read from MLGOV_TOKEN, else from MLFLOW_TRACKING_TOKEN.
    """
    # Not made before a command needs it: its --help works without a token.
    context.obj = partial(Client, url, progress=progress)


@mlgov.command()
@as_json
@click.pass_obj
def whoami(connect: Connect, as_json: bool) -> None:
    """Say as whom mlgov knows you."""
    client = connect()
    person = client.whoami()
    print_found(person, output.person(person, client.url), as_json)


@mlgov.command()
@reference
@as_json
@click.pass_obj
def status(connect: Connect, version: str, as_json: bool) -> None:
    """Show where a version stands: its stage, reviews and deployments."""
    found = connect().version(version).status()
    print_found(found, output.status(found), as_json)


@mlgov.group()
def review() -> None:
    """Request reviews, and wait for them."""


@review.command("request")
@reference
@click.option("--stage", required=True, help="That the version is to enter, e.g. Staging.")
@click.option("--note", required=True, help="What is to be reviewed, and why.")
@click.option(
    "--reviewer", "reviewers", multiple=True, help="User name; repeatable. Default: mlgov chooses."
)
@click.option("--wait", is_flag=True, help="Wait until it is decided.")
@timeout(REVIEWS_TAKE)
@as_json
@click.pass_obj
def review_request(
    connect: Connect,
    version: str,
    stage: str,
    note: str,
    reviewers: Sequence[str],
    wait: bool,
    timeout: str,
    as_json: bool,
) -> None:
    """Ask for a version to enter a stage. Where that is asked already, go on with that review."""
    client = connect()
    found = client.version(version).request_review(
        stage=stage, note=note, reviewers=reviewers or None
    )
    if wait:
        # Said at once: a job that is killed while it waits has told where the review is.
        click.echo(f"Review {found.id}: {found.url}", err=True)
        found = client.wait_for_review(found.id, timeout)
    print_found(found, output.review(found), as_json)


@review.command("wait")
@reference
@click.option("--stage", help="Of which the review is meant. Default: the newest review.")
@timeout(REVIEWS_TAKE)
@as_json
@click.pass_obj
def review_wait(
    connect: Connect, version: str, stage: str | None, timeout: str, as_json: bool
) -> None:
    """Wait until the review of a version is decided."""
    found = connect().version(version).wait_for_review(stage, timeout)
    print_found(found, output.review(found), as_json)


@mlgov.command()
@reference
@click.option("--stage", help="In whose environment. Default: the stage it stands in.")
@click.option("--reason", default="", help="Why, for the audit trail.")
@click.option("--wait", is_flag=True, help="Wait until it serves.")
@timeout(DEPLOYMENTS_TAKE)
@as_json
@click.pass_obj
def deploy(
    connect: Connect,
    version: str,
    stage: str | None,
    reason: str,
    wait: bool,
    timeout: str,
    as_json: bool,
) -> None:
    """Have a version serve, in its stage or in one that asks for no review.

    What a review has let in is deployed already: then this only waits for it, with --wait.
    """
    asked = connect().version(version)
    found = asked.deploy(stage, reason=reason)
    if wait:
        found = asked.wait_for_deployment(stage, timeout)
    print_found(found, output.deployment(found), as_json)


for command in card_commands.ALL:
    mlgov.add_command(command)


def run(arguments: Sequence[str] | None = None) -> int:
    """The exit code of a command line."""
    try:
        code = mlgov.main(arguments, prog_name="mlgov", standalone_mode=False)
    except MlgovError as error:
        click.echo(f"mlgov: {error}", err=True)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("\nInterrupted. What was asked for goes on at mlgov.", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return Misused.exit_code
    return code if isinstance(code, int) else 0


def main() -> None:
    sys.exit(run())
