#!/usr/bin/env bash
# build-rpms.sh DIR: packages of assets/ and release/ as they are into DIR, with the source package that
# they are built from: one for each architecture that has a release info, and the noarch ones once.
# Environment: MICROSHIFT_VERSION, SOURCE_DATE_EPOCH (see make-srpm.sh), KUSTOMIZE (else kubectl's).
set -euo pipefail
target=$(mkdir -p "$1" && realpath "$1")
kustomize=
if [ -n "${KUSTOMIZE:-}" ]; then
    kustomize="$(realpath --no-symlinks "$(type -P "$KUSTOMIZE")") build"
fi
cd "$(dirname "$0")/.."

name=microshift-ai-model-serving
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

srpm=$(packaging/make-srpm.sh "$work/srpm")
arches=$(rpm --query --package --queryformat '[%{EXCLUSIVEARCH} ]' "$srpm")
for arch in $arches; do
    # No SOURCE_DATE_EPOCH: the same bytes as from anybody who builds the source package.
    # --nodeps: kustomize is .venv's, and Debian's rpm knows of no package.
    env --unset=SOURCE_DATE_EPOCH rpmbuild --rebuild --quiet --nodeps --target "$arch" \
        --define "_topdir $work/$arch" --define "_tmppath $work" --define 'dist %{nil}' \
        --define '_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' \
        ${kustomize:+--define "kustomize $kustomize"} "$srpm" >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        echo "make rpm: rpmbuild failed for $arch, see above" >&2
        exit 1
    }
    grep '^warning:' "$work/log" >&2 || true
done

rm -f "$target/$name"*.rpm
mv "$srpm" "$target"
for arch in $arches; do
    mv --no-clobber "$work/$arch"/RPMS/*.rpm "$target"
done
for rpm in "$target/$name"*.rpm; do
    echo "${rpm#"$PWD/"}"
done
