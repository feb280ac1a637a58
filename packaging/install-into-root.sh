#!/usr/bin/env bash
# install-into-root.sh ROOT RPMDIR[:RPMDIR…] [PACKAGE…]: installs packages of these directories, all that
# suit this machine unless some are named, into the directory ROOT with dnf, as a device would, and from
# nowhere else. Says nothing when all goes well.
set -euo pipefail

[ $# -ge 2 ] || { echo "usage: $0 ROOT RPMDIR[:RPMDIR…] [PACKAGE…]" >&2 && exit 2; }
mkdir -p "$1"
root=$(realpath "$1") rpms=$2
shift 2

if [ "$(id -u)" != 0 ]; then
    # rpm wants to be root to change into ROOT: root of a namespace of our own will do.
    if unshare --map-root-user true 2>/dev/null; then
        exec unshare --map-root-user "$0" "$root" "$rpms" "$@"
    fi
    echo "$0: needs root, or a machine where users may make namespaces (unshare --map-root-user)" >&2
    exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/repo" "$work/none"
IFS=: read -ra directories <<<"$rpms"
find "${directories[@]}" -name '*.rpm' ! -name '*.src.rpm' -exec cp -t "$work/repo" {} +

# Debian's rpm has its database in HOME, below ROOT: the same one whoever calls.
export HOME=/root

dnf_install() {
    createrepo_c --quiet "$work/repo"
    # reposdir and repo: no other repository, neither the machine's nor ROOT's.
    # releasever: dnf asks ROOT for it, and an empty one has no answer.
    # best: an older version in ROOT is upgraded; RHEL's configuration says so, Debian's does not.
    dnf --assumeyes --quiet --installroot="$root" --releasever=0 \
        --repofrompath="local,file://$work/repo" --repo=local --nogpgcheck --setopt=reposdir="$work/none" \
        --setopt=install_weak_deps=False --setopt=best=True install "$@"
}

if ! dnf_install "${@:-*}" >"$work/log" 2>&1; then
    cat "$work/log" >&2
    echo "$0: could not install ${*:-all} from $rpms into $root" >&2
    exit 1
fi
