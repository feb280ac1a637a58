// Command validate-tekton checks Tekton files as Tekton's admission webhook does. It is a command of its
// own because three quarters of the build time, and nine tenths of the download, are its dependencies.
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"

	"github.com/google/cel-go/cel"
	v1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"knative.dev/pkg/apis"

	"validators/internal/report"
)

// The annotation that Pipelines-as-Code evaluates as CEL.
const celAnnotation = "pipelinesascode.tekton.dev/on-cel-expression"

type object interface {
	metav1.Object
	runtime.Object
	apis.Defaultable
	apis.Validatable
}

func main() {
	files := report.Read("validate-tekton FILE...", os.Args[1:])

	// The Pipelines of all files first: a PipelineRun's may be in another one.
	objects := map[string][]object{}
	found := map[string]report.Problems{}
	pipelines := map[string]*v1.PipelineSpec{}
	readable := true // all of them, so that what is missing is missing
	for _, file := range files {
		objects[file.Path], found[file.Path] = decode(file.Data)
		readable = readable && len(found[file.Path]) == 0
		for _, one := range objects[file.Path] {
			if pipeline, ok := one.(*v1.Pipeline); ok {
				pipelines[pipeline.Name] = &pipeline.Spec
			}
		}
	}

	report.Exit(files, func(file report.File) report.Problems {
		problems := found[file.Path]
		for _, one := range objects[file.Path] {
			admit(one, &problems)
			if run, ok := one.(*v1.PipelineRun); ok {
				parseCEL(run, &problems)
				if readable {
					bind(run, pipelines, &problems)
				}
			}
		}
		return problems
	})
}

// decode reads every document of a file into the type of its kind.
func decode(data []byte) ([]object, report.Problems) {
	var objects []object
	var found report.Problems
	documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for at := 1; ; at++ {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			found.Add("document %d: %v", at, err)
			break
		}
		var kind *metav1.TypeMeta
		if err := yaml.Unmarshal(document, &kind); err != nil {
			found.Add("document %d: %v", at, err)
			continue
		}
		if kind == nil {
			continue // nothing but comments
		}
		var into object
		switch kind.APIVersion + " " + kind.Kind {
		case "tekton.dev/v1 Pipeline":
			into = &v1.Pipeline{}
		case "tekton.dev/v1 PipelineRun":
			into = &v1.PipelineRun{}
		case "tekton.dev/v1 Task":
			into = &v1.Task{}
		default:
			found.Add("document %d: %q %q is no Pipeline, PipelineRun or Task of tekton.dev/v1",
				at, kind.APIVersion, kind.Kind)
			continue
		}
		strict := report.Decode(document, into)
		for _, problem := range strict {
			found.Add("document %d: %s: %s", at, kind.Kind, problem)
		}
		if len(strict) == 0 {
			objects = append(objects, into)
		}
	}
	if len(objects) == 0 && len(found) == 0 {
		found.Add("no document")
	}
	return objects, found
}

// admit does what the webhook does with an object that is to be created.
func admit(one object, found *report.Problems) {
	ctx := apis.WithinCreate(context.Background())
	if one.GetName() == "" && one.GetGenerateName() != "" {
		one.SetName(one.GetGenerateName() + "x7k2p") // by now the API server has made one up
	}
	one.SetDefaults(ctx)
	errs := one.Validate(ctx)
	if errs == nil {
		return
	}
	for _, err := range errs.WrappedErrors() {
		found.Add("%s: %s", name(one), err)
	}
}

// bind checks that a PipelineRun gives what its Pipeline asks for, which Tekton only sees when the run
// has started. A parameter that nobody asks for is ignored by Tekton, and a typing error.
func bind(run *v1.PipelineRun, pipelines map[string]*v1.PipelineSpec, found *report.Problems) {
	spec := run.Spec.PipelineSpec
	if ref := run.Spec.PipelineRef; ref != nil && ref.Name != "" {
		if spec = pipelines[ref.Name]; spec == nil {
			found.Add("%s: the Pipeline %q is in none of the files", name(run), ref.Name)
		}
	}
	if spec == nil {
		return
	}
	for _, wanted := range spec.Params {
		given := slices.ContainsFunc(run.Spec.Params, func(p v1.Param) bool { return p.Name == wanted.Name })
		if !given && wanted.Default == nil {
			found.Add("%s: no value for the parameter %q", name(run), wanted.Name)
		}
	}
	for _, given := range run.Spec.Params {
		if !slices.ContainsFunc(spec.Params, func(p v1.ParamSpec) bool { return p.Name == given.Name }) {
			found.Add("%s: the Pipeline has no parameter %q", name(run), given.Name)
		}
	}
	for _, wanted := range spec.Workspaces {
		given := slices.ContainsFunc(run.Spec.Workspaces,
			func(w v1.WorkspaceBinding) bool { return w.Name == wanted.Name })
		if !given && !wanted.Optional {
			found.Add("%s: nothing for the workspace %q", name(run), wanted.Name)
		}
	}
}

// parseCEL only parses: the variables and functions are Pipelines-as-Code's own.
func parseCEL(run *v1.PipelineRun, found *report.Problems) {
	expression, there := run.Annotations[celAnnotation]
	if !there {
		return
	}
	language, err := cel.NewEnv()
	if err != nil {
		found.Add("CEL: %v", err)
		return
	}
	if _, issues := language.Parse(expression); issues.Err() != nil {
		found.Add("%s: %s: %v", name(run), celAnnotation, issues.Err())
	}
}

func name(one object) string {
	return one.GetObjectKind().GroupVersionKind().Kind + " " + one.GetName()
}
