package main

import (
	"bytes"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"validators/internal/report"
)

// A Containerfile, read by BuildKit: it has the strictest public parser of the language, and knows
// here-documents and RUN --mount. What is in a RUN stays unread.
func containerfileProblems(data []byte) report.Problems {
	var found report.Problems
	tree, err := parser.Parse(bytes.NewReader(data))
	if err != nil {
		found.Add("%v", err)
		return found
	}
	for _, warning := range tree.Warnings {
		found.Add("line %d: %s", warning.Location.Start.Line, warning.Short)
	}
	lint := linter.New(&linter.Config{
		Warn: func(rule, _, _, message string, at []parser.Range) {
			found.Add("line %d: %s: %s", at[0].Start.Line, rule, message)
		},
	})
	stages, _, err := instructions.Parse(tree.AST, lint)
	if err != nil {
		found.Add("%v", err)
		return found
	}
	for _, stage := range stages {
		for _, command := range stage.Commands {
			// Flags that may hold variables, such as --mount, are only read once these are filled in.
			expandable, ok := command.(instructions.SupportsSingleWordExpansion)
			if !ok {
				continue
			}
			if err := expandable.Expand(unchanged); err != nil {
				found.Add("line %d: %v", command.Location()[0].Start.Line, err)
			}
		}
	}
	return found
}

func unchanged(word string) (string, error) { return word, nil }
