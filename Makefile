# Needs Python 3.11 or newer with pip; everything else goes into a virtual environment in this folder.
PYTHON ?= python3
VENV ?= .venv
SCRIPTS := $(if $(filter Windows_NT,$(OS)),Scripts,bin)
BIN := $(VENV)/$(SCRIPTS)
DIGITS := examples/digits
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable
# One for each interpreter, so that several can be tried beside each other.
SMOKE := .venv-smoke-$(notdir $(PYTHON))
# What the VS Code extension is built and tested with, where npm is there to fetch it.
NODE_MODULES := editors/vscode/node_modules/.package-lock.json
SMOKE_TESTS := $(addprefix tests/test_,smoke.py architecture.py cases.py shapes.py suggest.py)
# TORCH=1 adds PyTorch, an optional second judge of values in the tests, and Keras, which computes with it there.
TESTING := $(VENV)/$(if $(TORCH),torch,test).stamp

.DEFAULT_GOAL := help
.PHONY: help demo test test-lowest smoke fuzz fuzz-text fuzz-onnx kills kills-training mutants conformance check lint types format bench tables
.PHONY: digits tutorial gallery wild vscode clean
.DELETE_ON_ERROR:

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/demo.stamp ## check, run and export a trained digit reader, and compare with ONNX Runtime
	$(BIN)/cnndsl check $(DIGITS)/digits.cnn
	$(BIN)/cnndsl run $(DIGITS)/digits.cnn --weights $(DIGITS)/digits.safetensors --input $(DIGITS)/held_out \
		--top 3 --labels $(DIGITS)/labels.txt
	mkdir -p build
	$(BIN)/cnndsl export $(DIGITS)/digits.cnn --weights $(DIGITS)/digits.safetensors -o build/digits.onnx
	$(BIN)/python -m tools.compare_with_onnxruntime $(DIGITS)/digits.cnn build/digits.onnx $(DIGITS)/held_out \
		--weights $(DIGITS)/digits.safetensors --labels $(DIGITS)/labels.txt

test: lint types $(if $(shell command -v npm),$(NODE_MODULES)) ## lint, check types and run the tests (TORCH=1: compare with PyTorch too)
	$(BIN)/python -m pytest -n 2

smoke: $(SMOKE)/smoke.stamp ## half a minute of tests, in a virtual environment of its own (PYTHON=python3.12)
	$(SMOKE)/$(SCRIPTS)/python -m pytest -q $(SMOKE_TESTS)

test-lowest: .venv-lowest/lowest.stamp ## the tests with the lowest versions that pyproject.toml allows, before a release (uv)
	.venv-lowest/$(SCRIPTS)/python -m pytest -n 2

fuzz: $(TESTING) ## 11,000 random layers and 400 networks beside ONNX Runtime (FUZZ=10 times the tests', SEED=1, TORCH=1)
	CNNDSL_FUZZ=$(or $(FUZZ),10) CNNDSL_SEED=$(or $(SEED),1) $(BIN)/python -m pytest -n 2 tests/test_differential.py

fuzz-text: $(TESTING) ## an hour of broken texts and files against every reader (MINUTES=60, SEED=1); findings go to build/fuzz
	$(BIN)/python -m tools.fuzz --minutes $(or $(MINUTES),60) --seed $(or $(SEED),1)

fuzz-onnx: $(TESTING) ## an hour of changed ONNX models against the importer and ONNX Runtime (MINUTES=60, SEED=1); findings go to build/fuzz
	$(BIN)/python -m tools.fuzz_onnx --minutes $(or $(MINUTES),60) --seed $(or $(SEED),1)

kills: $(TESTING) ## kill every command that writes, 100 times alone and 100 times two at once (KILLS=100, SEED=1)
	$(BIN)/python -m tools.kill_writers --trials $(or $(KILLS),100) --seed $(or $(SEED),1)

kills-training: $(VENV)/digits.stamp ## kill a training 50 times and go on, and look what was lost (KILLS=50, SEED=1)
	$(BIN)/python -m tools.kill_training --trials $(or $(KILLS),50) --seed $(or $(SEED),1)

mutants: $(VENV)/mutants.stamp ## change the code that infers and counts, token by token: a test must fail (MODULES="shapes.py pool")
	nice $(BIN)/python -m tools.mutants $(MODULES)

conformance: $(TESTING) ## run all of ONNX's own backend tests, say why the rest do not pass, and write docs/conformance.md
	$(BIN)/python -m tools.conformance --write

wild: .venv-wild/wild.stamp ## import networks of torchvision, timm and Keras, write docs/wild.md (hours)
	.venv-wild/$(SCRIPTS)/python -m tools.wild --write

check: ## everything CI runs: the demo, then the tests with PyTorch
	.ci/run

lint: $(TESTING) ## ruff's rules and formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(TESTING) ## mypy --strict
	$(BIN)/mypy --strict cnndsl

format: $(TESTING) ## mend formatting and what else ruff can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(TESTING) ## measure speed
	$(BIN)/python -m benchmarks.bench

tables: $(TESTING) ## generate the parser's tables from grammar/cnn.lark
	$(BIN)/python -m tools.make_tables

digits: $(VENV)/digits.stamp ## train the digit reader again
	rm -rf build/digits
	$(BIN)/cnndsl train $(DIGITS)/digits.cnn --out build/digits
	cp build/digits/best.safetensors $(DIGITS)/digits.safetensors

tutorial: $(VENV)/plot.stamp ## make the pictures of docs/tutorial and write what its commands print
	$(BIN)/python -m tools.make_tutorial

vscode: $(NODE_MODULES) ## build the VS Code extension, build/cnndsl-*.vsix (Node.js 20 or newer)
	mkdir -p build
	cd editors/vscode && npm run package

gallery: $(TESTING) ## draw every network of the zoo and write docs/gallery.md
	$(BIN)/python -m tools.make_gallery

clean: ## remove everything these targets make
	rm -rf $(VENV) .venv-smoke-* .venv-lowest .venv-wild .venv-node build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -rf editors/vscode/node_modules editors/vscode/dist

$(NODE_MODULES): editors/vscode/package-lock.json
	cd editors/vscode && npm ci --ignore-scripts --no-audit --no-fund
	touch $@

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(SMOKE)/smoke.stamp: pyproject.toml setup.py
	$(PYTHON) -m venv $(SMOKE)
	$(SMOKE)/$(SCRIPTS)/python -m pip install --quiet --disable-pip-version-check --editable '.[smoke]'
	touch $@

.venv-lowest/lowest.stamp: pyproject.toml setup.py | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(PYTHON) -m venv .venv-lowest
	$(BIN)/uv pip install --quiet --python .venv-lowest/$(SCRIPTS)/python --resolution lowest-direct --editable '.[test]'
	touch $@

.venv-wild/wild.stamp: pyproject.toml setup.py
	$(PYTHON) -m venv .venv-wild
	.venv-wild/$(SCRIPTS)/python -m pip install --quiet --disable-pip-version-check --editable '.[wild]'
	touch $@

$(VENV)/demo.stamp: pyproject.toml setup.py | $(BIN)/python
	$(INSTALL) '.[onnxruntime]'
	touch $@

$(VENV)/test.stamp: pyproject.toml setup.py | $(BIN)/python
	$(INSTALL) '.[test]'
	touch $@

$(VENV)/torch.stamp: pyproject.toml setup.py | $(BIN)/python
	$(INSTALL) '.[test,torch,keras]' torchvision==0.28.0 onnxscript==0.7.2
	touch $@

$(VENV)/mutants.stamp: pyproject.toml setup.py | $(BIN)/python
	$(INSTALL) '.[test,torch,keras,mutants]'
	touch $@

$(VENV)/plot.stamp: pyproject.toml setup.py | $(BIN)/python
	$(INSTALL) '.[plot]'
	touch $@

$(VENV)/digits.stamp: pyproject.toml setup.py | $(BIN)/python
	$(INSTALL) '.[train]'
	touch $@
