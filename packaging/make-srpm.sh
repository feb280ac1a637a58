#!/usr/bin/env bash
# make-srpm.sh DIR: the source package of assets/ and release/ as they are, into DIR: it builds on its own,
# with rpmbuild, mock, Koji, Copr or Konflux. Prints its path.
# Environment: see make-sources.sh.
set -euo pipefail
target=$(mkdir -p "$1" && realpath "$1")
here=$(dirname "$(realpath "$0")")

name=microshift-ai-model-serving
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=$("$here/make-sources.sh" "$work/SOURCES")

# The package has the spec with all macros expanded, paths too: they must be relative to be the same anywhere.
cd "$work"
env --unset=SOURCE_DATE_EPOCH rpmbuild -bs --quiet --nodeps --define '_topdir .' --define 'dist %{nil}' \
    "SOURCES/$name.spec" >log 2>&1 || {
    cat log >&2
    echo 'make srpm: rpmbuild failed, see above' >&2
    exit 1
}
grep '^warning:' log >&2 || true
rm -f "$target/$name"*.src.rpm
mv SRPMS/*.src.rpm "$target"
echo "$target/$name-$version-1.src.rpm"
