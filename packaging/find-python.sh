#!/usr/bin/env bash
# find-python.sh [BELOW]: prints the path of a Python >= 3.11, and older than BELOW, that can make virtual
# environments: $PYTHON, or the newest on PATH.
set -euo pipefail
below=${1:-4.0}

if [ -n "${PYTHON:-}" ]; then
    candidates=("$PYTHON")
else
    candidates=(python3.14 python3.13 python3.12 python3.11 python3)
fi

# Each candidate is run, not only looked up: version managers put commands on PATH that only say "not installed".
# ensurepip is a package of its own on Debian, and without it venv fails half-way.
for candidate in "${candidates[@]}"; do
    if "$candidate" -c 'import ensurepip, sys, venv
below = tuple(map(int, sys.argv[1].split(".")))
sys.exit(not (3, 11) <= sys.version_info[:2] < below)' "$below" 2>/dev/null; then
        command -v "$candidate"
        exit 0
    fi
done

echo "No usable Python: ${candidates[*]}: needed is Python 3.11 or later${1:+, before $1,} with its venv and ensurepip modules." >&2
echo "Install one, or name it: make PYTHON=/path/to/python3" >&2
exit 1
