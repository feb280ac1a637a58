#!/usr/bin/env bash
# stub-packages.sh DIR VERSION: empty packages microshift and microshift-gateway-api into DIR, for what our
# packages require where there is no repository that has the real ones.
set -euo pipefail
target=$(mkdir -p "$1" && realpath "$1")
version=$2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/stub.spec" <<SPEC
Name:      microshift
Version:   $version
Release:   0.stub
Summary:   Stub that stands for MicroShift in a scratch root
License:   Apache-2.0
BuildArch: noarch
%description
Nothing.
%package gateway-api
Summary:   Stub that stands for MicroShift's Gateway API in a scratch root
Requires:  microshift = %{version}
%description gateway-api
Nothing.
%files
%files gateway-api
SPEC
rpmbuild -bb --quiet --define "_topdir $work" --define "_rpmdir $target" \
    --define '_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' \
    "$work/stub.spec" >"$work/log" 2>&1 || { cat "$work/log" >&2 && exit 1; }
