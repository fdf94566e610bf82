import mlflow
import prometheus_client
from mlflow.pyfunc import scoring_server

from mlgov_serving.guard import Guard
from mlgov_serving.identity import Identity
from mlgov_serving.metrics import Metrics
from mlgov_serving.model import MeasuredModel
from mlgov_serving.refusals import Vocabulary


def application(directory: str, identity: Identity, max_body: int = 16 << 20) -> Guard:
    """The model in `directory` as an ASGI application."""
    model = scoring_server.load_model_with_mlflow_config(directory)
    # Twice the lines for a time stamp that nobody reads.
    prometheus_client.disable_created_metrics()
    metrics = Metrics(identity, mlflow.__version__)
    inner = scoring_server.init(MeasuredModel(model, metrics))
    return Guard(inner, identity, metrics, Vocabulary.of(model.metadata), max_body)
