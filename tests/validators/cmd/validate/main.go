// Command validate checks files with the parsers of the tools that will read them.
package main

import (
	"fmt"
	"os"

	"validators/internal/report"
)

const usage = "validate blueprint|containerfile|imageset|workflow FILE..."

var kinds = map[string]func([]byte) report.Problems{
	"blueprint":     blueprintProblems,
	"containerfile": containerfileProblems,
	"imageset":      imagesetProblems,
	"workflow":      workflowProblems,
}

func main() {
	if len(os.Args) < 2 || kinds[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage:", usage)
		os.Exit(2)
	}
	check := kinds[os.Args[1]]
	files := report.Read(usage, os.Args[2:])
	report.Exit(files, func(file report.File) report.Problems { return check(file.Data) })
}
