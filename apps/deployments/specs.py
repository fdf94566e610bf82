"""What a target is told about a deployment."""

from django.conf import settings

from apps.deployments.models import Deployment
from apps.deployments.targets import registry as targets
from apps.deployments.targets.base import DeploymentTarget, ServiceSpec
from apps.runs.failures import RunFailure
from apps.stages.models import Environment

LABELS = "org.mlgov"
# Of a request to an endpoint. The gateway and the runtime behind it keep the same limit.
LONGEST_BODY = 8 * 1024 * 1024


def target_for(environment: Environment) -> DeploymentTarget:
    """The target of an environment, told where this installation keeps its things."""
    ours = {
        "state_dir": str(settings.MLGOV_DATA_DIR / "processes"),
        "sockets_dir": str(settings.MLGOV_DATA_DIR / "sockets"),
        "docker_host": settings.CONFIGURATION.docker_url,
        "network": settings.CONFIGURATION.endpoint_network,
    }
    given = {name: value for name, value in ours.items() if value}
    return targets.target(environment.target, {**given, **environment.options})


def spec_of(deployment: Deployment) -> ServiceSpec:
    """The service of a deployment. Equal for as long as nothing of it changes."""
    image, endpoint, version = deployment.image, deployment.endpoint, deployment.version
    if image is None:
        raise RunFailure(
            "deployments.platform.image-missing",
            f"There is no image of {version} for {endpoint.environment}.",
            "Retry the deployment: the image is built again.",
        )
    environment = endpoint.environment
    auth = None
    if environment.registry_username:
        auth = (environment.registry_username, environment.registry_password)
    return ServiceSpec(
        name=deployment.service_name,
        image=image.reference,
        image_digest=image.digest,
        environment=image.environment_image.reference,
        artifact_digest=deployment.move.artifact_digest,
        replicas=deployment.replicas,
        env={
            "MLGOV_MODEL_NAME": version.model.name,
            "MLGOV_MODEL_VERSION": str(version.number),
            "MLGOV_ENDPOINT": str(endpoint),
            "MLGOV_DEPLOYMENT": str(deployment.pk),
            "MLGOV_MAX_BODY_BYTES": str(LONGEST_BODY),
        },
        labels={
            f"{LABELS}.project": endpoint.project.slug,
            f"{LABELS}.endpoint": endpoint.slug,
            f"{LABELS}.deployment": str(deployment.pk),
            f"{LABELS}.model": version.model.name,
            f"{LABELS}.version": str(version.number),
            f"{LABELS}.review": str(deployment.move.review_id or ""),
        },
        cpu=float(deployment.cpu),
        memory_mb=deployment.memory_mb,
        registry_auth=auth,
    )
