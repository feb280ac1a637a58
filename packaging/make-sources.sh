#!/usr/bin/env bash
# make-sources.sh DIR: what a source package of assets/ and release/ as they are is made of, into DIR: the spec,
# with versions and changelog, and the archive. Prints the version of the packages.
# Environment: MICROSHIFT_VERSION, SOURCE_DATE_EPOCH (else that of the last commit).
set -euo pipefail
mkdir -p "$1"
target=$(realpath "$1")
cd "$(dirname "$0")/.."

name=microshift-ai-model-serving

fail() {
    echo "make rpm: $*" >&2
    exit 1
}

# What RPM takes as a version.
is_version() { [[ $1 =~ ^[A-Za-z0-9._+~^]+$ ]]; }

for input in assets release release/rebase.json; do
    [ -e $input ] || fail "there is no $input. Run a rebase first: make rebase BUNDLE=…"
done
field() {
    jq --exit-status --raw-output "$1" release/rebase.json ||
        fail "release/rebase.json has no $1. Run a rebase again: make rebase BUNDLE=…"
}
rhoai_version=$(field .bundle.version)
csv=$(field .bundle.csv)
is_version "${rhoai_version//-/}" || fail "release/rebase.json: .bundle.version $rhoai_version is not a version"

# A demo can never be taken for the real thing: it has no version of MicroShift's, and so its packages
# require a microshift that does not exist. 0~ sorts below everything.
if [[ $rhoai_version == *-demo ]]; then
    demo=1
    version=0~${rhoai_version//-/\~}
    [ -z "${MICROSHIFT_VERSION:-}" ] ||
        fail "this is the demo, RHOAI $rhoai_version: it is not packaged as MicroShift $MICROSHIFT_VERSION"
else
    demo=
    version=${MICROSHIFT_VERSION:-}
    [ -n "$version" ] ||
        fail "which MicroShift are the packages for? As in: make rpm MICROSHIFT_VERSION=4.20.3"
    is_version "$version" ||
        fail "MICROSHIFT_VERSION=$version: RPM takes letters, digits and . _ + ~ ^ (4.20.0-rc.1 is 4.20.0~rc.1)"
fi

arches=()
for json in release/release-ai-model-serving-*.json; do
    arch=${json#release/release-ai-model-serving-}
    case $arch in llm-d-* | '*.json') continue ;; esac # the core's say it all
    arches+=("${arch%.json}")
done
[ ${#arches[@]} -gt 0 ] || fail 'there is no release/release-ai-model-serving-<arch>.json. Run a rebase first'

# The beginning of its day: a changelog has days, and every later build takes its clock from there.
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null)} ||
    fail 'there is no git commit to take the day from: say SOURCE_DATE_EPOCH=…, in seconds'
epoch=$((epoch / 86400 * 86400))
export LC_ALL=C.UTF-8

rm -f "$target/$name.spec" "$target/$name"-*.tar.gz
# Owners, modes, times and order come from here and not from the working tree or the machine.
tar --create --file - --exclude='.rebase-*' --transform="s,^,$name-$version/,S" --format=gnu \
    --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --mode='u=rwX,go=rX' \
    LICENSE assets docs/user packaging/greenboot-llm-d.sh release |
    gzip -9 -n >"$target/$name-$version.tar.gz"

{
    echo "# Written by packaging/make-sources.sh for RHOAI $rhoai_version."
    echo "%global microshift_version $version"
    echo "%global rhoai_version $rhoai_version"
    echo "%global architectures ${arches[*]}"
    [ ! -d assets/llm-d ] || echo '%global llm_d 1'
    [ -z "$demo" ] || echo '%global demo 1'
    cat packaging/$name.spec
    printf '\n%%changelog\n'
    python3 packaging/changelog.py CHANGELOG.md "$version-1" "$epoch" "RHOAI $rhoai_version ($csv)"
} >"$target/$name.spec"
touch --date="@$epoch" "$target/$name-$version.tar.gz" "$target/$name.spec"
echo "$version"
