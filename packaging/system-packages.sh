#!/usr/bin/env bash
# Installs the commands that are missing, with the system's package manager; silent and offline where all
# are there. With --for-tests also what only the tests use.
set -euo pipefail
cd "$(dirname "$0")/.."
# Not on every user's PATH, and commands are there; the last is the place of Fedora's headless Chromium.
PATH+=:/usr/sbin:/sbin:/usr/lib64/chromium-browser

# command (a|b: either will do)              its package on Debian   on Fedora       on RHEL (-: there is none)
needed='
python>=3.11                              python3-venv     python3              python3.12
skopeo                                    skopeo           skopeo               skopeo
rpmbuild                                  rpm              rpm-build            rpm-build
createrepo_c                              createrepo-c     createrepo_c         createrepo_c
dnf                                       dnf              dnf                  dnf
jq                                        jq               jq                   jq
git                                       git              git-core             git-core
update-ca-certificates|update-ca-trust    ca-certificates  ca-certificates      ca-certificates
'
# The registry is apart from the rest also because on Debian its package starts a service.
for_tests='
docker-registry|registry                  docker-registry  docker-distribution  -
python-rpm                                python3-rpm      python3-rpm          python3-rpm
curl                                      curl             curl                 curl
openssl                                   openssl          openssl              openssl
chromium|chromium-browser|headless_shell  chromium         chromium-headless    -
'
[ "${1:-}" != --for-tests ] || needed+=$for_tests

have() {
    if [ "$1" = 'python>=3.11' ]; then
        # One that somebody named is theirs to provide; make-venv.sh says what is wrong with it.
        [ -n "${PYTHON:-}" ] || [ -e .venv/bin/python ] || packaging/find-python.sh >/dev/null 2>&1
        return
    fi
    if [ "$1" = python-rpm ]; then
        /usr/bin/python3 -c 'import rpm' 2>/dev/null
        return
    fi
    local command
    for command in ${1//|/ }; do
        if command -v "$command" >/dev/null; then return; fi
    done
    return 1
}

# Sets missing and packages from the table.
look() {
    missing=() packages=()
    local command debian fedora rhel # the last three by their name in $family
    # shellcheck disable=SC2034
    while read -r command debian fedora rhel; do
        if [ -z "$command" ] || have "$command"; then continue; fi
        local package=${!family}
        if [ "$package" = - ]; then continue; fi
        missing+=("${command//|/ or }")
        packages+=("$package")
    done <<<"$needed"
}

# shellcheck source=/dev/null
. /etc/os-release
case " $ID ${ID_LIKE:-} " in
*" debian "*) family=debian ;;
*" rhel "*) family=rhel ;;
*) family=fedora ;; # its names are the projects' own: the best guess elsewhere
esac

look
[ ${#missing[@]} -gt 0 ] || exit 0
echo "Missing on this machine: ${missing[*]}" >&2

case $family in
debian) commands=('apt-get update --quiet' "apt-get install --yes --quiet --no-install-recommends ${packages[*]}") ;;
*) commands=("dnf install --assumeyes --quiet ${packages[*]}") ;;
esac

if [ "$(id -u)" = 0 ]; then
    as_root=()
elif sudo -n true 2>/dev/null; then
    as_root=(sudo -n)
else
    echo 'Installing needs root. Run this, then the same make again:' >&2
    printf '    sudo %s\n' "${commands[@]}" >&2
    exit 1
fi

for command in "${commands[@]}"; do
    echo "+ $command" >&2
    # shellcheck disable=SC2086 # a command and its arguments
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive $command >/dev/null
done

look
if [ ${#missing[@]} -gt 0 ]; then
    echo "Still missing after that, please install by hand: ${missing[*]}" >&2
    exit 1
fi
