"""What people do with MLflow's client, from the first run to the last version.

    python scenario.py OUTCOME WORD

It is run by the Python of an environment that has nothing but one version of the client, with
MLFLOW_TRACKING_URI and MLFLOW_TRACKING_TOKEN set, and writes what each step found as JSON. It
asserts nothing: what is right is said by the test, which runs outside. Values that differ from one
run to the next (ids, times) are not among what is found. All names begin with the word, so that
several may run at once; in what is found, they do not.
"""

import json
import os
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from packaging.version import Version
from sklearn.linear_model import LogisticRegression

VERSION = Version(mlflow.__version__)
HAS_LOGGED_MODELS = VERSION.major >= 3
FEATURES = np.array([[0.0, 1.0], [1.0, 0.0], [0.2, 0.9], [0.9, 0.1]])
LABELS = np.array([0, 1, 0, 1])
STEPS = []
OUTCOME, WORD = Path(sys.argv[1]), sys.argv[2]
kept = {}  # what later steps need of earlier ones


def step(function):
    STEPS.append(function)
    return function


def named(name):
    return f"{WORD}.{name}"


def refusal(call, *arguments, **named):
    """The code of a refusal, and whether it came at once: of some the client asks for minutes."""
    began = time.monotonic()
    try:
        call(*arguments, **named)
    except MlflowException as error:
        seconds = time.monotonic() - began
        kept["says"] = str(error)
        return error.error_code if seconds < 5 else f"{error.error_code} after {seconds:.0f} s"
    return "accepted"


def log_model(**named):
    spelling = {"name": "model"} if HAS_LOGGED_MODELS else {"artifact_path": "model"}
    return mlflow.sklearn.log_model(
        kept["model"],
        input_example=FEATURES[:1],
        pip_requirements=["scikit-learn"],  # asking the environment takes seconds
        **spelling,
        **named,
    )


def predictions(uri):
    return mlflow.sklearn.load_model(uri).predict(FEATURES).tolist()


# ---- experiments, runs, artifacts ----------------------------------------------------------------


@step
def experiments():
    client = MlflowClient()
    made = client.create_experiment(named("passing"), tags={"team": "risk"})
    client.set_experiment_tag(made, "checked", "yes")
    client.rename_experiment(made, named("passed"))
    client.delete_experiment(made)
    gone = client.get_experiment(made).lifecycle_stage
    client.restore_experiment(made)
    found = client.get_experiment_by_name(named("passed"))
    mlflow.set_experiment(named("credit"))
    return {
        "gone": gone,
        "found": [found.name, found.lifecycle_stage, found.tags["team"], found.tags["checked"]],
        "searched": sorted(
            e.name
            for e in client.search_experiments(
                filter_string=f"name ILIKE '{named('PASS%').upper()}'"
            )
        ),
    }


@step
def a_run():
    kept["model"] = LogisticRegression().fit(FEATURES, LABELS)
    table = pd.DataFrame(FEATURES, columns=["income", "age"])
    with mlflow.start_run(run_name="first") as run:
        mlflow.log_params({"penalty": "l2", "C": 1.0})
        for number, value in enumerate((0.5, 0.7, 0.9)):
            mlflow.log_metric("accuracy", value, step=number)
        mlflow.log_metrics({"loss": 0.1, "auc": 0.95})
        mlflow.set_tags({"team": "risk", "kind": "trial"})
        mlflow.log_input(mlflow.data.from_pandas(table, name="applicants"), context="training")
        mlflow.log_text("a note, in two words: déjà vu", "notes/note.txt")
        mlflow.log_dict({"threshold": 0.5}, "settings.json")
        mlflow.log_table({"row": [1, 2]}, "rows.json")
    kept["run"] = run.info.run_id
    client = MlflowClient()
    client.delete_tag(kept["run"], "kind")
    found = client.get_run(kept["run"])
    return {
        "status": found.info.status,
        "params": found.data.params,
        "metrics": found.data.metrics,
        "team": found.data.tags["team"],
        "kind": found.data.tags.get("kind"),
        "history": [(m.step, m.value) for m in client.get_metric_history(kept["run"], "accuracy")],
        "datasets": [d.dataset.name for d in found.inputs.dataset_inputs],
    }


@step
def artifacts():
    client, run = MlflowClient(), kept["run"]
    with tempfile.TemporaryDirectory() as name:
        source = Path(name, "plots")
        (source / "more").mkdir(parents=True)
        (source / "with space & ünicode.bin").write_bytes(bytes(range(256)) * 1000)
        (source / "more" / "empty.txt").touch()
        client.log_artifacts(run, str(source), "plots")
        target = client.download_artifacts(run, "plots", name)
        downloaded = {
            str(path.relative_to(target)): path.stat().st_size
            for path in sorted(Path(target).rglob("*"))
            if path.is_file()
        }
    return {
        "listed": sorted(f.path for f in client.list_artifacts(run)),
        "sizes": [(f.path, f.file_size) for f in client.list_artifacts(run, "plots")],
        "downloaded": downloaded,
        "text": mlflow.artifacts.load_text(f"runs:/{run}/notes/note.txt"),
        "dict": mlflow.artifacts.load_dict(f"runs:/{run}/settings.json"),
        "missing": refusal(client.download_artifacts, run, "nothing.txt"),
    }


@step
def searching_runs():
    with mlflow.start_run(run_name="second"):
        mlflow.log_metric("accuracy", 0.2)
    client = MlflowClient()
    table = mlflow.search_runs(
        experiment_names=[named("credit")], filter_string="metrics.accuracy > 0.8"
    )
    credit = client.get_experiment_by_name(named("credit")).experiment_id
    first = client.search_runs([credit], max_results=1, order_by=["metrics.accuracy DESC"])
    second = client.search_runs(
        [credit], max_results=1, order_by=["metrics.accuracy DESC"], page_token=first.token
    )
    client.delete_run(second[0].info.run_id)
    gone = client.get_run(second[0].info.run_id).info.lifecycle_stage
    client.restore_run(second[0].info.run_id)
    return {
        "better": table["tags.mlflow.runName"].tolist(),
        "by_accuracy": [page[0].info.run_name for page in (first, second)],
        "gone": gone,
    }


# ---- registering ---------------------------------------------------------------------------------


@step
def log_and_register():
    with mlflow.start_run() as run:
        mlflow.log_params({"penalty": "l2"})
        logged = log_model(registered_model_name=named("scoring"))
        mlflow.log_metric("accuracy", 0.9)
    kept["registered_run"] = run.info.run_id
    kept["logged"] = getattr(logged, "model_id", None)
    version = MlflowClient().get_model_version(named("scoring"), "1")
    return {
        "version": getattr(logged, "registered_model_version", None),
        "found": [version.name, version.version, version.status, version.current_stage],
        "from_this_run": version.run_id == run.info.run_id,
        "source": version.source.partition(":/")[0],
    }


@step
def register_from_a_run():
    with mlflow.start_run() as run:
        log_model()
    kept["free_run"] = run.info.run_id
    version = mlflow.register_model(
        f"runs:/{run.info.run_id}/model", named("scoring"), tags={"from": "a run"}
    )
    return [version.version, version.status, version.run_id == run.info.run_id, version.tags]


@step
def register_from_a_logged_model():
    """What MLflow 2 has no logged models for, it does with a version of its own making."""
    if HAS_LOGGED_MODELS:
        version = mlflow.register_model(f"models:/{kept['logged']}", named("scoring"))
    else:
        version = MlflowClient().create_model_version(
            named("scoring"), f"runs:/{kept['free_run']}/model", run_id=kept["free_run"]
        )
    return [version.version, version.status, bool(version.run_id)]


@step
def logged_models():
    if not HAS_LOGGED_MODELS:
        return None
    model = mlflow.get_logged_model(kept["logged"])
    found = mlflow.search_logged_models(
        experiment_ids=[model.experiment_id], output_format="list", filter_string="name = 'model'"
    )
    return {
        "status": str(model.status),
        "params": model.params,
        "metrics": [(m.key, m.value) for m in model.metrics],
        "searched": len(found),
    }


@step
def load_by_version():
    return predictions(f"models:/{named('scoring')}/1")


@step
def load_latest():
    return predictions(f"models:/{named('scoring')}/latest")


@step
def load_as_function():
    return mlflow.pyfunc.load_model(f"models:/{named('scoring')}/2").predict(FEATURES).tolist()


@step
def download():
    client = MlflowClient()
    with tempfile.TemporaryDirectory() as name:
        local = mlflow.artifacts.download_artifacts(f"models:/{named('scoring')}/1", dst_path=name)
        files = {path.name for path in Path(local).rglob("*")}
    return {
        "scheme": client.get_model_version_download_uri(named("scoring"), "1").partition(":/")[0],
        "has": sorted(files & {"MLmodel", "requirements.txt", "python_env.yaml", "conda.yaml"}),
    }


# ---- the registry --------------------------------------------------------------------------------


@step
def model_life():
    client = MlflowClient()
    made = client.create_registered_model(
        named("passing"), tags={"team": "risk"}, description="First."
    )
    again = refusal(client.create_registered_model, named("passing"))
    client.update_registered_model(named("passing"), description="Second.")
    client.set_registered_model_tag(named("passing"), "checked", "yes")
    client.delete_registered_model_tag(named("passing"), "team")
    client.rename_registered_model(named("passing"), named("passed"))
    found = client.get_registered_model(named("passed"))
    client.delete_registered_model(named("passed"))
    return {
        "made": [made.name, made.description, made.tags],
        "again": again,
        "found": [found.name, found.description, found.tags, found.aliases, found.latest_versions],
        "old_name": refusal(client.get_registered_model, named("passing")),
        "deleted": refusal(client.get_registered_model, named("passed")),
    }


@step
def version_life():
    client = MlflowClient()
    client.update_model_version(named("scoring"), "3", description="The third.")
    client.set_model_version_tag(named("scoring"), "3", "checked", "yes")
    client.set_model_version_tag(named("scoring"), "3", "passing", "soon")
    client.delete_model_version_tag(named("scoring"), "3", "passing")
    found = client.get_model_version(named("scoring"), "3")
    client.delete_model_version(named("scoring"), "3")
    return {
        "found": [found.description, found.tags],
        "deleted": refusal(client.get_model_version, named("scoring"), "3"),
        "left": sorted(
            v.version for v in client.search_model_versions(f"name = '{named('scoring')}'")
        ),
    }


@step
def aliases():
    client = MlflowClient()
    client.set_registered_model_alias(named("scoring"), "champion", "1")
    first = client.get_model_version_by_alias(named("scoring"), "champion")
    client.set_registered_model_alias(named("scoring"), "champion", "2")
    second = client.get_model_version_by_alias(named("scoring"), "champion")
    model = client.get_registered_model(named("scoring"))
    loaded = predictions(f"models:/{named('scoring')}@champion")
    client.delete_registered_model_alias(named("scoring"), "champion")
    return {
        "moved": [first.version, second.version],
        "model": model.aliases,
        "version": list(second.aliases),
        "loaded": loaded,
        "gone": refusal(client.get_model_version_by_alias, named("scoring"), "champion"),
    }


@step
def copies():
    client = MlflowClient()
    client.set_registered_model_alias(named("scoring"), "blessed", "1")
    copy = client.copy_model_version(f"models:/{named('scoring')}@blessed", named("scoring-copy"))
    return {
        "copy": [copy.name, copy.version, copy.status, copy.source],
        "loaded": predictions(f"models:/{named('scoring')}-copy/1"),
    }


@step
def stage_without_a_review():
    client = MlflowClient()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        moved = client.transition_model_version_stage(named("scoring"), "1", "Staging")
        latest = client.get_latest_versions(named("scoring"), stages=["Staging"])
        every = client.get_latest_versions(named("scoring"))
        model = client.get_registered_model(named("scoring"))
    return {
        "moved": moved.current_stage,
        "latest": [v.version for v in latest],
        "every": sorted((v.version, v.current_stage) for v in every),
        "model": sorted((v.version, v.current_stage) for v in model.latest_versions),
        "loaded": predictions(f"models:/{named('scoring')}/Staging"),
    }


@step
def stage_that_asks_for_a_review():
    client = MlflowClient()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        refused = refusal(
            client.transition_model_version_stage, named("scoring"), "1", "Production"
        )
        said = kept["says"]
        nonsense = refusal(client.transition_model_version_stage, named("scoring"), "1", "Nowhere")
    return {
        "refused": refused,
        "says": said,
        "still": client.get_model_version(named("scoring"), "1").current_stage,
        "nonsense": nonsense,
    }


@step
def searching_the_registry():
    client = MlflowClient()
    for number in range(7):
        client.create_registered_model(named(f"page-{number}"), tags={"odd": str(number % 2)})
    pages, token = [], None
    while token or not pages:
        page = client.search_registered_models(
            f"name LIKE '{named('page-%')}'",
            max_results=3,
            order_by=["name DESC"],
            page_token=token,
        )
        pages.append([model.name for model in page])
        token = page.token
    versions = client.search_model_versions(
        f"name = '{named('scoring')}'", max_results=1, order_by=["version_number ASC"]
    )
    more = client.search_model_versions(
        f"name = '{named('scoring')}'",
        max_results=1,
        order_by=["version_number ASC"],
        page_token=versions.token,
    )
    return {
        "pages": pages,
        "by_tag": [
            m.name
            for m in client.search_registered_models(f"tags.odd = '1' AND name LIKE '{named('%')}'")
        ],
        "case": len(client.search_registered_models(f"name LIKE '{named('PAGE-%')}'")),
        "no_case": len(client.search_registered_models(f"name ILIKE '{named('PAGE-%')}'")),
        "versions": [[v.version for v in page] for page in (versions, more)],
        "by_run": len(client.search_model_versions(f"run_id = '{kept['registered_run']}'")),
        "no_filter": refusal(client.search_registered_models, "name ~ 'x'"),
    }


@step
def mistakes():
    client = MlflowClient()
    return {
        "no_model": refusal(client.get_registered_model, "nobody"),
        "no_version": refusal(client.get_model_version, named("scoring"), "99"),
        "unknown_source": refusal(
            client.create_model_version,
            named("page-0"),
            "mlflow-artifacts:/0/nowhere/artifacts/model",
        ),
        "foreign_source": refusal(
            client.create_model_version, named("page-0"), "http://169.254.169.254/latest"
        ),
        "bad_name": refusal(client.create_registered_model, "a/b"),
        "bad_alias": refusal(client.set_registered_model_alias, named("scoring"), "v1", "1"),
        "registered_run": refusal(client.delete_run, kept["registered_run"]),
    }


# ---- what is newer -------------------------------------------------------------------------------


@step
def traces():
    @mlflow.trace(name="score", attributes={"team": "risk"})
    def score(income):
        with mlflow.start_span(name="inner") as span:
            span.set_inputs({"income": income})
            span.set_outputs(income * 2)
        return income * 2

    score(21)
    if hasattr(mlflow, "flush_trace_async_logging"):
        mlflow.flush_trace_async_logging()
    client = MlflowClient()
    credit = client.get_experiment_by_name(named("credit")).experiment_id
    found = client.search_traces([credit])
    trace = client.get_trace(getattr(found[0].info, "trace_id", None) or found[0].info.request_id)
    identity = getattr(trace.info, "trace_id", None) or trace.info.request_id
    client.set_trace_tag(identity, "checked", "yes")
    return {
        "found": len(found),
        "spans": sorted(span.name for span in trace.data.spans),
        "answer": json.loads(trace.data.response),
        "tagged": client.get_trace(identity).info.tags.get("checked"),
        "deleted": client.delete_traces(credit, **trace_argument(identity)),
    }


def trace_argument(identity):
    return {"trace_ids": [identity]} if HAS_LOGGED_MODELS else {"request_ids": [identity]}


@step
def prompts():
    api = mlflow.genai if HAS_LOGGED_MODELS else mlflow
    first = api.register_prompt(named("greeting"), "Hello {{name}}.", tags={"team": "risk"})
    second = api.register_prompt(named("greeting"), "Good day, {{name}}.", commit_message="politer")
    loaded = api.load_prompt(named("greeting"), version=1)
    client = MlflowClient()
    if HAS_LOGGED_MODELS:
        api.set_prompt_alias(named("greeting"), "polite", 2)
        found = [p.name for p in api.search_prompts() if p.name == named("greeting")]
    else:
        client.set_prompt_alias(named("greeting"), "polite", 2)
        found = None
    return {
        "versions": [int(first.version), int(second.version)],
        "loaded": loaded.format(name="Ada"),
        "by_alias": api.load_prompt(f"prompts:/{named('greeting')}@polite").format(name="Ada"),
        "searched": found,
        "among_models": [
            m.name for m in client.search_registered_models(f"name = '{named('greeting')}'")
        ],
        "as_a_model": refusal(client.create_registered_model, named("greeting")),
    }


def main():
    outcome = {}
    os.environ["GIT_PYTHON_REFRESH"] = "quiet"
    for function in STEPS:
        began = time.monotonic()
        try:
            found = {"found": function()}
        except Exception as error:  # what went wrong is what the test wants to know
            found = {"error": f"{type(error).__name__}: {error}"[:2000]}
            traceback.print_exc()
        outcome[function.__name__] = found
        print(f"{function.__name__}: {time.monotonic() - began:.1f} s", file=sys.stderr)
    text = json.dumps({"version": mlflow.__version__, "steps": outcome}, ensure_ascii=False)
    OUTCOME.write_text(text.replace(f"{WORD}.", ""))


if __name__ == "__main__":
    main()
