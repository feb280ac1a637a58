#!/usr/bin/env bash
# Prints the path of a Python >= 3.11 that can make virtual environments: $PYTHON, or the newest on PATH.
set -euo pipefail

if [ -n "${PYTHON:-}" ]; then
    candidates=("$PYTHON")
else
    candidates=(python3.14 python3.13 python3.12 python3.11 python3)
fi

# Each candidate is run, not only looked up: version managers put commands on PATH that only say "not installed".
# ensurepip is a package of its own on Debian, and without it venv fails half-way.
for candidate in "${candidates[@]}"; do
    if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        command -v "$candidate"
        exit 0
    fi
done

echo "No usable Python: ${candidates[*]}: needed is Python 3.11 or later with its venv and ensurepip modules." >&2
echo "Install one, or name it: make PYTHON=/path/to/python3" >&2
exit 1
