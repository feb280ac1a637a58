#!/usr/bin/env bash
# make-venv.sh DIR: a virtual environment in DIR, kept where there is one that works.
set -euo pipefail

directory=$1
# An upgrade of the system's Python leaves an environment behind that no longer starts.
if "$directory/bin/python" -c 'import pip' 2>/dev/null; then
    exit 0
fi
python=$("$(dirname "$0")/find-python.sh")
echo "$directory: $("$python" --version) of $python"
"$python" -m venv --clear "$directory"
