#!/usr/bin/env bash
# install-rpmlint.sh VERSION DEST: rpmlint VERSION in a virtual environment of its own, DEST/bin/rpmlint.
# It is of the system's Python, which alone has the system's rpm module.
set -euo pipefail
version=$1 dest=$2

if [ "$("$dest/bin/rpmlint" --version 2>/dev/null)" = "$version" ]; then exit 0; fi
python=
for candidate in /usr/bin/python3 /usr/bin/python3.12 /usr/libexec/platform-python; do
    if "$candidate" -c 'import ensurepip, rpm, venv' 2>/dev/null; then python=$candidate && break; fi
done
[ -n "$python" ] || { echo "rpmlint: no Python of the system has the modules rpm and venv (python3-rpm, python3-venv)" >&2 && exit 1; }

echo "rpmlint $version: in a virtual environment of $("$python" --version)"
"$python" -m venv --clear --system-site-packages "$dest"
"$dest/bin/python" -m pip install --quiet "rpmlint==$version"
# On PyPI rpm is a stand-in that looks for the system's module; here that is found without it.
"$dest/bin/python" -m pip uninstall --quiet --yes rpm 2>/dev/null || true
[ "$("$dest/bin/rpmlint" --version)" = "$version" ]
