package main

import (
	"bytes"

	"github.com/BurntSushi/toml"
	"github.com/distribution/reference"
	"github.com/osbuild/images/pkg/blueprint"

	"validators/internal/report"
)

// An osbuild blueprint, decoded into osbuild's own types. osbuild-composer ignores the keys that it does
// not know; a typing error is no less one for it, so here they are problems (as they are for
// image-builder).
func blueprintProblems(data []byte) report.Problems {
	var found report.Problems
	var decoded blueprint.Blueprint
	read, err := toml.NewDecoder(bytes.NewReader(data)).Decode(&decoded)
	if err != nil {
		found.Add("%v", err)
		return found
	}
	for _, key := range read.Undecoded() {
		found.Add("unknown key %s", key)
	}

	// The types leave these to the build, which is too late.
	if decoded.Name == "" {
		found.Add("no name")
	}
	for at, one := range decoded.Packages {
		if one.Name == "" {
			found.Add("packages[%d]: no name", at)
		}
	}
	for at, one := range decoded.Containers {
		named, err := reference.ParseNormalizedNamed(one.Source)
		if err != nil {
			found.Add("containers[%d]: source %q: %v", at, one.Source, err)
			continue
		}
		// The containers library that pulls it for osbuild wants one of the two.
		_, tagged := named.(reference.Tagged)
		_, digested := named.(reference.Digested)
		if tagged && digested {
			found.Add("containers[%d]: source %q has a tag and a digest", at, one.Source)
		}
	}

	// What osbuild checks when it asks for them.
	custom := decoded.Customizations
	if _, err := custom.GetPartitioning(); err != nil {
		found.Add("%v", err)
	}
	if _, err := custom.GetRepositories(); err != nil {
		found.Add("%v", err)
	}
	if _, err := custom.GetInstaller(); err != nil {
		found.Add("%v", err)
	}
	if err := blueprint.ValidateDirFileCustomizations(custom.GetDirectories(), custom.GetFiles()); err != nil {
		found.Add("%v", err)
	}
	return found
}
