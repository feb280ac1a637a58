package main

import (
	"github.com/distribution/reference"

	"validators/internal/report"
)

// The part of an ImageSetConfiguration that we write, after oc-mirror's documentation. oc-mirror's own
// types are in an internal package of a module that cannot be had here (see README.md); what it has
// beyond this part is a problem, because we do not write it.
type imageset struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Mirror     *struct {
		AdditionalImages []struct {
			Name string `json:"name"`
		} `json:"additionalImages"`
	} `json:"mirror"`
}

func imagesetProblems(data []byte) report.Problems {
	var config imageset
	found := report.Decode(data, &config)
	if len(found) > 0 {
		return found
	}
	if config.APIVersion != "mirror.openshift.io/v2alpha1" || config.Kind != "ImageSetConfiguration" {
		found.Add("is %q %q, not an ImageSetConfiguration of mirror.openshift.io/v2alpha1",
			config.APIVersion, config.Kind)
	}
	if config.Mirror == nil || len(config.Mirror.AdditionalImages) == 0 {
		found.Add("mirror.additionalImages: empty, nothing would be mirrored")
		return found
	}
	seen := map[string]bool{}
	for at, image := range config.Mirror.AdditionalImages {
		// oc-mirror only warns of a name that it cannot parse, and leaves the image out.
		named, err := reference.Parse(image.Name)
		if err != nil {
			found.Add("mirror.additionalImages[%d]: %q: %v", at, image.Name, err)
			continue
		}
		_, tagged := named.(reference.Tagged)
		_, digested := named.(reference.Digested)
		switch {
		case !tagged && !digested:
			found.Add("mirror.additionalImages[%d]: %q: neither tag nor digest: left out by oc-mirror", at, image.Name)
		case tagged && digested:
			found.Add("mirror.additionalImages[%d]: %q: tag and digest: oc-mirror mirrors by the tag", at, image.Name)
		case seen[image.Name]:
			found.Add("mirror.additionalImages[%d]: %q: twice", at, image.Name)
		}
		seen[image.Name] = true
	}
	return found
}
