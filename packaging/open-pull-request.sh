#!/usr/bin/env bash
# open-pull-request.sh REPORT.md BASE: pushes the branch that `rhoai-rebase to … --commit` made and opens a
# pull request into BASE with the report, by gh. Does nothing where the version has one, or has a branch.
set -euo pipefail
report=$1 base=$2

branch=$(git symbolic-ref --short HEAD)
if [[ $branch != rebase-ai-model_serving-* ]]; then
    echo "::notice::nothing changed: no pull request"
    exit
fi

# One that was closed without a merge is an answer, too.
known=$(gh pr list --head "$branch" --state all --json url,state \
    --jq '.[] | select(.state != "MERGED") | "\(.url) (\(.state))"')
if [ -n "$known" ]; then
    echo "::notice::there is a pull request of $branch: ${known//$'\n'/, }"
    exit
fi
if [ -n "$(git ls-remote --heads origin "refs/heads/$branch")" ]; then
    echo "::warning::origin has a branch $branch without an open pull request: delete it to get a new one"
    exit
fi

body=$(mktemp)
trap 'rm -f "$body"' EXIT
cp "$report" "$body"
if [ "$(wc --bytes <"$report")" -gt 60000 ]; then # GitHub takes 65,536 characters
    head --bytes=60000 "$report" | sed '$d' >"$body"
    printf '\n\n**Cut short here: the whole report is an artifact of the run that opened this.**\n' >>"$body"
fi

git push --quiet origin "HEAD:refs/heads/$branch"
if ! gh pr create --head "$branch" --base "$base" --title "$(git log -1 --format=%s)" --body-file "$body"; then
    git push --quiet origin --delete "$branch" # so that the next run tries again
    exit 1
fi
