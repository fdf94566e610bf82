"""Models for the tests: a real one, and one whose code misbehaves on demand."""

import json
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import sklearn
import yaml
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

REQUIREMENTS = (
    f"mlflow-skinny=={mlflow.__version__}",
    f"scikit-learn=={sklearn.__version__}",
    f"pandas=={pd.__version__}",
)
COLUMNS = ("sepal_length", "sepal_width", "petal_length", "petal_width")

BRITTLE = """
import {imported}


class Brittle:
    def predict(self, data, params=None):
        word = data["word"].iloc[0]
        if word == "crash":
            raise RuntimeError(f"secret {{word}} in {{data.to_dict()}}")
        if word == "reject":
            raise ValueError(f"secret {{word}} in {{data.to_dict()}}")
        if word == "nan":
            return [float("nan"), 1.0]
        if word == "object":
            return [object()]
        return data["word"].str.len().tolist()


def _load_pyfunc(path):
    return Brittle()
"""


def iris() -> tuple[pd.DataFrame, LogisticRegression]:
    data = load_iris(as_frame=True)
    rows = data.data.set_axis(list(COLUMNS), axis=1)
    return rows, LogisticRegression(max_iter=500).fit(rows, data.target)


def save_iris(directory: Path) -> tuple[pd.DataFrame, list[int]]:
    """Write a model as the stock client does; returns some rows and what it says of them."""
    rows, model = iris()
    mlflow.sklearn.save_model(
        model,
        str(directory),
        signature=infer_signature(rows, model.predict(rows)),
        pip_requirements=list(REQUIREMENTS),
        serialization_format="cloudpickle",
    )
    some = rows.iloc[::30]
    return some, model.predict(some).tolist()


def save_brittle(directory: Path, imported: str = "json") -> None:
    """Write a model of one column, `word`, whose value says how it fails."""
    (directory / "code").mkdir(parents=True)
    (directory / "code" / "brittle.py").write_text(BRITTLE.format(imported=imported))
    inputs = [{"type": "string", "name": "word", "required": True}]
    model = {
        "flavors": {"python_function": {"loader_module": "brittle", "code": "code"}},
        "signature": {"inputs": json.dumps(inputs), "outputs": None, "params": None},
        "mlflow_version": mlflow.__version__,
    }
    (directory / "MLmodel").write_text(yaml.safe_dump(model))


def as_request(rows: pd.DataFrame) -> bytes:
    split: dict[str, Any] = json.loads(rows.to_json(orient="split"))
    return json.dumps({"dataframe_split": split}).encode()
