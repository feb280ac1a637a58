"""Fast tests without network, skopeo or kustomize: fakes stand in for the tools."""
