"""What the data scientist of the demo runs: nothing here knows of mlgov.

    MLFLOW_TRACKING_URI=… MLFLOW_TRACKING_TOKEN=… python train.py <model name> <C> <result file>

Trains on 5,226 arrests in Toronto: was the person released with a summons? Colour and sex stay
out of the features; they are kept in the logged data set, so that reviewers can look at groups.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import mlflow
import pandas as pd
from mlflow.models import infer_signature
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklego.datasets import load_arrests

FEATURES = ["year", "age", "employed", "citizen", "checks"]
CATEGORIES = ["employed", "citizen"]
NUMBERS = ["year", "age", "checks"]
PACKAGES = ["mlflow", "scikit-learn", "pandas", "numpy", "scipy", "skops"]


def main(name: str, strength: float, result: Path) -> None:
    people = load_arrests(as_frame=True).astype(dict.fromkeys(NUMBERS, "float64"))
    people["released"] = (people["released"] == "Yes").astype("int64")
    train, test = train_test_split(
        people, test_size=0.25, random_state=11, stratify=people["released"]
    )
    model = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(drop="if_binary"), CATEGORIES), (StandardScaler(), NUMBERS)
        ),
        LogisticRegression(C=strength, max_iter=500),
    )
    mlflow.set_experiment("release-on-summons")
    with mlflow.start_run(run_name=f"logistic regression, C={strength:g}") as run:
        for context, rows in (("training", train), ("evaluation", test)):
            mlflow.log_input(_dataset(rows, context), context=context)
        mlflow.log_params({"model": "logistic regression", "C": strength, "test_size": 0.25})
        model.fit(train[FEATURES], train["released"])
        chances = model.predict_proba(test[FEATURES])[:, 1]
        mlflow.log_metrics(
            {
                "roc_auc": roc_auc_score(test["released"], chances),
                "accuracy": accuracy_score(test["released"], chances >= 0.5),
                "log_loss": log_loss(test["released"], chances),
            }
        )
        example = test[FEATURES].head(3)
        predictions = model.predict(example)
        mlflow.sklearn.log_model(
            model,
            name="model",
            registered_model_name=name,
            signature=infer_signature(example, predictions),
            input_example=example,
            pip_requirements=[f"{package}=={version(package)}" for package in PACKAGES],
        )
    rows = test[FEATURES].head(25)
    result.write_text(
        json.dumps(
            {
                "run_id": run.info.run_id,
                "request": {"dataframe_split": rows.to_dict(orient="split", index=False)},
                "predictions": model.predict(rows).tolist(),
            }
        )
    )


def _dataset(rows: pd.DataFrame, context: str) -> mlflow.data.pandas_dataset.PandasDataset:
    return mlflow.data.from_pandas(rows, targets="released", name=f"arrests-{context}")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]))
