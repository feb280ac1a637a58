package main

import (
	"io"
	"os/exec"

	"github.com/rhysd/actionlint"

	"validators/internal/report"
)

// A workflow of GitHub Actions, read by actionlint: the syntax, the types of expressions, the inputs of
// well-known actions, untrusted values in scripts; and the scripts by shellcheck, where it is there.
func workflowProblems(data []byte) report.Problems {
	var found report.Problems
	shellcheck, err := exec.LookPath("shellcheck")
	if err != nil {
		shellcheck = ""
	}
	options := &actionlint.LinterOptions{Shellcheck: shellcheck}
	linter, err := actionlint.NewLinter(io.Discard, options)
	if err != nil {
		found.Add("actionlint: %v", err)
		return found
	}
	problems, err := linter.Lint("workflow.yml", data, nil)
	if err != nil {
		found.Add("actionlint: %v", err)
	}
	for _, one := range problems {
		found.Add("%d:%d: %s [%s]", one.Line, one.Column, one.Message, one.Kind)
	}
	return found
}
