# Every target sets up what it needs: Python 3.11 or newer, make and a package index are enough.

PYTHON ?= python3
UV ?= $(shell command -v uv || echo .uv/bin/uv)
RUN = .venv/bin/

.DEFAULT_GOAL := help
.PHONY: help demo test notebooks docs audit bench bench-embeddings instructions fuzz faults soak coverage mutate test-wheel test-floors lint format type package check clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/.ready ## Ask two workspaces over both protocols; without a key the offline sandbox answers
	@$(RUN)python cookbook/demo.py

test: .venv/.ready ## Run the tests, against loopback only
	$(RUN)python -m pytest -n auto --dist worksteal

notebooks: .venv/.ready ## Execute the cookbook's notebooks and write what comes out (ARGS=--check compares instead)
	$(RUN)python cookbook/_notebooks.py $(ARGS)

docs: .venv/.ready ## Build the documentation into site/, strictly
	NO_MKDOCS_2_WARNING=1 $(RUN)mkdocs build --quiet --strict --clean

bench: .venv/.ready ## Measure chat beside the usual classes, against loopback, into docs/benchmarks (ARGS="--rounds 1")
	$(RUN)python -m benchmarks.chat --into docs/benchmarks $(ARGS)

bench-embeddings: .venv/.ready ## Measure embeddings the same way (10 minutes)
	$(RUN)python -m benchmarks.embeddings $(ARGS)

instructions: .venv/.ready ## Count the instructions of a stream and of a long history into benchmarks/ (needs valgrind)
	$(RUN)python -m benchmarks.instructions --write

fuzz: .venv/.ready ## Read 200,000 hostile inputs and say what became of them (minutes; ARGS="--cases 20000 --seed 1")
	$(RUN)python -m tests.fuzz $(ARGS)

audit: .venv/.ready ## Ask PyPI's database whether a locked dependency has a known vulnerability; ruff's S rules are part of `lint`
	$(UV) export --quiet --frozen --no-dev --all-extras --no-emit-project --output-file .venv/audited.txt
	$(UV) tool run --from "pip-audit>=2.9,<3" pip-audit --strict --disable-pip --require-hashes -r .venv/audited.txt

faults: .venv/.ready ## Print what comes of each fault on each protocol, in each way of calling
	$(RUN)python -m tests.errors.faults

soak: .venv/.ready ## Mixed traffic with random faults for MINUTES=10, against loopback: nothing lost, doubled or left open
	$(RUN)python -m benchmarks.soak --minutes $(or $(MINUTES),10) $(ARGS)

coverage: .venv/.ready ## Run the tests and say which lines and branches of the package none of them takes
	$(RUN)coverage erase
	$(RUN)coverage run -m pytest -n auto --dist worksteal $(ARGS)
	$(RUN)coverage combine --quiet
	$(RUN)coverage report

test-wheel: .venv/.ready ## Run the tests against the built wheel, where the source tree is not
	rm -rf dist .venv-wheel
	$(UV) build --quiet --wheel
	$(UV) venv --quiet --python $(PYTHON) .venv-wheel/venv
	$(UV) pip install --quiet --python .venv-wheel/venv "$$(ls dist/*.whl)[sandbox,progress,cli]" --group dev
	cp -r $(filter-out langchain_qwen_workspace dist site,$(wildcard *)) .venv-wheel/
	cd .venv-wheel && venv/bin/python -m pytest -p no:cacheprovider -n auto --dist worksteal $(ARGS)

mutate: .venv/.ready ## Change the wires, errors and endpoints one thing at a time, and list what no test notices (hours)
	PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(UV) run --quiet --frozen --all-groups --all-extras --with "mutmut>=3.8,<4" mutmut run --max-children 1 $(ARGS)
	$(UV) run --quiet --frozen --all-groups --all-extras --with "mutmut>=3.8,<4" mutmut results

test-floors: $(filter .uv/bin/uv,$(UV)) ## Run the tests with the oldest dependencies that are allowed
	$(UV) venv --quiet --clear --python $(PYTHON) .venv-floors
	$(UV) pip install --quiet --python .venv-floors --resolution lowest-direct --editable ".[cli,progress,sandbox]" --group test
	.venv-floors/bin/python -m pytest -p no:cacheprovider -n auto --dist worksteal

lint: .venv/.ready ## Check style and format
	$(RUN)ruff check
	$(RUN)ruff format --check

format: .venv/.ready ## Fix style and format
	$(RUN)ruff check --fix
	$(RUN)ruff format

type: .venv/.ready ## Check types, strictly
	$(RUN)mypy

package: .venv/.ready ## Build wheel and sdist, check them, and run the README's ten lines in an empty environment
	rm -rf dist
	$(UV) build --quiet
	$(RUN)twine check --strict dist/*
	$(RUN)check-wheel-contents dist/*.whl
	awk '/^```python/ {inside = 1; next} /^```/ && inside {exit} inside' README.md | \
		$(UV) run --quiet --isolated --no-project --python $(PYTHON) --with "$$(ls dist/*.whl)[cli,sandbox]" \
		sh -c 'python -I - && qwen-workspace --version'

check: test lint type package ## Everything that CI checks, but the floors

clean: ## Remove what the targets made
	rm -rf .venv .venv-floors .venv-wheel .uv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis site

.venv/.ready: pyproject.toml uv.lock $(filter .uv/bin/uv,$(UV))
	$(UV) sync --quiet --frozen --all-groups --all-extras --python $(PYTHON)
	@touch $@

.uv/bin/uv:
	$(PYTHON) -m venv .uv
	.uv/bin/pip install --quiet "uv>=0.9,<1"
