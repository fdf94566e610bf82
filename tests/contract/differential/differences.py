"""Where mlgov answers otherwise than the stock server, and why. The same rows stand in
docs/mlflow.md; a difference that no row tells fails the test that met it."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """`call`, `stock` and `mlgov` are patterns for the call and what each side answered."""

    what: str
    why: str
    stock: str
    mlgov: str
    call: str = ""
    # What mlgov's answer says instead: with it put right, both answers are the same.
    instead: tuple[str, str] | None = None

    def tells(self, call: str, stock: str, mlgov: str) -> bool:
        if self.instead is not None and re.sub(*self.instead, mlgov) != stock:
            return False
        return all(
            re.search(pattern, text, re.DOTALL)
            for pattern, text in ((self.call, call), (self.stock, stock), (self.mlgov, mlgov))
        )


OK, BAD, GONE = "^200", "^400 INVALID_PARAMETER_VALUE", "^404 RESOURCE_DOES_NOT_EXIST"
CREATE_VERSION = "model-versions/create$"
TABLE: tuple[Difference, ...] = (
    Difference(
        "The sentence of a refusal `INVALID_PARAMETER_VALUE`",
        "It tells the reader what to do. Clients read the code.",
        stock=BAD,
        mlgov=BAD,
    ),
    Difference(
        "500 for what the sender got wrong",
        "mlgov answers 400 or 404 at once; clients repeat a 500 for minutes.",
        stock="^500",
        mlgov="^(400 INVALID_PARAMETER_VALUE|404 RESOURCE_DOES_NOT_EXIST)",
    ),
    Difference(
        "`null` for `max_results`, which is 500 there",
        "A field that is null is one that was not sent, as everywhere else.",
        call="search$",
        stock="^500",
        mlgov=OK,
    ),
    Difference(
        "A path or method that there is not",
        "The same status, in MLflow's JSON instead of a page.",
        stock="^40[45] <!doctype html>",
        mlgov="^40[45] ENDPOINT_NOT_FOUND",
    ),
    Difference(
        "A body that is not strict JSON: not UTF-8, with a byte order mark, a name twice, NaN, "
        "half a surrogate pair, a NUL, or no object",
        "The stock server takes what it can read of it, or nothing. mlgov refuses what could be "
        "read in two ways, and what PostgreSQL cannot store.",
        stock="^(200|400|404)",
        mlgov="^400 INVALID_PARAMETER_VALUE: The (body|JSON|address|query) ",
    ),
    Difference(
        "`max_results` that is below 1, or no whole number",
        "The stock server answers with an empty page that has a next one, or takes the default.",
        call="search$",
        stock=OK,
        mlgov=f"{BAD}: Invalid value (for request parameter max_results|.* for parameter 'max_)",
    ),
    Difference(
        "A page token that no answer gave: an offset below 0 or beyond 2³¹",
        "The stock server answers with the first page, or an empty one.",
        call="search$",
        stock=OK,
        mlgov=f"{BAD}: Invalid page token, parsed value",
    ),
    Difference(
        "A filter that compares with a list by `=`",
        "It is refused with the code of every other bad filter, without the database's text.",
        call="search$",
        stock="^400 BAD_REQUEST: ",
        mlgov=BAD,
    ),
    Difference(
        "A required name in camelCase (`newName`)",
        "Optional ones are understood on both sides, required ones here as well.",
        call="rename$",
        stock=f"{BAD}: Missing value for required parameter 'new_name'",
        mlgov=OK,
    ),
    Difference(
        "Control and zero-width characters in the name of a model or a tag",
        "Nobody could type such a name, or tell it from another one.",
        stock="^(200|404)",
        mlgov=f"{BAD}: (A model name holds no control|Invalid tag name '[^']*\n)",
    ),
    Difference(
        "Names of models over 256 characters, descriptions over 5,000, links to runs over 500",
        "These are the stock server's own columns, which SQLite does not check.",
        stock=OK,
        mlgov=f"{BAD}: A (model name|description|link to a run) has at most",
    ),
    Difference(
        "Tags that begin with `mlgov.`",
        "mlgov keeps them itself.",
        stock=OK,
        mlgov="^403 PERMISSION_DENIED: Tags that begin with mlgov",
    ),
    Difference(
        "An update without a description",
        "It changes nothing here. The stock server empties the description.",
        call="/update$",
        stock=OK,
        mlgov=OK,
        instead=('"description": "Not (sent|null)."(, )?', ""),
    ),
    Difference(
        "The text of the database in a refusal `RESOURCE_ALREADY_EXISTS`",
        "It says nothing to the person who asked.",
        call="rename$",
        stock=r"^400 RESOURCE_ALREADY_EXISTS: .* \(name=\w+\) already exists. Error: ",
        mlgov=r"^400 RESOURCE_ALREADY_EXISTS: .* \(name=\w+\) already exists.$",
    ),
    Difference(
        "A new version is `PENDING_REGISTRATION`, and `READY` later",
        "Its artifacts are copied and hashed first. Clients wait for it by themselves.",
        call=CREATE_VERSION,
        stock=OK,
        mlgov=OK,
        instead=("PENDING_REGISTRATION", "READY"),
    ),
    Difference(
        "A source `models:/m-…` without `model_id`, or `runs:/…` without `run_id`",
        "The source says it already.",
        call=CREATE_VERSION,
        stock=f"{BAD}: Invalid model version source: '(models:/m-|runs:/)",
        mlgov=OK,
    ),
    Difference(
        "A source that does not exist on the tracking server",
        "Nothing could be copied from it, so it is refused at once.",
        call=CREATE_VERSION,
        stock=f"(^200|{BAD})",
        mlgov=f"{GONE}: The tracking server has no ",
    ),
    Difference(
        "A source that is the whole of a run, or lies in no store of the project",
        "A model is a folder of a run. Of stores, mlgov reads those that were configured.",
        call=CREATE_VERSION,
        stock=OK,
        mlgov=f"{BAD}: Invalid model version source",
    ),
    Difference(
        "Whether something is a prompt is settled when it is made",
        "What is not reviewed must not become a model later.",
        stock="^(200|404)",
        mlgov=f"{BAD}: (Whether it is a prompt|model is a model: no version has)",
    ),
    Difference(
        "A prompt has no stages",
        "Nothing of it is deployed; it has aliases.",
        call="transition-stage$",
        stock=OK,
        mlgov=f"{BAD}: greeting is a prompt",
    ),
    Difference(
        "Each stage has an alias, which follows it",
        "`models:/scoring@production` is what is approved.",
        stock=OK,
        mlgov=f'{OK}.*"current_stage": "(Staging|Production|Archived)"',
        instead=(r'"aliases": \[[^\]]*\](, )?', ""),
    ),
    Difference(
        "`archive_existing_versions` with a stage that archives nothing, which is 500 there",
        "There is nothing to archive, so it is not wrong either.",
        call="transition-stage$",
        stock="^500 INTERNAL_ERROR: Model version transition cannot archive existing",
        mlgov=OK,
    ),
    Difference(
        "A version of a prompt as the source of a model version",
        "Prompts are no models here, so there is no such model.",
        call=CREATE_VERSION,
        stock=f"{BAD}: .* Prompt versions cannot be used",
        mlgov=GONE,
    ),
    Difference(
        "A copy with an empty `run_id`",
        "Empty is not sent. The stock server compares it with the run of the original.",
        call=CREATE_VERSION,
        stock=f"{BAD}: Invalid model version source: 'models:/[^']*'. The run_id and model_id",
        mlgov=OK,
    ),
    Difference(
        "A status of a webhook that there is not",
        "The stock server takes the status that it had, and says nothing.",
        call="webhooks",
        stock=OK,
        mlgov=f"{BAD}: There is no status",
    ),
    Difference(
        "An event that a webhook names twice",
        "It is told once. The stock server shows the text of the database.",
        call="webhooks",
        stock="^400 BAD_REQUEST: .*UNIQUE constraint",
        mlgov=OK,
    ),
    Difference(
        "The event `BUDGET_POLICY` of webhooks",
        "mlgov has no budgets of which it could tell.",
        call="webhooks",
        stock=OK,
        mlgov=f"{BAD}: mlgov has no event BUDGET_POLICY EXCEEDED",
    ),
)
