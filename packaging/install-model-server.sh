#!/usr/bin/env bash
# install-model-server.sh DEST: what tests/model_server/server.py needs, in DEST, a virtual environment of its own.
# KServe's SDK is for Python 3.11 to 3.13; on a machine that has none of these nothing is installed, and the
# tests that ask a model say so.
set -euo pipefail
mkdir -p "$1"
dest=$(realpath "$1")
cd "$(dirname "$0")/.."
requirements=tests/model_server/requirements.txt

# The list is copied last, so an environment that was left half-way, or is of another list, is made anew.
if cmp --silent "$requirements" "$dest/requirements.txt" && "$dest/bin/python" -c '' 2>/dev/null; then exit 0; fi
# A PYTHON that .venv is made of may be too new for this.
if ! python=$(packaging/find-python.sh 3.14 2>/dev/null || env --unset=PYTHON packaging/find-python.sh 3.14 2>/dev/null); then
    echo 'model server: left out, no Python 3.11 to 3.13 with its venv and ensurepip modules was found' >&2
    exit 0
fi

echo "model server: KServe's SDK in a virtual environment of $("$python" --version)"
"$python" -m venv --clear "$dest"
"$dest/bin/python" -m pip install --quiet --no-deps --no-compile --requirement "$requirements"
cp "$requirements" "$dest/requirements.txt"
