// Package report is what the validators share: read files, print one line for each problem, exit.
package report

import (
	"errors"
	"fmt"
	"os"
	"strings"

	kubejson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// File is a file to check.
type File struct {
	Path string
	Data []byte
}

// Problems are the lines about one file; an error of several lines becomes one.
type Problems []string

// Add notes one problem, in the words of format.
func (p *Problems) Add(format string, args ...any) {
	line := strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " ")
	*p = append(*p, line)
}

// Read returns the files that are named, or ends the program: 2, because no file was checked.
func Read(usage string, paths []string) []File {
	if len(paths) == 0 {
		fail(errors.New("usage: " + usage))
	}
	files := make([]File, 0, len(paths))
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			fail(err)
		}
		files = append(files, File{path, data})
	}
	return files
}

// Exit prints what check finds in each file and ends the program: 0 where that is nothing, else 1.
func Exit(files []File, check func(File) Problems) {
	code := 0
	for _, file := range files {
		for _, problem := range check(file) {
			fmt.Printf("%s: %s\n", file.Path, problem)
			code = 1
		}
	}
	os.Exit(code)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}

// Decode reads one YAML document into a struct with json tags as an API server does with strict field
// validation: unknown and doubled fields are problems, and so is a field in the wrong case, which
// encoding/json would take.
func Decode(document []byte, into any) Problems {
	var found Problems
	asJSON, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		found.Add("%v", err)
		return found
	}
	strict, err := kubejson.UnmarshalStrict(asJSON, into)
	if err != nil {
		found.Add("%v", err)
	}
	for _, err := range strict {
		found.Add("%v", err)
	}
	return found
}
