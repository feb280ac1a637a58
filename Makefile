# The one entry for people and for CI. Recipes are thin: what takes more than a line is in packaging/.

KUSTOMIZE_VERSION := 5.8.1
# Other kustomize versions that what we ship must render with: kubectl 1.32's and MicroShift 4.19-4.22's.
TEST_KUSTOMIZE_VERSIONS := 5.5.0 5.7.1
RPMLINT_VERSION := 2.10.0

RPM_DIR := _output/rpm
SRPM_DIR := _output/srpm
STUB_DIR := _output/stub-rpm
DEMO_ROOT := _output/demo-root
PYTHON_PATHS := rebase tests demo packaging
SCRIPTS := .ci/run $(wildcard packaging/*.sh demo/*.sh)
SPEC := packaging/microshift-ai-model-serving.spec

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# The steps share .venv, _output and assets/; the tools inside them are parallel already.
.NOTPARALLEL:
.PHONY: help setup demo rebase srpm rpm rpmlint test lint bench test-tools clean distclean system-packages kustomize model-server cluster test-cluster

#? BUNDLE             rebase: the bundle image, as registry/repo:tag or registry/repo@sha256:…
#? ARGS               more arguments: rebase, for rhoai-rebase; test, for pytest; bench, for bench.py
#? PYTHON             setup: the Python (>= 3.11) that .venv is made of; else the newest found on PATH
#? MICROSHIFT_VERSION rpm, srpm: the MicroShift that the packages are for, as in 4.20.3; not for the demo
#? SOURCE_DATE_EPOCH  rpm, srpm: the day of everything inside; else that of the last commit

help: ## this list
	@echo 'Targets:'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' Makefile
	@echo 'Variables:'
	@sed -n 's/^#? /  /p' Makefile

setup: system-packages .venv/.installed kustomize ## all that the tool needs: .venv/bin/rhoai-rebase, .venv/bin/kustomize, system packages

system-packages:
	@packaging/system-packages.sh

.venv/.installed: pyproject.toml | system-packages
	packaging/make-venv.sh .venv
	.venv/bin/python -m pip install --quiet --editable '.[dev]'
	@touch $@

kustomize: .venv/.installed
	@packaging/install-kustomize.sh --or-newer $(KUSTOMIZE_VERSION) .venv/bin/kustomize

test-tools: setup $(TEST_KUSTOMIZE_VERSIONS:%=.venv/kustomize/%/kustomize) .venv/rpmlint/bin/rpmlint .venv/validators/.installed model-server ## what only the tests need: a registry, a browser, older kustomize, rpmlint, validators, a model server
	@packaging/system-packages.sh --for-tests

.venv/kustomize/%/kustomize: | setup
	packaging/install-kustomize.sh $* $@

rebase: setup ## BUNDLE=…: bring assets/ and release/ to the RHOAI version of a bundle image
	@test -n '$(BUNDLE)' || { echo 'make rebase: say which bundle image, as in: make rebase BUNDLE=registry/repo:tag' >&2; exit 2; }
	.venv/bin/rhoai-rebase to $(BUNDLE) $(ARGS)

srpm: system-packages ## the source package of assets/ and release/ as they are, in _output/srpm/, for mock, Koji, Copr, Konflux
	@packaging/make-srpm.sh $(SRPM_DIR)

rpm: setup ## packages of assets/ and release/ as they are, in _output/rpm/
	@KUSTOMIZE=.venv/bin/kustomize packaging/build-rpms.sh $(RPM_DIR)

rpmlint: .venv/rpmlint/bin/rpmlint ## rpmlint of the packages in _output/rpm/ and of the spec
	$< --config packaging/rpmlint.toml $(RPM_DIR)/microshift-ai-model-serving*.rpm $(SPEC)

model-server: setup
	@packaging/install-model-server.sh .venv/model-server

.venv/rpmlint/bin/rpmlint: packaging/install-rpmlint.sh | system-packages
	@packaging/system-packages.sh --for-tests
	@packaging/install-rpmlint.sh $(RPMLINT_VERSION) .venv/rpmlint
	@touch $@

.venv/validators/.installed: $(wildcard tests/validators/go.* tests/validators/*.txt tests/validators/*/*/*.go) | setup
	@packaging/install-validators.sh .venv/validators
	@touch $@

demo: setup ## the whole road, offline: made-up images, rebase, RPMs, installed in _output/demo-root/
	.venv/bin/python demo/build_images.py --out _output/demo
	.venv/bin/rhoai-rebase to oci:_output/demo/bundle:image --operator-image oci:_output/demo/operator:image
	@$(MAKE) --no-print-directory rpm
	rm -rf $(DEMO_ROOT) $(STUB_DIR)
	demo/stub-packages.sh $(STUB_DIR) "$$(rpm --query --package --queryformat '%{VERSION}' $(RPM_DIR)/*.src.rpm)"
	packaging/install-into-root.sh $(DEMO_ROOT) $(RPM_DIR):$(STUB_DIR)
	@packaging/show-installed.sh $(DEMO_ROOT)

test: setup test-tools lint ## lint, then every test
	.venv/bin/pytest --numprocesses 2 --dist loadfile $(ARGS)

lint: setup ## ruff, mypy, and a syntax check of the scripts and the spec
	.venv/bin/ruff check $(PYTHON_PATHS)
	.venv/bin/ruff format --check $(PYTHON_PATHS)
	.venv/bin/mypy $(PYTHON_PATHS)
	@for script in $(SCRIPTS); do bash -n "$$script" || exit 1; done
	@if command -v shellcheck >/dev/null; then shellcheck $(SCRIPTS); else echo 'shellcheck is not there: skipped'; fi
	@rpmspec --parse $(SPEC) >/dev/null

cluster: setup ## etcd, an API server and KServe's controllers for test-cluster, built once, in ~/.cache
	@packaging/build-cluster.sh

test-cluster: test-tools cluster ## what ships, on a real API server with real KServe controllers
	.venv/bin/pytest tests/cluster --numprocesses 2 --dist loadfile $(ARGS)

bench: setup ## how long and how much memory a rebase takes
	.venv/bin/python tests/bench.py $(ARGS)

clean: ## remove _output/ and caches, keep .venv/
	rm -rf _output .mypy_cache .pytest_cache .ruff_cache
	find rebase tests demo -name __pycache__ -prune -exec rm -rf {} +

distclean: clean ## clean, and remove .venv/
	rm -rf .venv *.egg-info
