#!/usr/bin/env bash
# install-kustomize.sh [--or-newer] VERSION DEST: builds kustomize VERSION from its Go module into DEST.
# With --or-newer a kustomize on PATH that is VERSION or later is linked to DEST instead, and nothing is
# done where DEST is such a one.
set -euo pipefail

or_newer=
if [ "$1" = --or-newer ]; then or_newer=yes && shift; fi
version=$1 dest=$2

# shellcheck source=packaging/versions.sh
. "$(dirname "$0")/versions.sh"

adequate() {
    local found
    found=$("$1" version 2>/dev/null) && at_least "${found#v}" "$version"
}

if [ -n "$or_newer" ]; then
    if adequate "$dest"; then exit 0; fi
    if on_path=$(type -P kustomize) && adequate "$on_path"; then
        echo "kustomize: $on_path ($(kustomize version))"
        mkdir -p "$(dirname "$dest")"
        ln -sfn "$(realpath "$on_path")" "$dest"
        exit 0
    fi
fi

go=$("$(dirname "$0")/find-go.sh")
mkdir -p "$(dirname "$dest")"
built=$(mktemp -d "$(dirname "$dest")/.new.XXXXXX")
trap 'rm -rf "$built"' EXIT

echo "kustomize $version: building with $("$go" version)"
# GOTOOLCHAIN=local: this Go is new enough, so it must not fetch another. GOBIN has to be absolute.
GOBIN=$(realpath "$built") CGO_ENABLED=0 GOTOOLCHAIN=local \
    "$go" install "sigs.k8s.io/kustomize/kustomize/v5@v$version"
mv "$built/kustomize" "$dest"
