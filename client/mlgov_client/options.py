"""What commands have in common: how they are told a version and a time, and print."""

import json
from collections.abc import Callable
from typing import Any

import click

from mlgov_client.client import Client
from mlgov_client.errors import Misused
from mlgov_client.shapes import as_dict
from mlgov_client.waiting import seconds_of

Connect = Callable[[], Client]
REVIEWS_TAKE, DEPLOYMENTS_TAKE = "2h", "30m"


class Duration(click.ParamType):
    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            seconds_of(value)
        except Misused as error:
            self.fail(error.message, param, ctx)
        return str(value)


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
reference = click.argument("version", metavar="MODEL/VERSION")


def timeout(default: str) -> Any:
    return click.option(
        "--timeout", type=Duration(), default=default, show_default=True, help="90s, 45m, 1h30m …"
    )


def print_found(value: object, text: str, as_json: bool) -> None:
    click.echo(json.dumps(as_dict(value), indent=2, ensure_ascii=False) if as_json else text)
