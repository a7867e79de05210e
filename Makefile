# Every target sets up what it needs: Python 3.11 or newer, make and a package index are enough.

# A path, a name or a version: `make PYTHON=3.13 test` runs in an environment of its own, `.venv-3.13`.
PYTHON ?= python3
# pyenv's shims run only the versions that are switched on, so its other versions are looked up by their folder.
INTERPRETER = $(shell for found in $(PYTHON) python$(PYTHON) "$$(pyenv prefix $(PYTHON:python%=%) 2>/dev/null || echo /nowhere)/bin/python"; \
	do "$$found" -c "" 2>/dev/null && command -v "$$found" && break; done)
UV ?= $(shell command -v uv || echo .uv/bin/uv)
ifeq ($(origin PYTHON),file)
VENV := .venv
else
VENV := .venv-$(or $(shell $(or $(INTERPRETER),false) -c 'import sys; print("%d.%d" % sys.version_info[:2])'),\
	$(error There is no Python $(PYTHON) here))
endif
RUN = $(VENV)/bin/
# Wheels of the lock file only: nothing that has no hash is run where a distribution is built, not even a build backend.
BUILD = UV_PROJECT_ENVIRONMENT=.venv-build $(UV) run --quiet --frozen --no-build --only-group release --python $(INTERPRETER)
PYTEST = $(RUN)python -m pytest -n auto --dist worksteal

# Dozens of tests, notebooks and examples start a process: without cached bytecode each compiles its imports again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test smoke nightly local-server coverage test-floors test-wheel test-busy notebooks docs links audit sbom bench bench-embeddings bench-scale \
	instructions fuzz faults soak mutate recordings lint lock-check format type dist package check upgrade pre-commit clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.ready ## Ask two workspaces over the openai and dashscope protocols; without a key the offline sandbox answers
	@$(RUN)python cookbook/demo.py

# Tests

test: $(VENV)/.ready ## Run the tests, against loopback only (ARGS="-m live" or a path selects)
	$(PYTEST) $(ARGS)

smoke: $(VENV)/.ready ## Run the marked subset that reaches every import and every SDK entry point (PYTHON=3.13)
	$(RUN)python -m pytest -m smoke $(ARGS)

nightly: $(VENV)/.ready ## Run the long tests: Ray at size, the browser, a whole benchmark (minutes)
	$(RUN)python -m pytest -m nightly --timeout 900 $(ARGS)

local-server: $(VENV)/.ready ## Call a real server on this machine: MLX LM with a tiny Qwen3 of random weights (minutes)
	UV_PROJECT_ENVIRONMENT=.venv-local-server $(UV) sync --quiet --frozen --only-group local-server --python $(INTERPRETER)
	QWEN_LOCAL_SERVER_PYTHON=$(CURDIR)/.venv-local-server/bin/python $(RUN)python -m pytest -m nightly --timeout 900 \
		tests/project/test_local_server.py

test-floors: $(filter .uv/bin/uv,$(UV)) ## Run the marked subset with the oldest dependencies that are allowed
	$(UV) venv --quiet --clear --python $(INTERPRETER) .venv-floors
	$(UV) pip install --quiet --python .venv-floors --resolution lowest-direct --editable ".[admin,cli,progress,sandbox]" --group test
	.venv-floors/bin/python -m pytest -p no:cacheprovider -m smoke $(ARGS)

test-wheel: $(filter .uv/bin/uv,$(UV)) ## Run the tests against the built wheel, where the source tree is not (WHEEL=dist/….whl)
	$(if $(WHEEL),,rm -rf dist; $(BUILD) python -m hatchling build --target wheel)
	rm -rf .venv-wheel
	UV_PROJECT_ENVIRONMENT=.venv-wheel/venv $(UV) sync --quiet --frozen --no-install-project --all-extras --group dev \
		--python $(INTERPRETER)
	$(UV) pip install --quiet --python .venv-wheel/venv --no-deps $(or $(WHEEL),dist/*.whl)
	cp -r $(filter-out langchain_qwen_workspace dist site,$(wildcard *)) .venv-wheel/
	cd .venv-wheel && venv/bin/python -m pytest -p no:cacheprovider -n auto --dist worksteal $(ARGS)

test-busy: $(VENV)/.ready ## Run the tests beside eight busy loops, with SIGINT ignored: none depends on either
	for loop in 1 2 3 4 5 6 7 8; do (while kill -0 $$$$ 2>/dev/null; do :; done) & done; trap "" INT; $(PYTEST) $(ARGS)

coverage: $(VENV)/.ready ## Run the tests and list the lines and branches of the package that none of them takes
	$(RUN)coverage erase
	$(RUN)coverage run -m pytest -n auto --dist worksteal $(ARGS)
	$(RUN)coverage combine --quiet
	$(RUN)coverage report

fuzz: $(VENV)/.ready ## Decode 220,000 hostile inputs and count the outcomes (minutes; ARGS="--cases 20000 --seed 1")
	$(RUN)python -m tests.fuzz $(ARGS)

faults: $(VENV)/.ready ## Print the error that each fault becomes, on each protocol, in each way of calling
	$(RUN)python -m tests.errors.faults

soak: $(VENV)/.ready ## Traffic of 1,000 tenants to 20 servers with faults for MINUTES=10: nothing lost, doubled, shown or left open
	$(RUN)python -m benchmarks.soak --minutes $(or $(MINUTES),10) $(ARGS)

mutate: $(VENV)/.ready ## Change the wires, errors, endpoints and flows one thing at a time, and list what no test notices (hours)
	PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(UV) run --quiet --frozen --all-groups --all-extras mutmut run --max-children 1 $(ARGS)
	$(UV) run --quiet --frozen --all-groups --all-extras mutmut results

# Checks

lint: $(VENV)/.ready ## Check style and format
	$(RUN)ruff check
	$(RUN)ruff format --check

lock-check: $(filter .uv/bin/uv,$(UV)) ## Check that uv.lock fits pyproject.toml (needs the package index)
	$(UV) lock --quiet --check

format: $(VENV)/.ready ## Fix style and format
	$(RUN)ruff check --fix
	$(RUN)ruff format

type: $(VENV)/.ready ## Check types: mypy on everything, pyright on what users write and see
	$(RUN)mypy
	PATH="$(CURDIR)/$(RUN):$$PATH" pyright
	@PATH="$(CURDIR)/$(RUN):$$PATH" pyright --verifytypes langchain_qwen_workspace --ignoreexternal \
		>$(VENV)/public_types.txt || { cat $(VENV)/public_types.txt; exit 1; }
	$(RUN)python -m tests.support.shown_code $(VENV)/shown
	cp tests/project/shown_code.json $(VENV)/shown/pyrightconfig.json
	PATH="$(CURDIR)/$(RUN):$$PATH" pyright --project $(VENV)/shown
	$(RUN)mypy --config-file= --strict --follow-imports silent --scripts-are-modules $(VENV)/shown/*.py

audit: $(VENV)/.ready ## Ask PyPI's database whether a locked dependency has a known vulnerability; ruff's S rules are part of `lint`
	$(UV) export --quiet --frozen --no-dev --all-extras --no-emit-project --output-file $(VENV)/audited.txt
	$(RUN)pip-audit --strict --disable-pip --require-hashes -r $(VENV)/audited.txt

sbom: $(filter .uv/bin/uv,$(UV)) ## Write what an installation with all extras brings, as CycloneDX, into sbom.cdx.json
	$(UV) export --quiet --frozen --no-dev --all-extras --format cyclonedx1.5 --output-file sbom.cdx.json

dist: $(filter .uv/bin/uv,$(UV)) ## Build wheel and sdist with locked tools, and check them
	rm -rf dist
	$(BUILD) python -m hatchling build
	$(BUILD) twine check --strict dist/*
	$(BUILD) check-wheel-contents dist/*.whl

package: dist ## Build wheel and sdist, check them, and run the README's ten lines in an empty environment
	awk '/^```python/ {inside = 1; next} /^```/ && inside {exit} inside' README.md | \
		$(UV) run --quiet --isolated --no-project --python $(INTERPRETER) --with "$$(ls dist/*.whl)[cli,sandbox]" \
		sh -c 'python -I - && qwen-workspace --version'

check: test lint type package ## Run what has to pass before a commit; .ci/run also checks demo, docs, notebooks and floors

upgrade: $(filter .uv/bin/uv,$(UV)) ## Lock the newest dependencies that are allowed, and the installer uv
	$(UV) lock --upgrade
	echo "uv>=0.9,<1" | $(UV) pip compile --quiet --universal --generate-hashes --no-annotate \
		--custom-compile-command "make upgrade" --output-file installer.txt -

pre-commit: $(VENV)/.ready ## Let git run format, lint and type checks before each commit
	$(RUN)pre-commit install

# The facts about models

models: $(VENV)/.ready ## Bring data/models.json up to date from a file of `qwen-workspace models --refresh` (FILE=catalogue.json)
	$(RUN)python -m scripts.update_models $(FILE)

recordings: $(VENV)/.ready ## Take a recording of `qwen-workspace verify` into tests/recordings, and play it (FILE=….recording.jsonl)
	$(RUN)python -m scripts.add_recording $(FILE)
	$(PYTEST) tests/verify/test_recordings.py

# What users read

notebooks: $(VENV)/.ready ## Execute the cookbook's notebooks and write their outputs (ARGS=--check compares instead)
	$(RUN)python cookbook/_notebooks.py $(ARGS)

docs: $(VENV)/.ready ## Build the documentation into site/, strictly, and check its links and its search
	NO_MKDOCS_2_WARNING=1 $(RUN)mkdocs build --quiet --strict --clean
	BUILT_SITE=site $(RUN)python -m pytest -m nightly tests/project/test_site.py

links: $(VENV)/.ready ## Ask every external address that site, README and metadata name (needs the network)
	$(RUN)python -m scripts.check_links site

bench: $(VENV)/.ready ## Measure chat beside the usual classes, against loopback, into docs/benchmarks (ARGS="--rounds 1")
	$(RUN)python -m benchmarks.chat --into docs/benchmarks $(ARGS)

bench-embeddings: $(VENV)/.ready ## Measure embeddings the same way (10 minutes)
	$(RUN)python -m benchmarks.embeddings $(ARGS)

bench-scale: $(VENV)/.ready ## Measure 10 to 10,000 workspaces in one process, into docs/benchmarks (Linux; ARGS="--workspaces 10 100")
	$(RUN)python -m benchmarks.scale --into docs/benchmarks $(ARGS)

instructions: $(VENV)/.ready ## Count the instructions of a stream and of a long history into benchmarks/ (needs valgrind)
	$(RUN)python -m benchmarks.instructions --write

clean: ## Remove what the targets made
	rm -rf .venv .venv-* .uv dist sbom.cdx.json .mypy_cache .ruff_cache .pytest_cache .hypothesis site

$(VENV)/.ready: pyproject.toml uv.lock $(filter .uv/bin/uv,$(UV))
	UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) sync --quiet --frozen --all-groups --no-group mutation --no-group local-server --all-extras --python $(INTERPRETER)
	@touch $@

.uv/bin/uv: installer.txt
	$(INTERPRETER) -m venv .uv
	.uv/bin/pip install --quiet --require-hashes --only-binary :all: --requirement installer.txt
	@touch $@
