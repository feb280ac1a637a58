#!/usr/bin/env bash
# build-rpms.sh DIR: packages of assets/ and release/ as they are into DIR, one for each architecture that
# has a release/release-ai-model-serving-<arch>.json, and the noarch ones once.
# Environment: MICROSHIFT_VERSION, SOURCE_DATE_EPOCH, KUSTOMIZE (command to check the manifests with).
set -euo pipefail
mkdir -p "$1"
target=$(realpath "$1")
kustomize=$(type -P "${KUSTOMIZE:-kustomize}") && kustomize=$(realpath --no-symlinks "$kustomize")
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
rhoai_version=$(jq --exit-status --raw-output .bundle.version release/rebase.json) ||
    fail 'release/rebase.json has no .bundle.version. Run a rebase again: make rebase BUNDLE=…'
is_version "${rhoai_version//-/}" || fail "release/rebase.json: .bundle.version $rhoai_version is not a version"
version=${MICROSHIFT_VERSION:-0~${rhoai_version//-/\~}}
is_version "$version" ||
    fail "MICROSHIFT_VERSION=$version: RPM takes letters, digits and . _ + ~ ^ (4.20.0-rc.1 is 4.20.0~rc.1)"

arches=()
for json in release/release-ai-model-serving-*.json; do
    arch=${json#release/release-ai-model-serving-}
    case $arch in llm-d-*) continue ;; esac # the core's say it all
    arches+=("${arch%.json}")
done
llm_d=()
[ ! -d assets/llm-d ] || llm_d=(--with llm_d)
[ "${arches[*]}" != '*' ] || fail 'there is no release/release-ai-model-serving-<arch>.json. Run a rebase first'
[ -n "$kustomize" ] || echo 'make rpm: no kustomize, so it is not checked that the manifests render' >&2

SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH LC_ALL=C.UTF-8

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/SOURCES"
# Owners, modes, times and order come from here and not from the working tree or the machine.
tar --create --file - --exclude='.rebase-*' --transform="s,^,$name-$version/,S" --format=gnu \
    --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode='u=rwX,go=rX' \
    assets release | gzip -9 -n >"$work/SOURCES/$name-$version.tar.gz"

build() { # ARCH [OPTION…]
    local arch=$1
    shift
    rpmbuild -bb --quiet --target "$arch" "${llm_d[@]}" "$@" \
        --define "_topdir $work" \
        --define "_rpmdir $work/RPMS" --define "_tmppath $work" \
        --define '_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' \
        --define "rhoai_version $rhoai_version" \
        ${MICROSHIFT_VERSION:+--define "microshift_version $MICROSHIFT_VERSION"} \
        ${kustomize:+--define "kustomize $kustomize"} \
        packaging/$name.spec >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        fail "rpmbuild failed for $arch, see above"
    }
    grep '^warning:' "$work/log" >&2 || true
}

build "${arches[0]}"
for arch in "${arches[@]:1}"; do
    build "$arch" --without release_info
done

rm -f "$target/$name"*.rpm
mv "$work"/RPMS/*.rpm "$target"
for rpm in "$target/$name"*.rpm; do
    echo "${rpm#"$PWD/"}"
done
