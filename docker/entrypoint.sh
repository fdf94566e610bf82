#!/bin/sh
# One process per container: the orchestrator starts it again when it ends.
set -eu

role=${1:-web}
[ $# -eq 0 ] || shift

case $role in
  web)
    # gunicorn's processes add their counts up in files, for /metrics.
    PROMETHEUS_MULTIPROC_DIR=$(mktemp -d)
    export PROMETHEUS_MULTIPROC_DIR
    exec gunicorn mlgov.wsgi:application --bind "0.0.0.0:${MLGOV_PORT:-8000}" \
      --limit-request-line 8190 --worker-class gthread --workers "${MLGOV_WEB_WORKERS:-2}" --threads "${MLGOV_WEB_THREADS:-8}" \
      --timeout 120 --graceful-timeout 25 --no-control-socket --worker-tmp-dir /dev/shm "$@"
    ;;
  worker) # worker --queues builds --concurrency 2
    exec celery -A mlgov worker --loglevel "${MLGOV_LOG_LEVEL:-INFO}" --without-gossip --without-mingle "$@"
    ;;
  beat)
    exec celery -A mlgov beat --loglevel "${MLGOV_LOG_LEVEL:-INFO}" --schedule /tmp/beat-schedule --pidfile "" "$@"
    ;;
  migrate)
    python manage.py migrate --noinput
    python manage.py createcachetable
    exec python manage.py create_stages
    ;;
  manage)
    exec python manage.py "$@"
    ;;
  *)
    echo "mlgov: \"$role\" is not one of web, worker, beat, migrate, manage" >&2
    exit 2
    ;;
esac
