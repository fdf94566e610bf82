"""Versions whose files lie in the store, to be started for real."""

import json
from pathlib import Path
from typing import Any

import mlflow
import yaml
from mlflow.models import infer_signature

from apps.accounts.models import User
from apps.core.digests import tree_digest
from apps.registry import storage
from apps.registry.models import Artifact, ModelVersion, RegisteredModel
from tests import factories
from tests.contract.builders.packed import PYTHON
from tests.evaluator.models import FEATURES, classifier, patients
from tests.serving.models import REQUIREMENTS

# A model whose first value says what it does to the machine.
HOSTILE = """
import os
import socket
import sys


class Hostile:
    def predict(self, data, params=None):
        deed = data["deed"].iloc[0]
        if deed == "exit":
            print("I have had enough", flush=True)
            os._exit(7)
        if deed == "memory":
            hoard = []
            while True:
                hoard.append(bytearray(64 << 20))
        if deed == "shout":
            for _ in range(100):
                sys.stdout.write("x" * (1 << 20))
            sys.stdout.flush()
        if deed == "look":
            return [escapes()] * len(data)
        return [0.0] * len(data)


def escapes():
    found = 0.0
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=1)
        found += 1
    except OSError:
        pass
    found += 10 * sum(name != "lo" for _, name in socket.if_nameindex())
    try:
        open("/opt/ml/model/MLmodel", "a")
        found += 100
    except OSError:
        pass
    return found + 1000 * os.path.exists("/work")


def _load_pyfunc(path):
    return Hostile()
"""


def save_classifier(directory: Path) -> None:
    """A classifier of patients that answers probabilities."""
    frame = patients()
    model = classifier(frame)
    mlflow.sklearn.save_model(
        model,
        str(directory),
        signature=infer_signature(frame[FEATURES], model.predict_proba(frame[FEATURES])),
        pip_requirements=list(REQUIREMENTS),
        serialization_format="cloudpickle",
        pyfunc_predict_fn="predict_proba",
    )


def save_hostile(directory: Path) -> None:
    (directory / "code").mkdir(parents=True)
    (directory / "code" / "hostile.py").write_text(HOSTILE)
    inputs = [{"type": "string", "name": "deed", "required": True}]
    model = {
        "flavors": {"python_function": {"loader_module": "hostile", "code": "code"}},
        "signature": {"inputs": json.dumps(inputs), "outputs": None, "params": None},
        "mlflow_version": mlflow.__version__,
    }
    (directory / "MLmodel").write_text(yaml.safe_dump(model))


def store(model: RegisteredModel, directory: Path, *, by: User) -> ModelVersion:
    """A version with the files of a directory, as registration takes them over."""
    entries = []
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            blob = storage.save([path.read_bytes()], limit=1 << 30)
            entries.append((path.relative_to(directory).as_posix(), blob.size, blob.sha256))
    described: dict[str, Any] = yaml.safe_load((directory / "MLmodel").read_text())
    version = factories.make_version(
        model,
        by=by,
        artifact_digest=tree_digest(entries),
        artifact_bytes=sum(size for _, size, _ in entries),
        python_version=PYTHON,
        requirements=list(REQUIREMENTS),
        signature={"inputs": json.loads(described["signature"]["inputs"])},
    )
    version.artifacts.all().delete()
    Artifact.objects.bulk_create(
        Artifact(version=version, path=path, size=size, sha256=sha256)
        for path, size, sha256 in entries
    )
    return version
