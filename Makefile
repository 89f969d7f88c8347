PYTHON ?= python3
BIN := .venv/bin
# An editable install builds the C runtime, so its sources count too.
SOURCES := pyproject.toml hatch_build.py $(wildcard lambundle/runtime/*.py lambundle/runtime/src/*)
PYTEST ?= $(BIN)/python -m pytest -n 2 --dist loadgroup
PIP := $(BIN)/python -m pip install --disable-pip-version-check
# moto, awscli and cfn-lint play AWS for the examples' READMEs: 0.4 GB, only where no test may be skipped.
TOOLS := $(if $(filter 1,$(LAMBUNDLE_REQUIRE))$(filter true,$(CI)),examples,test)

.PHONY: demo test bench corpus man clean

demo: .venv/installed  ## pack this machine's gcc into gcc.zip
	$(BIN)/lambundle pack gcc -o gcc.zip

test: .venv/installed-$(TOOLS)  ## every check there is (LAMBUNDLE_REQUIRE=1: skip none, whatever that takes)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST) -m "not bench" $(ARGS)

bench: .venv/installed-test  ## ratios against rivals, as the README shows them (ARGS="deps start" for some)
	$(BIN)/python -m tests.bench $(ARGS)

corpus: .venv/installed-test  ## real jobs on a bare host, as a table (ARGS="git perl" for some)
	$(BIN)/python -m tests.integration.corpus $(ARGS)

man: .venv/installed  ## docs/man/lambundle.1, made from the commands
	$(BIN)/python -m lambundle.cli.man > docs/man/lambundle.1

clean:
	rm -rf .venv .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist lambundle/runtime/built gcc.zip

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make PYTHON=...")'
	$(PYTHON) -m venv .venv

# Each stamp is newer than all that its installation was made from. Of what only tests use, most is never imported:
# it is compiled when it is.
.venv/installed: $(SOURCES) | .venv/bin/python
	@echo 'Installing lambundle into .venv: its runtime is compiled by zig, 0.1 GB to download'
	$(PIP) -e .
	@touch $@

.venv/installed-test: $(SOURCES) | .venv/bin/python
	@echo 'Installing lambundle and what its tests use into .venv: 0.2 GB to download, 0.6 GB on the disk'
	$(PIP) --no-compile -e '.[test]'
	@touch .venv/installed $@

.venv/installed-examples: $(SOURCES) | .venv/bin/python
	@echo 'Installing lambundle and what all its tests use into .venv: 0.3 GB to download, 1 GB on the disk'
	$(PIP) --no-compile -e '.[test,examples]'
	@touch .venv/installed .venv/installed-test $@
