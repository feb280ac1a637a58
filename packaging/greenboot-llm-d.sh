#!/bin/bash
# greenboot: is llm-d's controller up? MicroShift's own health check knows KServe, by the name of its
# manifests, and the Gateway API, but not llm-d.
set -eu -o pipefail

manifests=/usr/lib/microshift/manifests.d/030-microshift-ai-model-serving-llm-d
functions=/usr/share/microshift/functions/greenboot.sh

# Up to RHOAI 3.3 it is KServe's controller that serves llm-d.
deployments=$(find "$manifests" -name 'deployment-*.yaml' -exec sed -n 's/^  name: //p' {} + | paste -sd,)
if [ -z "$deployments" ]; then
    exit 0
fi
if [ ! -e "$functions" ]; then
    echo "microshift-greenboot is not installed: llm-d is not checked"
    exit 0
fi

# shellcheck source=/dev/null
source "$functions"
timeout=$(get_wait_timeout)
exec microshift healthcheck -v=2 --timeout="${timeout}s" --namespace redhat-ods-applications \
    --deployments "$deployments"
