"""Trains a model, registers it, and leaves its name and version in version.txt.

Nothing here is mlgov's: MLFLOW_TRACKING_URI and MLFLOW_TRACKING_TOKEN lead MLflow's client there.
"""

from pathlib import Path

import mlflow
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

MODEL = "iris"

features, labels = load_iris(return_X_y=True, as_frame=True)
train, test, train_labels, test_labels = train_test_split(features, labels, random_state=7)

mlflow.set_experiment(MODEL)
with mlflow.start_run():
    model = LogisticRegression(max_iter=200).fit(train, train_labels)
    mlflow.log_input(mlflow.data.from_pandas(train, name="iris"), context="training")
    mlflow.log_params({"max_iter": 200})
    mlflow.log_metric("accuracy", model.score(test, test_labels))
    example = train.head(3)
    logged = mlflow.sklearn.log_model(
        model,
        name="model",
        signature=infer_signature(example, model.predict(example)),
        input_example=example,
        registered_model_name=MODEL,
    )

Path("version.txt").write_text(f"{MODEL}/{logged.registered_model_version}\n")
