#!/usr/bin/env bash
# install-validators.sh DEST: the commands of tests/validators into DEST/bin, a virtual environment of its own.
set -euo pipefail
mkdir -p "$1"
dest=$(realpath "$1")
cd "$(dirname "$0")/.."

if [ ! -x "$dest/bin/ksvalidator" ]; then
    echo 'validators: Packit and pykickstart in a virtual environment'
    "$(packaging/find-python.sh)" -m venv --clear "$dest"
    "$dest/bin/python" -m pip install --quiet --no-deps --requirement tests/validators/requirements.txt
fi
go=$(packaging/find-go.sh 1.25.0) # says the go.mod of actionlint
echo "validators: building with $("$go" version)"
cd tests/validators
CGO_ENABLED=0 GOTOOLCHAIN=local "$go" build -trimpath -o "$dest/bin/" ./cmd/...
