"""Commands about cards and what is measured for them."""

import json
from pathlib import Path
from typing import Any

import click

from mlgov_client import output
from mlgov_client.errors import Misused
from mlgov_client.files import IMPORTED
from mlgov_client.options import Connect, as_json, print_found, reference, timeout

FILES_TAKE, EVALUATIONS_TAKE = "10m", "1h"
MISSING = 8
# Both are shown by name in usage; whether they can be read is said in a sentence of ours.
PATH = click.Path(dir_okay=False, path_type=Path)


def written(target: Path, content: bytes) -> None:
    try:
        target.write_bytes(content)
    except OSError as error:
        raise Misused(f"{target} cannot be written: {error.strerror or error}.") from error
    click.echo(f"Wrote {target}.", err=True)


@click.command()
@reference
@click.option(
    "-o", "--output", "target", type=PATH, help="A file to write. Default: standard output."
)
@click.option(
    "--format",
    "format_",
    help="json, huggingface, cyclonedx, mct, sagemaker, html, pdf, csv …: the card as mlgov "
    "exports it. Default: a Markdown of facts, description and lineage.",
)
@timeout(FILES_TAKE)
@as_json
@click.pass_obj
def card(
    connect: Connect,
    version: str,
    target: Path | None,
    format_: str | None,
    timeout: str,
    as_json: bool,
) -> None:
    """Fetch a model card, with its lineage as Markdown or JSON, or as a file of another format.

    A PDF is written by a worker, and waited for.
    """
    asked = connect().version(version)
    if format_ is None:
        found = asked.card()
        text = found.json + "\n" if as_json else found.markdown
        content = text.encode()
    else:
        if as_json:
            raise Misused("--json is the card with its lineage. For mlgov's own: --format json.")
        file = asked.export_card(format_, timeout)
        content = file.content
        if file.lost:
            click.echo(f"The format has no place for: {', '.join(file.lost)}.", err=True)
        if file.withheld:
            names = ", ".join(file.withheld)
            click.echo(f"Left out, because others read these sections: {names}.", err=True)
    if target is None:
        click.echo(content, nl=False)
        return
    written(target, content)


@click.command("import-card")
@reference
@click.argument("file", type=PATH)
@click.option(
    "--format", "format_", type=click.Choice(IMPORTED), help="Default: what it looks like."
)
@click.option("--replace", is_flag=True, help="Also where the card says something already.")
@as_json
@click.pass_obj
def import_card(
    connect: Connect, version: str, file: Path, format_: str | None, replace: bool, as_json: bool
) -> None:
    """Put what a file says on the card, and show what waits there for somebody's yes."""
    found = connect().version(version).import_card(file, format=format_, replace=replace)
    print_found(found, output.imported(found), as_json)


@click.command()
@reference
@as_json
@click.pass_context
def missing(context: click.Context, version: str, as_json: bool) -> None:
    """Show the fields of the card that a review needs, and end with 8 where there are some."""
    found = context.obj().version(version).missing()
    print_found(found, output.missing(found), as_json)
    if found:
        context.exit(MISSING)


@click.command()
@reference
@click.option("--data-set", "data_set", required=True, help="Its name or number.")
@click.option("--kind", required=True, type=click.Choice(["binary", "multiclass", "regression"]))
@click.option("--target", required=True, help="The column with the true values.")
@click.option("--positive", help="Of two classes, the one that is looked for.")
@click.option("--prediction-column", help="Of the model's answers, where they have several.")
@click.option("--threshold", type=float, help="From where on a score counts as positive.")
@click.option("--cohort", "cohorts", multiple=True, help="A column to measure by; repeatable.")
@click.option("--sensitive", multiple=True, help="A column whose groups are compared; repeatable.")
@click.option("--min-rows", type=int, help="Groups with fewer rows are not shown.")
@click.option("--seed", type=int, help="Of the resampling.")
@click.option("--wait", is_flag=True, help="Wait for the report.")
@click.option(
    "-o", "--output", "report", type=PATH, help="A file for the report, as JSON. Needs --wait."
)
@timeout(EVALUATIONS_TAKE)
@as_json
@click.pass_obj
def evaluate(
    connect: Connect,
    version: str,
    data_set: str,
    wait: bool,
    report: Path | None,
    timeout: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Measure a version on a data set of its project."""
    if report is not None and not wait:
        raise Misused("There is no report before the evaluation has ended: add --wait.")
    client = connect()
    options = options | {name: list(options[name]) for name in ("cohorts", "sensitive")}
    found = client.version(version).evaluate(data_set, **options)
    if wait:
        # Said at once: a job that is killed while it waits has told where the evaluation is.
        click.echo(f"Evaluation {found.id}: {found.url}", err=True)
        found = client.wait_for_evaluation(found.id, timeout)
    if report is not None:
        said = json.dumps(client.evaluation_report(found.id), indent=2, ensure_ascii=False)
        written(report, f"{said}\n".encode())
    print_found(found, output.evaluation(found), as_json)


@click.group("data-set")
def data_set() -> None:
    """Upload what versions are evaluated on, and list it."""


@data_set.command("upload")
@click.argument("project")
@click.argument("file", type=PATH)
@click.option("--name", help="Default: that of the file.")
@click.option("--description", default="", help="Where its rows come from.")
@as_json
@click.pass_obj
def data_set_upload(
    connect: Connect, project: str, file: Path, name: str | None, description: str, as_json: bool
) -> None:
    """Upload a CSV or JSON file to a project."""
    found = connect().upload_data_set(project, file, name=name, description=description)
    print_found(found, output.data_sets([found]), as_json)


@data_set.command("list")
@click.argument("project")
@as_json
@click.pass_obj
def data_set_list(connect: Connect, project: str, as_json: bool) -> None:
    """The data sets of a project, newest first."""
    found = connect().data_sets(project)
    print_found(found, output.data_sets(found), as_json)


ALL = (card, import_card, missing, evaluate, data_set)
