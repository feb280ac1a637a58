#!/usr/bin/env bash
# show-installed.sh ROOT: what packages put into ROOT, a line for each directory that MicroShift reads.
set -euo pipefail
cd "$1"

printf '\nInstalled in %s:\n' "$1"
for directory in usr/lib/microshift/manifests.d/* usr/share/microshift/release; do
    find "$directory" -type f -printf '%s\n' |
        awk -v directory="/$directory" '{ bytes += $1 } END { printf "  %-76s %3d files %5d KiB\n", directory, NR, bytes / 1024 }'
done
for json in usr/share/microshift/release/*.json; do
    jq --raw-output --arg file "/$json" '"  \($file): RHOAI \(.release.base), \(.images | length) images"' "$json"
done
