# shellcheck shell=bash
# To be sourced.

# Whether version $1 is $2 or later; what is no version, such as (devel), is not.
at_least() {
    [[ $1 =~ ^[0-9]+(\.[0-9]+)+$ ]] && printf '%s\n' "$2" "$1" | sort --version-sort --check=quiet
}
