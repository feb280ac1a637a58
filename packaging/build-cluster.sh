#!/usr/bin/env bash
# build-cluster.sh [--where]: etcd, kube-apiserver, kube-controller-manager and KServe's controllers from the Go
# modules in tests/cluster/go, for tests/cluster, into a cache outside the tree; silent where all are there.
# Prints the directory with the binaries; with --where only that. Beside it, crds/ has what devices have not.
# Environment: RHOAI_CLUSTER_CACHE (else microshift-ai-model-serving/ in XDG_CACHE_HOME or ~/.cache).
set -euo pipefail
cache=$(realpath --canonicalize-missing "${RHOAI_CLUSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/microshift-ai-model-serving}")
cd "$(dirname "$0")/.."
modules=tests/cluster/go

# The module, the binary, its package
binaries='
etcd           etcd                      go.etcd.io/etcd/server/v3
apiserver      kube-apiserver            k8s.io/kubernetes/cmd/kube-apiserver
apiserver      kube-controller-manager   k8s.io/kubernetes/cmd/kube-controller-manager
apiserver      kubectl                   k8s.io/kubernetes/cmd/kubectl
kserve-0.15    kserve-manager-0.15       github.com/kserve/kserve/cmd/manager
kserve-0.17    kserve-manager-0.17       github.com/kserve/kserve/cmd/manager
kserve-0.19    kserve-manager-0.19       github.com/kserve/kserve/cmd/manager
kserve-0.19    kserve-llmisvc-0.19       github.com/kserve/kserve/cmd/llmisvc
'
# The module, the directory of CRDs, the module that has it and where
crds='
kserve-0.19    gateway-api               sigs.k8s.io/gateway-api                config/crd/standard
kserve-0.15    kserve-0.15               github.com/kserve/kserve               config/crd/full
kserve-0.17    kserve-0.17               github.com/kserve/kserve               config/crd/full
kserve-0.19    kserve-0.19               github.com/kserve/kserve               config/crd/full
'

# By name too: a module that is renamed is another one.
key=$({ sha256sum "$modules"/*/go.{mod,sum} && echo "$binaries$crds"; } | sha256sum | cut -c 1-16)
target=$cache/$key

# Calls $1 with the words of each line of stdin that are for what is not there yet, below $target/$2.
each_missing() {
    local module name rest
    while read -r module name rest; do
        if [ -z "$module" ] || [ -e "$target/$2/$name" ]; then continue; fi
        # shellcheck disable=SC2086 # words
        "$1" "$module" "$name" $rest </dev/null
    done
}

# For "go list" and "go build": these versions and sums or none, and this Go or none.
go_in() {
    local module=$1
    shift
    env GOTOOLCHAIN=local GOWORK=off GOFLAGS=-buildvcs=false CGO_ENABLED=0 GOCACHE="$work/go-build" \
        "$go" -C "$modules/$module" "$@"
}

# What "kubectl version" shows, and what tells the API server which of its features to have.
version_flags() {
    local version
    version=$(go_in apiserver list -mod=readonly -m -f '{{.Version}}' k8s.io/kubernetes)
    local minor=${version#v1.}
    local package=k8s.io/component-base/version
    echo "-X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=${minor%%.*}"
}

build() {
    local module=$1 name=$2 package=$3 start=$SECONDS flags='-s -w' compiler=
    echo "cluster: building $name" >&2
    case $module in
    apiserver) flags+=" $(version_flags)" ;;
    kserve-*) compiler='all=-N -l' ;; # not optimized: they have little to do, and build in 3/4 of the time
    esac
    go_in "$module" build -mod=readonly -trimpath -gcflags "$compiler" -ldflags "$flags" -o "$work/$name" "$package" 2>"$work/log" || {
        cat "$work/log" >&2
        echo "cluster: $name cannot be built, with $("$go" version): see above" >&2
        exit 1
    }
    mv "$work/$name" "$target/bin/$name"
    echo "cluster: $name: $((SECONDS - start)) s, $(stat --format=%s "$target/bin/$name" | numfmt --to=iec)" >&2
}

copy_crds() {
    local module=$1 name=$2 from=$3 path=$4 source
    source=$(go_in "$module" list -mod=readonly -m -f '{{.Dir}}' "$from")
    # The module cache is read-only, and that should not be copied.
    cp --recursive --no-preserve=mode "$source/$path" "$work/$name"
    mv "$work/$name" "$target/crds/$name"
}

missing() {
    each_missing echo bin <<<"$binaries"
    each_missing echo crds <<<"$crds"
}

if [ "${1:-}" != --where ] && [ -n "$(missing)" ]; then
    mkdir -p "$target/bin" "$target/crds"
    exec 9>"$cache/.lock"
    flock 9                                        # somebody else may be building the same
    go=$(packaging/find-go.sh 1.25.8) # says kserve-0.19's go.mod
    rm -rf "$cache"/.new.*                         # of one who was killed
    work=$(mktemp -d "$cache/.new.XXXXXX")         # on the same file system: what is there is whole
    trap 'rm -rf "$work"' EXIT
    each_missing build bin <<<"$binaries"
    each_missing copy_crds crds <<<"$crds"
    rm -rf "$work"
    echo "cluster: complete after $SECONDS s" >&2
fi
echo "$target/bin"
